"""YOLO's text files, one a photo: ``class x_centre y_centre width height confidence`` a row, in parts of the photo."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sortline.data.annotations import CocoJson
from sortline.data.formats.base import Findings
from sortline.data.formats.yolo import LABELS, NO_LABELS
from sortline.data.formats.yolo_files import DECIMALS_OF_PIXELS, RANGE_TOLERANCE
from sortline.errors import InputError, Problem
from sortline.files import missing_part, read_text
from sortline.predictions.importing.classes import ordered_ids
from sortline.predictions.importing.images import ImageIndex
from sortline.predictions.importing.imported import Imported, check_any, note_on_empty
from sortline.predictions.results import Results
from sortline.progress import track

COLUMNS = 6
REMEDY = "predict again with save_txt=True save_conf=True (--save-txt --save-conf in YOLOv5 and YOLOv7)"


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
