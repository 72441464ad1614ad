"""Predictions from disk: COCO results json or submission CSV, told apart by the file's ending."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sortline.data.annotations import CocoJson
from sortline.data.json_columns import Columns
from sortline.errors import InputError, Problem, counted
from sortline.files import garbage_collection_paused, read_json
from sortline.predictions.results import Results
from sortline.predictions.submission_boxes import read_submission
from sortline.progress import track


def read_predictions(path: str | os.PathLike[str], annotations: CocoJson) -> Results:
    """Read detections from ``*.json`` (COCO results) or ``*.csv`` (submission, matched by ``file_name``).

    Args:
        path: The file; its ending, in capitals or not, says which of the two it is.
        annotations: The annotation file whose images were detected on.

    Returns:
        The detections in the file's order.

    Raises:
        InputError: Another ending, or anything that keeps the file from being read as what its ending says;
            all problems together.
    """
    ending = Path(path).suffix.lower()
    with garbage_collection_paused():
        if ending == ".json":
            return read_results(path, annotations)
        if ending == ".csv":
            return read_submission(path, annotations)
    what = f"ends in {ending!r}" if ending else "has no ending"
    raise InputError(Problem(str(path), what, "predictions are COCO results (.json) or a submission (.csv)"))


def read_all(
    paths: Sequence[str | os.PathLike[str]], annotations: CocoJson, needs_boxes: bool = False
) -> list[Results]:
    """Read several files of predictions on the same images; shows how far it is.

    Args:
        paths: The files.
        annotations: The annotation file whose images were detected on.
        needs_boxes: Refuse a file without a box.

    Raises:
        InputError: As for :func:`read_predictions`; the problems of all files together.
    """
    members: list[Results] = []
    problems: list[Problem] = []
    for path in track(paths, "reading predictions"):
        try:
            members.append(read_predictions(path, annotations))
        except InputError as error:
            problems += error.problems
            continue
        if needs_boxes and len(members[-1]) == 0:
            problems.append(Problem(str(path), "holds no boxes", "leave it out, or predict again"))
    if problems:
        raise InputError(problems)
    return members


def read_results(path: str | os.PathLike[str], annotations: CocoJson) -> Results:
    """Read a COCO results file, a list of ``{image_id, category_id, bbox, score}``, and check it.

    Args:
        path: The file.
        annotations: The annotation file whose images were detected on.

    Returns:
        The detections in the file's order.

    Raises:
        InputError: Not a results file, images or categories that ``annotations`` lacks, or values that are
            not usable; all problems together.
    """
    where = str(path)
    data = read_json(path, quick=True)
    if not isinstance(data, list):
        if isinstance(data, dict) and "images" in data:
            what = "looks like an annotation file, not a COCO results file"
        else:
            what = f"is not a COCO results file: it holds a {type(data).__name__}, not a list"
        raise InputError(Problem(where, what, "give the list of image_id, category_id, bbox and score"))
    rows = Columns(where, ("row", "rows"), data)
    image_ids, has_image = rows.integers("image_id")
    category_ids, has_category = rows.integers("category_id")
    bboxes_xywh, _ = rows.boxes("bbox")
    scores, has_score = rows.numbers("score")
    listed_ids = [category["id"] for category in annotations["categories"]]
    remedies = {
        "images": "image ids belong to one annotation file: give the one that these were detected on",
        "categories": f"its category ids are {counted(listed_ids, limit=20)}",
    }
    columns = (("images", "image_id", image_ids, has_image), ("categories", "category_id", category_ids, has_category))
    for entries, key, ids, has_id in columns:
        unknown = has_id & ~np.isin(ids, [entry["id"] for entry in annotations[entries]])
        shown = counted(np.unique(ids[unknown]).tolist())
        what = f"of {entries} that the annotation file does not list ({key} {shown})"
        rows.report(unknown, what, remedies[entries])
    rows.report(has_score & ((scores < 0) | (scores > 1)), "with a score outside 0 to 1")
    if rows.problems:
        raise InputError(rows.problems)
    return Results(image_ids, category_ids, bboxes_xywh, scores)
