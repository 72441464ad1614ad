"""One door for predictions on disk: COCO results json or submission CSV, told apart by the file's ending."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from sortline.data.annotations import CocoJson
from sortline.errors import InputError, Problem
from sortline.files import garbage_collection_paused
from sortline.predictions.results import Results, read_results
from sortline.predictions.submission import read_submission
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
