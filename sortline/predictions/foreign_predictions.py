"""Predictions of other frameworks: their rows, and which of our images and categories they mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from sortline.arrays import FloatArray, IntArray
from sortline.data.annotations import CocoJson, category_names
from sortline.data.formats.base import without_suffix
from sortline.data.json_columns import Columns
from sortline.errors import InputError, Problem, counted, nearest
from sortline.files import read_json
from sortline.predictions.results import Results
from sortline.reports.numbers import some

REMEDY = "give as --ann the annotation file of the images that were predicted"


@dataclass(frozen=True)
class Imported:
    """Predictions on the images of one annotation file.

    Attributes:
        results: The detections.
        notes: What had to be decided or left out, for the user to know.
    """

    results: Results
    notes: tuple[str, ...]


def note_on_empty(count: int) -> list[str]:
    """Say how many boxes without area were left out, which other frameworks write where they clip or round."""
    return [f"{some(count, 'box')} without width or height left out"] if count else []


def check_any(count: int, where: str) -> None:
    """Refuse a source that gives no box.

    Raises:
        InputError: The count is 0.
    """
    if count == 0:
        raise InputError(Problem(where, "holds no boxes", "predict again, with a lower threshold of confidence"))


@dataclass(frozen=True)
class Rows:
    """Predictions as a file lists them, ``N`` of them with area.

    Attributes:
        where: The file.
        columns: The rows, with what is wrong with them.
        category_ids: Ids as in the file, shape ``(N,)``.
        bboxes_xywh: Left, top, width, height in pixels, shape ``(N, 4)``.
        scores: Confidence from 0 to 1, shape ``(N,)``.
        empty: Further rows, whose box has no width or height.
    """

    where: str
    columns: Columns
    category_ids: IntArray
    bboxes_xywh: FloatArray
    scores: FloatArray
    empty: int

    def results(self, image_ids: Sequence[int], categories: Mapping[int, int]) -> Results:
        """Put our ids in place of theirs.

        Args:
            image_ids: Our image id of each row.
            categories: Our category id by theirs.
        """
        ours = [categories[theirs] for theirs in self.category_ids.tolist()]
        return Results.from_arrays(image_ids, ours, self.bboxes_xywh, self.scores)

    @property
    def notes(self) -> list[str]:
        """Say how many rows were left out."""
        return note_on_empty(self.empty)


def read_rows(path: Path) -> Rows:
    """Read ``category_id``, ``bbox`` and ``score`` of each row; images are left to the caller.

    Raises:
        InputError: Not a list of predictions, or values that can't be used; all problems together.
    """
    data = read_json(path, quick=True)
    if not isinstance(data, list):
        what = f"holds a {type(data).__name__}, not a list of predictions"
        raise InputError(Problem(str(path), what, "give the file with image_id, category_id, bbox and score"))
    kept = [row for row in data if not _is_empty(row)]
    check_any(len(kept), str(path))
    columns = Columns(str(path), ("row", "rows"), kept)
    category_ids, _ = columns.integers("category_id")
    bboxes_xywh, _ = columns.boxes("bbox")
    scores, has_score = columns.numbers("score")
    columns.report(has_score & ((scores < 0) | (scores > 1)), "with a score outside 0 to 1")
    if columns.problems:
        raise InputError(columns.problems)
    return Rows(str(path), columns, category_ids, bboxes_xywh, scores, len(data) - len(kept))


def _is_empty(row: Any) -> bool:
    """Tell a box without area, which clipping and rounding leave and nothing can match, from one that is broken."""
    bbox = row.get("bbox") if isinstance(row, dict) else None
    return isinstance(bbox, list) and len(bbox) == 4 and 0 in bbox[2:]


def seen_ids(rows: Rows) -> list[int]:
    """List the category ids that occur, ascending."""
    ids: list[int] = np.unique(rows.category_ids).tolist()
    return ids


def ids_by_name(names: Sequence[str], annotations: CocoJson, where: str) -> list[int]:
    """Return the category id of each class name.

    Args:
        names: Class names of another framework.
        annotations: Our annotation file.
        where: What holds the names, as shown to the user.

    Raises:
        InputError: Names that the annotation file does not have.
    """
    ids = {category["name"]: category["id"] for category in annotations["categories"]}
    unknown = [name for name in names if name not in ids]
    if unknown:
        remedy = "name the classes there as in the annotation file, in the same places"
        raise InputError(
            [
                Problem(where, f"class {name!r} is not in the annotation file", nearest(name, ids) or remedy)
                for name in unknown
            ]
        )
    return [ids[name] for name in names]


def ordered_ids(names: Sequence[str] | None, annotations: CocoJson, where: str) -> tuple[list[int], str]:
    """Return the category id of each class by its number from 0 on, and a note on where the order is from.

    Args:
        names: Classes in the other framework's order; None for that of our annotation file.
        annotations: Our annotation file.
        where: What holds the names, as shown to the user.

    Raises:
        InputError: As for :func:`ids_by_name`.
    """
    if names is not None:
        return ids_by_name(names, annotations, where), f"classes in the order of {where}"
    order = counted(category_names(annotations), limit=3)
    ids = [category["id"] for category in annotations["categories"]]
    return ids, f"classes taken to be in the order of the annotation file ({order}); --classes gives another"


class ImageIndex:
    """Looks up images of an annotation file by names that begin at another folder, or end without the suffix.

    Args:
        annotations: The annotation file.
        by_stem: Leave the suffix out, so that ``0001`` finds ``test/0001.jpg``.
    """

    def __init__(self, annotations: CocoJson, by_stem: bool = False) -> None:
        self._by_last_part: dict[str, list[tuple[tuple[str, ...], int]]] = {}
        self._by_number: dict[int, list[int]] = {}
        for image in annotations["images"]:
            name = without_suffix(image["file_name"]) if by_stem else image["file_name"]
            parts = PurePosixPath(name).parts
            self._by_last_part.setdefault(parts[-1], []).append((parts, image["id"]))
            if parts[-1].isdecimal():
                self._by_number.setdefault(int(parts[-1]), []).append(image["id"])

    def find(self, name: str | int) -> list[int]:
        """Return the ids of the images that a name may mean: of one, unless it is unknown or ambiguous.

        Args:
            name: File name, of which folders at the start may be missing or more than in the annotation file; or
                the number that is left of a name of digits, 1 of ``0001``.
        """
        if isinstance(name, int):
            return self._by_number.get(name, [])
        parts = PurePosixPath(name).parts
        candidates = self._by_last_part.get(parts[-1], []) if parts else []
        exact = [image_id for theirs, image_id in candidates if theirs == parts]
        return exact or [image_id for theirs, image_id in candidates if _same_end(theirs, parts)]

    def find_all(self, names: Iterable[str | int], where: str) -> tuple[dict[str | int, int], list[Problem]]:
        """Look up each of several names.

        Returns:
            Image id by name, and what is wrong with the names that are not in it.
        """
        found: dict[str | int, int] = {}
        unknown: list[str | int] = []
        ambiguous: list[str | int] = []
        for name in dict.fromkeys(names):
            ids = self.find(name)
            if len(ids) == 1:
                found[name] = ids[0]
            else:
                (ambiguous if ids else unknown).append(name)
        problems = []
        if unknown:
            what = f"{some(len(unknown), 'image')} that the annotation file does not list: {counted(unknown)}"
            problems.append(Problem(where, what, REMEDY))
        if ambiguous:
            what = f"{some(len(ambiguous), 'name')} of several images: {counted(ambiguous)}"
            problems.append(Problem(where, what, "these images need different names to be told apart"))
        return found, problems


def _same_end(first: tuple[str, ...], second: tuple[str, ...]) -> bool:
    """Tell whether one path is the end of the other."""
    shared = min(len(first), len(second))
    return first[-shared:] == second[-shared:]
