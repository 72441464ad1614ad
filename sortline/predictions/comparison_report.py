"""A comparison of two submissions as tables for a terminal."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sortline.predictions.compare_submissions import Changes, Comparison

#: ``from`` and ``to`` are relabelled; headers are short, so that a terminal of 80 columns shows every digit.
COLUMNS = ("old", "new", "same", "moved", "IoU", "from", "to", "added", "lost", "agree")


def print_comparison(comparison: Comparison, new: str, old: str, console: Console | None = None) -> None:
    """Print what changed, class by class, and where most.

    Args:
        comparison: What to print.
        new: Name of the new submission.
        old: Name of the old one.
        console: Where to print; by default the terminal.
    """
    console = console or Console()
    console.print(_class_table(comparison, f"{escape(new)} against {escape(old)}"))
    if comparison.most_changed:
        console.print(_image_table(comparison))
    console.print(summary(comparison), highlight=False, soft_wrap=True)


def summary(comparison: Comparison) -> str:
    """Say in a few lines how far the two agree."""
    total = comparison.total
    lines = [
        f"{comparison.images_changed:,} of {comparison.images:,} images differ in boxes, "
        f"{comparison.images_rescored:,} more in scores alone"
    ]
    if comparison.mean_score_change is not None:
        lines.append(
            f"{comparison.pairs_rescored:,} of {comparison.pairs:,} boxes that both have differ in score; "
            f"mean difference {comparison.mean_score_change:.4f}"
        )
    if total.agreement is None:
        lines.append("agreement: neither has a box")
    else:
        lines.append(f"agreement {total.agreement:.4f} (0 nothing in common, 1 every box in both, weighted by score)")
    return "\n".join(lines)


def _class_table(comparison: Comparison, title: str) -> Table:
    table = Table(title=title, show_footer=True, box=box.SIMPLE_HEAD, pad_edge=False, padding=0)
    for name, footer in zip(("class", *COLUMNS), _cells(comparison.total), strict=True):
        table.add_column(
            name, footer=footer, justify="left" if name == "class" else "right", no_wrap=name != "class", min_width=4
        )
    for changes in comparison.classes:
        table.add_row(*_cells(changes))
    return table


def _cells(changes: Changes) -> list[str]:
    counts = (changes.old_boxes, changes.new_boxes, changes.unchanged, changes.moved)
    ends = (changes.relabelled_from, changes.relabelled_to, changes.added, changes.lost)
    return [
        escape(changes.name),
        *(f"{count:,}" for count in counts),
        "-" if changes.mean_iou is None else f"{changes.mean_iou:.2f}",
        *(f"{count:,}" for count in ends),
        "-" if changes.agreement is None else f"{changes.agreement:.3f}",
    ]


def _image_table(comparison: Comparison) -> Table:
    table = Table(title="images that changed most", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("image")
    for name in ("added", "lost", "moved", "relabelled", "changed score"):
        table.add_column(name, justify="right")
    for image in comparison.most_changed:
        counts = (image.added, image.lost, image.moved, image.relabelled)
        table.add_row(escape(image.file_name), *(f"{count:,}" for count in counts), f"{image.changed_score:.2f}")
    return table
