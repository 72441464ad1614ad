"""An evaluation as tables for a terminal and as numbers for a program."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sortline.files import write_json
from sortline.predictions.bootstrap import LEVEL, Interval
from sortline.predictions.coco_metrics import MAX_DETECTIONS
from sortline.predictions.evaluation import Evaluation, FileEvaluation

FORMAT_VERSION = 1
COCO_LABELS = {"mAP": "COCO AP", "AP50": "COCO AP50", "AP75": "COCO AP75", "APs": "APs", "APm": "APm", "APl": "APl"}
NOT_DEFINED = "-"
#: Marks the best file where bold can't be seen.
STAR = "*"


def print_evaluation(evaluation: Evaluation, console: Console) -> None:
    """Print the tables, what explains them, and how the files compare.

    The best file of each row is in bold on a terminal and marked by a star elsewhere.
    """
    console.print(_scores_table(evaluation, console.is_terminal))
    if len(evaluation.files) == 1:
        console.print(_class_table(evaluation.files[0]))
    else:
        console.print(_class_comparison(evaluation, console.is_terminal))
    for line in _explanations(evaluation):
        console.print(Text(line))


def _scores_table(evaluation: Evaluation, is_terminal: bool) -> Table:
    """One row a number, one column a file."""
    files = evaluation.files
    table = Table(title=f"{evaluation.images:,} images, {evaluation.ground_truths:,} boxes to be found")
    table.add_column()
    for file in files:
        table.add_column(Text(file.name), justify="right", overflow="fold")
    table.add_row(Text("contest mAP50"), *_marked([file.scores.map50 for file in files], is_terminal))
    if evaluation.replicates:
        table.add_row(f"{LEVEL:.0%} interval", *(Text(_interval_text(file.interval)) for file in files))
    if len(files) > 1:
        differences = [file.difference for file in files]
        values = (NOT_DEFINED if difference is None else f"{difference.value:+.4f}" for difference in differences)
        table.add_row(Text(f"difference to {files[0].name}"), *values)
        if evaluation.replicates:
            intervals = (None if difference is None else difference.interval for difference in differences)
            table.add_row(f"{LEVEL:.0%} interval of it", *(Text(_interval_text(entry, "+.4f")) for entry in intervals))
    table.add_section()
    for key, label in COCO_LABELS.items():
        table.add_row(label, *_marked([file.scores.coco[key] for file in files], is_terminal))
    table.add_section()
    table.add_row("detections", *(f"{file.detections:,}" for file in files))
    return table


def _class_table(file: FileEvaluation) -> Table:
    """All numbers of each class for one file."""
    table = Table()
    table.add_column("class")
    for header in ("true boxes", "detections", "AP50", f"{LEVEL:.0%} interval", "COCO AP"):
        table.add_column(header, justify="right")
    for entry, of_class in zip(file.scores.classes, file.class_intervals, strict=True):
        counts = (f"{entry.ground_truths:,}", f"{entry.detections:,}")
        numbers = (_number(entry.ap50), _interval_text(of_class, ".3f"), _number(entry.coco_ap))
        table.add_row(Text(entry.name), *counts, *map(Text, numbers))
    return table


def _class_comparison(evaluation: Evaluation, is_terminal: bool) -> Table:
    """AP50 of each class, one column a file."""
    table = Table(title="AP50 of each class")
    table.add_column("class")
    table.add_column("true boxes", justify="right")
    for file in evaluation.files:
        table.add_column(Text(file.name), justify="right", overflow="fold")
    for entries in zip(*(file.scores.classes for file in evaluation.files), strict=True):
        values = _marked([entry.ap50 for entry in entries], is_terminal)
        table.add_row(Text(entries[0].name), f"{entries[0].ground_truths:,}", *values)
    return table


def _marked(values: Sequence[float | None], is_terminal: bool) -> list[Text]:
    """Print numbers and mark the best, unless all are the same."""
    texts = [_number(value) for value in values]
    best = max((value for value in values if value is not None), default=None)
    if best is None or len(set(texts)) == 1:
        return [Text(text) for text in texts]
    is_best = [text == _number(best) for text in texts]
    if is_terminal:
        return [Text(text, style="bold" if mark else "") for text, mark in zip(texts, is_best, strict=True)]
    return [Text(STAR * mark + text) for text, mark in zip(texts, is_best, strict=True)]


def _number(value: float | None) -> str:
    return NOT_DEFINED if value is None else f"{value:.4f}"


def _interval_text(bounds: Interval | None, form: str = ".4f") -> str:
    return NOT_DEFINED if bounds is None else f"{bounds.low:{form}} to {bounds.high:{form}}"


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


def write_evaluation(path: str | os.PathLike[str], evaluation: Evaluation) -> None:
    """Write all numbers as JSON, in full precision; ``null`` stands for what is not defined."""
    write_json(path, as_json(evaluation), indent=1)


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """Lay an evaluation out as JSON's objects and lists; :data:`FORMAT_VERSION` counts changes of this layout."""
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
