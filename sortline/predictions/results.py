"""Detections of one annotation file's images, held as columns, and the COCO results json they come from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sortline.data.annotations import CocoJson
from sortline.data.columns import Columns
from sortline.errors import InputError, Problem, counted
from sortline.files import atomic_write, read_json

ROWS_A_WRITE = 50_000


@dataclass(frozen=True)
class Results:
    """Detections as columns, one row a box; rows of one image need not be adjacent.

    Attributes:
        image_ids: Ids of one annotation file's images, shape ``(N,)``.
        category_ids: Ids of the same file's categories, shape ``(N,)``.
        bboxes_xywh: Left, top, width, height in absolute pixels, shape ``(N, 4)``.
        scores: Confidence from 0 to 1, shape ``(N,)``.
    """

    image_ids: npt.NDArray[np.int64]
    category_ids: npt.NDArray[np.int64]
    bboxes_xywh: npt.NDArray[np.float64]
    scores: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.scores)

    @classmethod
    def from_arrays(
        cls,
        image_ids: npt.ArrayLike,
        category_ids: npt.ArrayLike,
        bboxes_xywh: npt.ArrayLike,
        scores: npt.ArrayLike,
    ) -> Results:
        """Build from anything numpy reads; float32 becomes float64 without change of value.

        Raises:
            ValueError: The lengths differ, or the boxes are not of shape ``(N, 4)``.
        """
        results = cls(
            np.asarray(image_ids, dtype=np.int64).reshape(-1),
            np.asarray(category_ids, dtype=np.int64).reshape(-1),
            np.asarray(bboxes_xywh, dtype=np.float64).reshape(-1, 4),
            np.asarray(scores, dtype=np.float64).reshape(-1),
        )
        columns = (results.image_ids, results.category_ids, results.bboxes_xywh, results.scores)
        lengths = [len(column) for column in columns]
        if len(set(lengths)) > 1:
            raise ValueError(f"columns of different lengths: {lengths}")
        return results

    @classmethod
    def empty(cls) -> Results:
        """Make results without a box."""
        return cls.from_arrays([], [], [], [])

    @classmethod
    def concatenate(cls, parts: Sequence[Results]) -> Results:
        """Join results of the same annotation file, one after the other."""
        parts = [*parts, cls.empty()]
        return cls(
            np.concatenate([part.image_ids for part in parts]),
            np.concatenate([part.category_ids for part in parts]),
            np.concatenate([part.bboxes_xywh for part in parts]),
            np.concatenate([part.scores for part in parts]),
        )

    def take(self, rows: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> Results:
        """Keep the rows of an index array, in its order, or of a mask."""
        return Results(self.image_ids[rows], self.category_ids[rows], self.bboxes_xywh[rows], self.scores[rows])

    def without_empty_boxes(self) -> Results:
        """Drop boxes without area, which some detectors leave after clipping to the image; none can match."""
        mask: npt.NDArray[np.bool_] = np.all(self.bboxes_xywh[:, 2:] > 0, axis=1)
        return self.take(mask)


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
    known_images = [image["id"] for image in annotations["images"]]
    known_categories = [category["id"] for category in annotations["categories"]]
    unknown = has_image & ~np.isin(image_ids, known_images)
    rows.report(
        unknown,
        f"of images that the annotation file does not list (image_id {_listed(image_ids[unknown])})",
        "image ids belong to one annotation file: give the one that these were detected on",
    )
    unknown = has_category & ~np.isin(category_ids, known_categories)
    rows.report(
        unknown,
        f"of categories that the annotation file does not list (category_id {_listed(category_ids[unknown])})",
        f"its category ids are {counted(known_categories, limit=20)}",
    )
    rows.report(has_score & ((scores < 0) | (scores > 1)), "with a score outside 0 to 1")
    if rows.problems:
        raise InputError(rows.problems)
    return Results(image_ids, category_ids, bboxes_xywh, scores)


def _listed(ids: npt.NDArray[np.int64]) -> str:
    return counted(np.unique(ids).tolist())


def check_results(results: Results, annotations: CocoJson, where: str) -> None:
    """Check results made in memory against the annotation file that they belong to.

    Args:
        results: Detections.
        annotations: The annotation file whose images were detected on.
        where: What the results are or are meant for, as shown to the user.

    Raises:
        InputError: Images or categories that the file lacks, NaN or infinity; all together.
    """
    problems = []
    finite = np.isfinite(results.bboxes_xywh).all(axis=1) & np.isfinite(results.scores)
    if not finite.all():
        what = f"{int((~finite).sum()):,} of {len(results):,} detections have NaN or infinity in box or score"
        problems.append(Problem(where, what, "the model has diverged: take an earlier checkpoint"))
    for key, ids in (("images", results.image_ids), ("categories", results.category_ids)):
        unknown = np.setdiff1d(ids, [entry["id"] for entry in annotations[key]])
        if len(unknown):
            what = f"detections of {key} that the annotation file does not list: ids {counted(unknown.tolist())}"
            problems.append(Problem(where, what, "give the annotation file that these were detected on"))
    if problems:
        raise InputError(problems)


def write_results(path: str | os.PathLike[str], results: Results) -> None:
    """Write a COCO results file, one detection a line; floats come back bit for bit.

    Raises:
        ValueError: A box or score is NaN or infinite; nothing is written.
    """
    bad = ~(np.isfinite(results.bboxes_xywh).all(axis=1) & np.isfinite(results.scores))
    if bad.any():
        raise ValueError(f"{int(bad.sum())} detections have NaN or infinity; the first is row {int(np.argmax(bad))}")
    with atomic_write(path) as file:
        file.write("[")
        for start in range(0, len(results), ROWS_A_WRITE):
            chunk = results.take(np.arange(start, min(start + ROWS_A_WRITE, len(results))))
            columns = zip(
                chunk.image_ids.tolist(),
                chunk.category_ids.tolist(),
                chunk.bboxes_xywh.tolist(),
                chunk.scores.tolist(),
                strict=True,
            )
            # A list of floats prints as JSON does, each by its repr, the shortest text that reads back equal.
            lines = [
                f'{{"image_id": {image}, "category_id": {category}, "bbox": {bbox}, "score": {score!r}}}'
                for image, category, bbox, score in columns
            ]
            file.write(("," if start else "") + "\n" + ",\n".join(lines))
        file.write("\n]\n")
