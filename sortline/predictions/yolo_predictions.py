"""Predictions of YOLO: Ultralytics' ``predictions.json``, and text files, one a photo."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sortline.data.annotations import CocoJson
from sortline.data.formats.base import Findings, without_suffix
from sortline.data.formats.yolo import LABELS, NO_LABELS
from sortline.data.formats.yolo_files import DECIMALS_OF_PIXELS, RANGE_TOLERANCE
from sortline.errors import InputError, Problem, counted
from sortline.files import missing_part, read_text
from sortline.predictions.foreign_predictions import (
    ImageIndex,
    Imported,
    Rows,
    check_any,
    note_on_empty,
    ordered_ids,
    read_rows,
    seen_ids,
)
from sortline.predictions.results import Results
from sortline.progress import track

COLUMNS = 6
REMEDY = "predict again with save_txt=True save_conf=True (--save-txt --save-conf in YOLOv5 and YOLOv7)"


def read_yolo_json(
    path: Path,
    annotations: CocoJson,
    names: Sequence[str] | None = None,
    names_path: str = "",
    first_class: int | None = None,
) -> Imported:
    """Read what ``yolo val ... save_json=True`` writes.

    Args:
        path: ``predictions.json``.
        annotations: Our annotation file of the same images.
        names: Classes in YOLO's order; None for that of our annotation file.
        names_path: Where these are from, as shown to the user.
        first_class: The id of the first class, 0 in older and 1 in newer versions of Ultralytics; None to tell it
            from the ids where they leave no doubt.

    Raises:
        InputError: All that is wrong with the rows, images and classes.
    """
    rows = read_rows(path)
    ids, note = ordered_ids(names, annotations, names_path)
    first, problems = _first_class(rows, len(ids), first_class)
    keys = [_image_key(row) for row in rows.columns.rows]
    unusable = [key for key in keys if not isinstance(key, str | int)]
    if unusable:
        what = f"image ids that are neither numbers nor names: {counted(unusable)}"
        raise InputError([*problems, Problem(rows.where, what)])
    found, image_problems = ImageIndex(annotations, by_stem=True).find_all(keys, rows.where)
    problems += image_problems
    if problems:
        raise InputError(problems)
    categories = {first + index: category_id for index, category_id in enumerate(ids)}
    results = rows.results([found[key] for key in keys], categories)
    return Imported(results, (note, f"class ids counted from {first}", *rows.notes))


def _image_key(row: dict[str, Any]) -> Any:
    """Return a row's image: newer versions write the file name as well, older ones only the name without suffix.

    A name of digits only is written as a number, without its leading zeros.
    """
    file_name = row.get("file_name")
    return without_suffix(file_name) if isinstance(file_name, str) and file_name else row.get("image_id")


def _first_class(rows: Rows, count: int, given: int | None) -> tuple[int, list[Problem]]:
    """Tell the id of the first class, or why it can't be told."""
    seen = seen_ids(rows)
    fitting = [first for first in (0, 1) if first <= seen[0] and seen[-1] < first + count]
    if given in fitting or (given is None and len(fitting) == 1):
        return (fitting[0] if given is None else given), []
    ids = f"class ids {seen[0]} to {seen[-1]}"
    if given is None and fitting:
        what = f"{ids} may count {count} classes from 0 or from 1"
        return 0, [Problem(rows.where, what, "older versions of Ultralytics: --first-class 0; newer: --first-class 1")]
    remedy = f"they fit --first-class {fitting[0]}" if fitting else "give the data.yaml of the training as --classes"
    counted_from = "0 or 1" if given is None else str(given)
    return 0, [Problem(rows.where, f"{ids} are not those of {count} classes counted from {counted_from}", remedy)]


def read_yolo_txt(
    folder: Path, annotations: CocoJson, names: Sequence[str] | None = None, names_path: str = ""
) -> Imported:
    """Read what ``yolo predict ... save_txt=True save_conf=True`` writes.

    A photo without text file has no boxes: YOLO writes none for it.

    Args:
        folder: The text files, or the folder that holds them as ``labels``.
        annotations: Our annotation file of the same images.
        names: Classes in YOLO's order; None for that of our annotation file.
        names_path: Where these are from, as shown to the user.

    Raises:
        InputError: All that is wrong with the files, each with file and line.
    """
    files = _text_files(folder)
    ids, note = ordered_ids(names, annotations, names_path)
    index = ImageIndex(annotations, by_stem=True)
    files = {stem: file for stem, file in files.items() if file.name not in NO_LABELS or index.find(stem)}
    findings = Findings(folder)
    found, problems = index.find_all(files, str(folder))
    findings.extend(problems)
    image_ids: list[int] = []
    values: list[list[float]] = []
    for stem, image_id in track(found.items(), "reading text files"):
        rows = _read_rows(files[str(stem)], len(ids), findings)
        values += rows
        image_ids += [image_id] * len(rows)
    findings.check()
    without = len(annotations["images"]) - len(found)
    absent = [f"{without:,} of {len(annotations['images']):,} photos have no text file and so no boxes"]
    results = _results(image_ids, np.array(values).reshape(-1, COLUMNS), ids, annotations)
    kept = results.without_empty_boxes()
    check_any(len(kept), str(folder))
    empty = note_on_empty(len(results) - len(kept))
    return Imported(kept, (note, *(absent if without else []), *empty))


def _text_files(folder: Path) -> dict[str, Path]:
    """List the text files by name without suffix.

    Raises:
        InputError: There is no such folder, or none of them in it.
    """
    if not folder.is_dir():
        what = "is a file, not a folder of text files" if folder.exists() else "no such folder"
        raise InputError(Problem(str(folder), what, missing_part(folder)))
    for place in (folder, folder / LABELS):
        files = {file.stem: file for file in sorted(place.glob("*.txt"))}
        if files:
            return files
    raise InputError(Problem(str(folder), "holds no text files", REMEDY))


def _read_rows(path: Path, classes: int, findings: Findings) -> list[list[float]]:
    """Return the rows of a file, each class, centre, size and confidence."""
    try:
        lines = read_text(path).splitlines()
    except InputError as error:
        findings.extend(error.problems)
        return []
    rows = []
    for number, line in enumerate(lines, start=1):
        tokens = line.split()
        values = _values(tokens, f"{path}:{number}", classes, findings) if tokens else None
        if values is not None:
            rows.append(values)
    return rows


def _values(tokens: Sequence[str], where: str, classes: int, findings: Findings) -> list[float] | None:
    """Check a row and return its numbers; None if it has a finding."""
    if len(tokens) == COLUMNS - 1:
        findings.add("rows without a confidence", where, " ".join(tokens), REMEDY)
        return None
    if len(tokens) != COLUMNS:
        remedy = "a row is: class x_centre y_centre width height confidence; polygons and tracks can't be read"
        findings.add("a row of the wrong number of columns", where, f"{len(tokens)} columns", remedy)
        return None
    try:
        values = [float(token) for token in tokens]
    except ValueError:
        findings.add("a row that is not numbers", where, repr(" ".join(tokens)[:60]))
        return None
    if values[0] not in range(classes):
        remedy = f"there are {classes} classes, numbered from 0; --classes data.yaml gives YOLO's own"
        findings.add("a class that is not known", where, tokens[0], remedy)
        return None
    if not all(-RANGE_TOLERANCE <= value <= 1 + RANGE_TOLERANCE for value in values[1:]):
        remedy = "coordinates are parts of the photo's width and height, not pixels; the confidence comes last"
        findings.add("values outside 0 to 1", where, " ".join(tokens[1:]), remedy)
        return None
    return values


def _results(
    image_ids: Sequence[int], values: npt.NDArray[np.float64], ids: Sequence[int], annotations: CocoJson
) -> Results:
    """Turn rows into detections in pixels.

    Args:
        image_ids: Image of each row.
        values: Class, centre and size in parts of the photo, confidence, shape ``(N, 6)``.
        ids: Category id of each class.
        annotations: Has the photos' sizes.
    """
    sizes_by_id = {image["id"]: (image["width"], image["height"]) for image in annotations["images"]}
    photos_wh = np.array([sizes_by_id[image_id] for image_id in image_ids], dtype=np.float64).reshape(-1, 2)
    sizes_wh = values[:, 3:5] * photos_wh
    starts_xy = values[:, 1:3] * photos_wh - sizes_wh / 2
    bboxes_xywh = np.concatenate([starts_xy, sizes_wh], axis=1).round(DECIMALS_OF_PIXELS)
    category_ids = np.array(ids)[values[:, 0].astype(np.int64)]
    # The tolerance of reading leaves a confidence above 1 by the last decimal.
    return Results.from_arrays(image_ids, category_ids, bboxes_xywh, values[:, 5].clip(0, 1))
