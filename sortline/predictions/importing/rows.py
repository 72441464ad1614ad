"""Lists of predictions in json files: COCO's keys, but ids of another framework's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sortline.arrays import FloatArray, IntArray
from sortline.data.columns import Columns
from sortline.errors import InputError, Problem
from sortline.files import read_json
from sortline.predictions.importing.imported import check_any, note_on_empty
from sortline.predictions.results import Results


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
