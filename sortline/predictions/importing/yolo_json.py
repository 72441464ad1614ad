"""Ultralytics' ``predictions.json``: COCO's keys, an image known by its file name without suffix."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sortline.data.annotations import CocoJson
from sortline.data.formats.base import without_suffix
from sortline.errors import InputError, Problem, counted
from sortline.predictions.importing.classes import ordered_ids
from sortline.predictions.importing.images import ImageIndex
from sortline.predictions.importing.imported import Imported
from sortline.predictions.importing.rows import Rows, read_rows, seen_ids


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
