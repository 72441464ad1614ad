"""What cuts cost, as tables for a terminal and as a chart."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sortline.files import atomic_write
from sortline.predictions.class_thresholds import ClassThreshold
from sortline.predictions.submission.summary import shown_size, some
from sortline.predictions.thresholds import STEP, Cut, Sweep
from sortline.reports.theme import INK, TEST, TRAIN, new_figure, render, with_style


def print_sweep(sweep: Sweep, console: Console | None = None) -> None:
    """Print both sweeps and what is recommended, with its cost.

    Args:
        sweep: What to print.
        console: Where to print; by default the terminal.
    """
    console = console or Console()
    for title, cuts in (("score threshold", sweep.by_score), ("boxes an image, at most", sweep.by_number)):
        if cuts:
            console.print(_sweep_table(title, [sweep.full, *cuts]))
    console.print(advice(sweep), highlight=False, soft_wrap=True)


def _sweep_table(title: str, cuts: Sequence[Cut]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in (title, "boxes", "CSV", "mAP50", "change"):
        table.add_column(name, justify="right")
    for cut in cuts:
        table.add_row(_cut_name(cut), f"{cut.boxes:,}", shown_size(cut.file_size), f"{cut.map50:.4f}", _change(cut))
    return table


def _cut_name(cut: Cut) -> str:
    names = [f"{cut.score_thr:g}"] if cut.score_thr else []
    names += [f"{cut.max_boxes:,}"] if cut.max_boxes is not None else []
    return ", ".join(names) or "all"


def _change(cut: Cut) -> str:
    text = f"{-cut.cost:+.5f}"
    return "0" if float(text) == 0 else text


def advice(sweep: Sweep) -> str:
    """Say which cuts cost next to nothing, and that none has been made."""
    if sweep.full.map50 == 0:
        return "mAP50 is 0 with all boxes: there is nothing to lose; do the predictions belong to these images?"
    limit = f"less than {sweep.max_cost:g} mAP50"
    lines = []
    if sweep.score_thr:
        lines.append(f"score threshold {sweep.score_thr.score_thr:g}: the highest that costs {limit}")
    else:
        lines.append(f"even a score threshold of {STEP:g} costs {sweep.max_cost:g} mAP50 or more: use none")
    if sweep.max_boxes:
        boxes = some(sweep.max_boxes.max_boxes or 0, "box", "boxes")
        lines.append(f"{boxes} an image: the fewest of those tried that cost {limit}")
    elif sweep.by_number:
        lines.append(f"no limit on boxes an image of those tried costs {limit}: use none")
    if sweep.recommended:
        lines.append(_with_recommended(sweep, sweep.recommended))
    lines.append("nothing was changed: mAP50 gains nothing from a score threshold; cut only if the file is too large")
    return "\n".join(lines)


def _with_recommended(sweep: Sweep, cut: Cut) -> str:
    """Say what the recommended cuts do."""
    what = "together" if sweep.score_thr and sweep.max_boxes else "with it"
    scores = f"mAP50 {sweep.full.map50:.5f} to {cut.map50:.5f} ({_change(cut)})"
    sizes = f"CSV {shown_size(sweep.full.file_size)} to {shown_size(cut.file_size)}"
    return f"{what}: {scores}, {sizes} for {sweep.images:,} images"


def print_class_thresholds(thresholds: Sequence[ClassThreshold], console: Console | None = None) -> None:
    """Print each class's threshold of the highest F1.

    Args:
        thresholds: What to print.
        console: Where to print; by default the terminal.
    """
    table = Table(
        title="per class: the threshold of the highest F1, for deployment", box=box.SIMPLE_HEAD, pad_edge=False
    )
    for name in ("class", "ground truth", "threshold", "boxes", "precision", "recall", "F1"):
        table.add_column(name, justify="left" if name == "class" else "right")
    for entry in thresholds:
        row = [escape(entry.name), f"{entry.ground_truths:,}"]
        if entry.score_thr is None:
            row += ["-"] * 5
        else:
            shares = (entry.precision, entry.recall, entry.f1)
            row += [f"{entry.score_thr:g}", f"{entry.boxes:,}", *(f"{share:.3f}" for share in shares)]
        table.add_row(*row)
    (console or Console()).print(table)


def write_chart(path: str | os.PathLike[str], sweep: Sweep) -> None:
    """Draw mAP50 and file size over both kinds of cut, the recommended ones marked, as PNG."""
    columns = [("score threshold", sweep.by_score, sweep.score_thr)]
    if sweep.by_number:
        columns.append(("boxes an image, at most", sweep.by_number, sweep.max_boxes))
    with with_style():
        figure = new_figure(4.2)
        panels = figure.subplots(2, len(columns), sharex="col", sharey="row", squeeze=False)
        for (name, cuts, chosen), (upper, lower) in zip(columns, panels.T, strict=True):
            values = [cut.score_thr or cut.max_boxes or 0 for cut in cuts]
            upper.plot(values, [cut.map50 for cut in cuts], color=TRAIN, marker="o", markersize=3)
            lower.plot(values, [cut.file_size / 1e6 for cut in cuts], color=TEST, marker="o", markersize=3)
            upper.axhline(sweep.full.map50, color=TRAIN, linewidth=1, linestyle=(0, (1, 2)))
            lower.axhline(sweep.full.file_size / 1e6, color=TEST, linewidth=1, linestyle=(0, (1, 2)))
            lower.set_xlabel(name)
            _dress(upper, lower, values, chosen)
        panels[0, 0].set_title("mAP50 (dotted: all boxes)")
        panels[1, 0].set_title("submission, MB (dotted: all boxes)")
        panels[1, 0].set_ylim(bottom=0)
        chart = render("thresholds", "Lines: mAP50 and file size over score threshold and boxes an image", figure)
    with atomic_write(path, "wb") as file:
        file.write(chart.png)


def _dress(upper: Axes, lower: Axes, values: Sequence[float], chosen: Cut | None) -> None:
    """Set a column's axis, grid and mark."""
    lower.set_xscale("log")
    if min(values, default=0) >= 1:  # limits on boxes lie within two decades, where a log axis names few ticks
        lower.set_xticks(values)
        lower.xaxis.set_minor_locator(NullLocator())
    lower.xaxis.set_major_formatter("{x:g}")
    for axes in (upper, lower):
        axes.grid(axis="y")
    if chosen is None:
        return
    value = chosen.score_thr or chosen.max_boxes or 0
    for axes in (upper, lower):
        axes.axvline(value, color=INK, linewidth=1, linestyle=(0, (4, 3)))
    start, end = upper.get_xlim()
    is_left = math.log(value / start) < 0.4 * math.log(end / start)
    upper.annotate(
        f"{_cut_name(chosen)}: {_change(chosen)}",
        (value, 0.06),
        (4 if is_left else -4, 0),
        ("data", "axes fraction"),
        textcoords="offset points",
        horizontalalignment="left" if is_left else "right",
        fontsize=8,
    )
