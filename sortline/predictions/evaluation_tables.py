"""An evaluation as tables for a terminal and as numbers for a program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.text import Text

from sortline.predictions.bootstrap import LEVEL, Interval
from sortline.predictions.coco_metrics import MAX_DETECTIONS
from sortline.predictions.evaluation import Evaluation, FileEvaluation
from sortline.reports.numbers import NOT_DEFINED, interval_text, score_text
from sortline.reports.tables import GAP, Table

FORMAT_VERSION = 1
COCO_LABELS = {"mAP": "COCO AP", "AP50": "COCO AP50", "AP75": "COCO AP75", "APs": "APs", "APm": "APm", "APl": "APl"}


def print_evaluation(evaluation: Evaluation, console: Console | None = None) -> None:
    """Print the tables, what explains them, and how the files compare.

    The best file of each row is in bold on a terminal and marked by a star elsewhere.

    Args:
        evaluation: What to print.
        console: Where to print; by default the terminal.
    """
    console = console or Console()
    _scores_table(evaluation, console.is_terminal).print(console)
    if len(evaluation.files) == 1:
        _class_table(evaluation.files[0]).print(console)
    else:
        _class_comparison(evaluation, console.is_terminal).print(console)
    for line in _explanations(evaluation):
        console.print(Text(line), soft_wrap=True)


def _scores_table(evaluation: Evaluation, is_terminal: bool) -> Table:
    """One row a number, one column a file."""
    files = evaluation.files
    rows: list[Sequence[str | Text]] = [("contest mAP50", *_marked([file.scores.map50 for file in files], is_terminal))]
    if evaluation.replicates:
        rows.append((f"{LEVEL:.0%} interval", *(interval_text(file.interval) for file in files)))
    if len(files) > 1:
        differences = [file.difference for file in files]
        values = [None if entry is None else entry.value for entry in differences]
        rows.append((f"difference to {files[0].name}", *(score_text(value, "+.4f") for value in values)))
        if evaluation.replicates:
            intervals = [None if entry is None else entry.interval for entry in differences]
            rows.append((f"{LEVEL:.0%} interval of it", *(interval_text(bounds, "+.4f") for bounds in intervals)))
    rows.append(GAP)
    for key, name in COCO_LABELS.items():
        rows.append((name, *_marked([file.scores.coco[key] for file in files], is_terminal)))
    rows += [GAP, ("detections", *(f"{file.detections:,}" for file in files))]
    title = f"{evaluation.images:,} images, {evaluation.ground_truths:,} boxes to be found"
    return Table(("", *(file.name for file in files)), rows, title)


def _class_table(file: FileEvaluation) -> Table:
    """All numbers of each class for one file."""
    headers = ("class", "true boxes", "detections", "AP50", f"{LEVEL:.0%} interval", "COCO AP")
    rows = []
    for entry, of_class in zip(file.scores.classes, file.class_intervals, strict=True):
        counts = (f"{entry.ground_truths:,}", f"{entry.detections:,}")
        numbers = (score_text(entry.ap50), interval_text(of_class, ".3f"), score_text(entry.coco_ap))
        rows.append((entry.name, *counts, *numbers))
    return Table(headers, rows)


def _class_comparison(evaluation: Evaluation, is_terminal: bool) -> Table:
    """AP50 of each class, one column a file."""
    rows = [
        (entries[0].name, f"{entries[0].ground_truths:,}", *_marked([entry.ap50 for entry in entries], is_terminal))
        for entries in zip(*(file.scores.classes for file in evaluation.files), strict=True)
    ]
    headers = ("class", "true boxes", *(file.name for file in evaluation.files))
    return Table(headers, rows, "AP50 of each class")


def _marked(values: Sequence[float | None], is_terminal: bool) -> list[str | Text]:
    """Write numbers and mark the best, unless all are the same."""
    texts = [score_text(value) for value in values]
    best = score_text(max((value for value in values if value is not None), default=None))
    if best == NOT_DEFINED or len(set(texts)) == 1:
        return [*texts]
    mark = Text(best, style="bold") if is_terminal else f"*{best}"
    return [mark if text == best else text for text in texts]


def _explanations(evaluation: Evaluation) -> list[str]:
    lines = [
        "contest mAP50: area under the precision envelope at IoU 0.5, every detection counts; "
        f"COCO: 101 recall points, at most {MAX_DETECTIONS} detections an image and class"
    ]
    if evaluation.replicates:
        lines.append(
            f"intervals: {evaluation.replicates:,} resamples of the images (seed {evaluation.seed}); they say how "
            "much hangs on the choice of images, not on the training's seed"
        )
    lines += evaluation.notes
    lines += [f"{file.name}: {note}" for file in evaluation.files for note in file.notes]
    if evaluation.replicates:
        lines += [_verdict(file, evaluation.files[0].name) for file in evaluation.files[1:]]
    return lines


def _verdict(file: FileEvaluation, first: str) -> str:
    """Say whether a file differs from the first one by more than the choice of images explains."""
    difference = file.difference
    if difference is None or not difference.is_beyond_chance:
        return f"{file.name} and {first} can't be told apart on these images: the interval of the difference holds 0"
    word = "better" if difference.value > 0 else "worse"
    return f"{file.name} is {word} than {first} by {abs(difference.value):.4f} mAP50, beyond the chance of these images"


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """Lay an evaluation out as JSON's objects and lists, in full precision; None stands for what is not defined.

    :data:`FORMAT_VERSION` counts changes of this layout.
    """
    return {
        "format": "sortline-evaluation",
        "version": FORMAT_VERSION,
        "annotations": evaluation.annotations,
        "images": evaluation.images,
        "ground_truths": evaluation.ground_truths,
        "bootstrap": {"replicates": evaluation.replicates, "seed": evaluation.seed, "level": LEVEL},
        "files": [_file_json(file) for file in evaluation.files],
        "notes": list(evaluation.notes),
    }


def _file_json(file: FileEvaluation) -> dict[str, Any]:
    classes = [
        {**asdict(entry), "ap50_interval": _bounds(of_class)}
        for entry, of_class in zip(file.scores.classes, file.class_intervals, strict=True)
    ]
    difference = None
    if file.difference is not None:
        difference = {**asdict(file.difference), "interval": _bounds(file.difference.interval)}
    return {
        "path": file.path,
        "name": file.name,
        "detections": file.detections,
        "map50": file.scores.map50,
        "map50_interval": _bounds(file.interval),
        "difference_to_first": difference,
        "coco": file.scores.coco,
        "classes": classes,
        "notes": list(file.notes),
    }


def _bounds(bounds: Interval | None) -> list[float] | None:
    return None if bounds is None else [bounds.low, bounds.high]
