"""A comparison in plain words, as tables for the terminal or Markdown, and as numbers for a program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.text import Text

from sortline.predictions.bootstrap import LEVEL
from sortline.predictions.box_scores import MAP50
from sortline.reports.numbers import interval_text, score_text
from sortline.reports.tables import Table
from sortline.runs.comparison.changed_photos import ChangedPhotos
from sortline.runs.comparison.compare import Comparison, PairedDifference, RunDifference
from sortline.runs.named_score import label

FORMAT_VERSION = 1
PERCENT = f"{LEVEL:.0%}"
#: What became of photos, by the position of the run and of the one that it is compared with.
Photos = Mapping[tuple[int, int], ChangedPhotos]


def print_comparison(comparison: Comparison, photos: Photos, console: Console) -> None:
    """Print tables, explanations and, last, the verdicts."""
    for table in tables(comparison, photos):
        table.print(console)
    for line in [*notes(comparison), *verdicts(comparison)]:
        console.print(Text(line))


def markdown(comparison: Comparison, photos: Photos) -> str:
    """Write the same as Markdown, verdicts first."""
    parts = [f"- {line}\n" for line in verdicts(comparison)]
    parts += [f"\n{table.markdown()}" for table in tables(comparison, photos)]
    return "".join([*parts, "\n", *(f"{line}\n\n" for line in notes(comparison))]).rstrip() + "\n"


def verdicts(comparison: Comparison) -> list[str]:
    """Say of each pair of runs which is better, or that they can't be told apart."""
    return [verdict(entry, label(comparison.score.name)) for entry in comparison.differences]


def letter(place: int) -> str:
    """Name a run by its position, as names of configs are too long for a table: A, B ... Z, then R27 and so on."""
    return chr(ord("A") + place) if place < 26 else f"R{place + 1}"


def verdict(entry: RunDifference, score: str) -> str:
    """Say in one line which of two runs is better, by how much of which score and how surely."""
    run, other = letter(entry.run), letter(entry.other)
    difference = entry.score.difference
    if difference is None or entry.score.joint is None:
        return f"{run} and {other} can't be compared: no resample gives a score"
    interval = interval_text(entry.score.joint, "+.3f")
    sure = f"{difference.value:+.3f} {score} ({PERCENT} interval {interval})"
    if entry.score.sign:
        return f"{run} is {'better' if entry.score.sign > 0 else 'worse'} than {other}: {sure}"
    return f"{run} and {other}: no difference can be told from noise: {sure}"


def tables(comparison: Comparison, photos: Photos) -> list[Table]:
    """Lay a comparison out: the runs, their differences, the classes, the photos that changed most."""
    laid_out = [_runs_table(comparison)]
    if len(comparison.runs) > 2 and len(comparison.differences) >= len(comparison.runs):
        laid_out.append(_matrix(comparison))
    else:
        laid_out.append(_differences_table(comparison))
    if len(comparison.differences) == 1:
        laid_out.append(_class_table(comparison, comparison.differences[0]))
    else:
        laid_out.append(_classes_of_all(comparison))
    laid_out += [_photo_table(pair, changes) for pair, changes in photos.items() if changes.most]
    return laid_out


def _runs_table(comparison: Comparison) -> Table:
    folds = comparison.folds if len(comparison.folds) > 1 else ()
    headers = ["", "run", label(comparison.score.name), f"{PERCENT} interval", *(f"fold {fold}" for fold in folds)]
    rows = [
        (
            letter(place),
            run.name,
            f"{run.value:.4f}",
            interval_text(run.interval, ".3f"),
            *(f"{value:.4f}" for value in run.folds if folds),
        )
        for place, run in enumerate(comparison.runs)
    ]
    title = f"{comparison.images:,} validation images, {sum(comparison.ground_truths):,} boxes to be found"
    return Table(headers, rows, title, left=(0, 1))


def _differences_table(comparison: Comparison) -> Table:
    folds = comparison.folds if len(comparison.folds) > 1 else ()
    first = letter(comparison.differences[0].other)
    headers = ["", label(comparison.score.name), f"{PERCENT} interval", "wins", *(f"fold {fold}" for fold in folds)]
    rows = [
        (
            letter(entry.run),
            _value(entry.score),
            _own_span(entry.score),
            _share_better(entry.score),
            *(f"{value:+.4f}" for value in entry.folds if folds),
        )
        for entry in comparison.differences
    ]
    return Table(headers, rows, f"Difference to {first} (wins: share of resamples)")


def _matrix(comparison: Comparison) -> Table:
    """Every run against every other: the row's score less the column's, marked where that is beyond chance."""
    names = list(map(letter, range(len(comparison.runs))))
    cells = [["" for _ in names] for _ in names]
    for entry in comparison.differences:
        mark = "*" if entry.score.sign else ""
        value = entry.score.difference.value if entry.score.difference else 0.0
        cells[entry.run][entry.other] = f"{value:+.4f}{mark}"
        cells[entry.other][entry.run] = f"{-value:+.4f}{mark}"
    rows = [(name, *line) for name, line in zip(names, cells, strict=True)]
    return Table(
        ["row less column", *names], rows, f"{label(comparison.score.name)} (* beyond chance, all pairs together)"
    )


def _class_table(comparison: Comparison, entry: RunDifference) -> Table:
    run, other = comparison.runs[entry.run], comparison.runs[entry.other]
    letters = (letter(entry.other), letter(entry.run))
    headers = ["class", "boxes", *letters, "diff", f"{PERCENT} interval", "wins", ""]
    columns = zip(
        comparison.classes, comparison.ground_truths, other.class_aps, run.class_aps, entry.classes, strict=True
    )
    rows = [
        (
            name,
            f"{boxes:,}",
            score_text(before),
            score_text(now),
            _value(paired),
            _own_span(paired),
            _share_better(paired),
            word(paired),
        )
        for name, boxes, before, now, paired in columns
    ]
    return Table(headers, rows, f"{comparison.score.class_label} of each class")


def _classes_of_all(comparison: Comparison) -> Table:
    """One column a pair of runs: the difference of each class, marked where it is beyond chance."""
    pairs = [f"{letter(entry.run)} less {letter(entry.other)}" for entry in comparison.differences]
    headers = ["class", "boxes", *pairs]
    rows = [
        (name, f"{boxes:,}", *(_marked(entry.classes[place]) for entry in comparison.differences))
        for place, (name, boxes) in enumerate(zip(comparison.classes, comparison.ground_truths, strict=True))
    ]
    title = f"{comparison.score.class_label} of each class (* beyond chance, all classes of a column together)"
    return Table(headers, rows, title)


def _photo_table(pair: tuple[int, int], changes: ChangedPhotos) -> Table:
    run, other = map(letter, pair)
    headers = ["photo", f"{other}: right", "wrong", "missed", f"{run}: right", "wrong", "missed", "errors"]
    rows = [
        (change.file_name, *map(str, change.other), *map(str, change.run), f"{-change.fewer_errors:+d}")
        for change in changes.most
    ]
    title = (
        f"Photos that changed most ({run} has fewer errors than {other} on {changes.better:,} photos, more on "
        f"{changes.worse:,}, as many on {changes.same:,})"
    )
    return Table(headers, rows, title)


def word(paired: PairedDifference) -> str:
    """Say in a word what a class's difference shows: ``better`` or ``worse``, with ``?`` for a hint, or nothing."""
    if paired.difference is None or not (paired.sign or paired.is_hint):
        return ""
    return ("better" if paired.difference.value > 0 else "worse") + ("?" if paired.is_hint else "")


def notes(comparison: Comparison) -> list[str]:
    """Explain what the numbers say and what they can't say."""
    of_folds = "of the folds and of the images in them" if len(comparison.folds) > 1 else "of the images"
    lines = [comparison.note] if comparison.note else []
    lines += [
        f"intervals: {comparison.replicates:,} resamples {of_folds} (seed {comparison.seed}), the same for all runs",
        "class by class: 'better' and 'worse' hold with all classes looked at together; with a '?' they would hold if "
        "only this class had been looked at, which among many is often luck",
    ]
    if len(comparison.folds) == 1:
        lines.append(
            "one training each: the intervals know nothing of what another seed would give, which may be as much; "
            "compare folds, or train several seeds with tools/ablation.py"
        )
    if len(comparison.differences) > 1:
        lines.append(
            f"{len(comparison.differences)} comparisons: the verdicts' intervals hold for all of them together"
        )
    return lines


def _value(paired: PairedDifference) -> str:
    return score_text(None if paired.difference is None else paired.difference.value, "+.4f")


def _marked(paired: PairedDifference) -> str:
    return _value(paired) + ("*" if paired.sign else "")


def _own_span(paired: PairedDifference) -> str:
    return interval_text(None if paired.difference is None else paired.difference.interval, "+.3f")


def _share_better(paired: PairedDifference) -> str:
    share = None if paired.difference is None else paired.difference.share_better
    return score_text(share, ".1%")


def as_json(comparison: Comparison, photos: Photos) -> dict[str, Any]:
    """Lay a comparison out as JSON's objects and lists; :data:`FORMAT_VERSION` counts changes of this layout.

    A value of mAP50 stands under ``map50``, one of any other score under ``value``.
    """
    key = _value_key(comparison)
    return {
        "format": "sortline-comparison",
        "version": FORMAT_VERSION,
        "score": comparison.score.name,
        "images": comparison.images,
        "folds": [fold for fold in comparison.folds if fold is not None],
        "bootstrap": {"replicates": comparison.replicates, "seed": comparison.seed, "level": LEVEL},
        "runs": [
            {
                "name": run.name,
                "source": run.source,
                key: run.value,
                "interval": asdict(run.interval) if run.interval else None,
                "folds": list(run.folds),
                "class_aps": dict(zip(comparison.classes, run.class_aps, strict=True)),
            }
            for run in comparison.runs
        ],
        "ground_truths": dict(zip(comparison.classes, comparison.ground_truths, strict=True)),
        "differences": [_difference_json(comparison, entry, photos) for entry in comparison.differences],
    }


def _value_key(comparison: Comparison) -> str:
    return "map50" if comparison.score.name == MAP50 else "value"


def _difference_json(comparison: Comparison, entry: RunDifference, photos: Photos) -> dict[str, Any]:
    changes = photos.get((entry.run, entry.other))
    return {
        "run": comparison.runs[entry.run].name,
        "other": comparison.runs[entry.other].name,
        "verdict": verdict(entry, label(comparison.score.name)),
        _value_key(comparison): _paired_json(entry.score),
        "folds": list(entry.folds),
        "classes": {name: _paired_json(paired) for name, paired in zip(comparison.classes, entry.classes, strict=True)},
        "photos": asdict(changes) if changes is not None else None,
    }


def _paired_json(paired: PairedDifference) -> dict[str, Any] | None:
    if paired.difference is None:
        return None
    return {
        **asdict(paired.difference),
        "joint_interval": asdict(paired.joint) if paired.joint else None,
        "sign": paired.sign,
    }
