"""Detections of one annotation file's images, held as columns; checked, counted and written as COCO results json."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sortline.arrays import BoolArray, FloatArray, IntArray
from sortline.data.annotations import CocoJson, image_rows, without_pseudo
from sortline.data.coco_table import BORDER_TOLERANCE, boxes_outside
from sortline.errors import InputError, Problem, counted
from sortline.files import atomic_write

ROWS_A_WRITE = 50_000
#: Detectors that don't cut their boxes at the image's border have a smaller share of boxes beyond it.
MANY_OUTSIDE = 0.05


@dataclass(frozen=True)
class Results:
    """Detections as columns, one row a box; rows of one image need not be adjacent.

    Attributes:
        image_ids: Ids of one annotation file's images, shape ``(N,)``.
        category_ids: Ids of the same file's categories, shape ``(N,)``.
        bboxes_xywh: Left, top, width, height in absolute pixels, shape ``(N, 4)``.
        scores: Confidence from 0 to 1, shape ``(N,)``.
    """

    image_ids: IntArray
    category_ids: IntArray
    bboxes_xywh: FloatArray
    scores: FloatArray

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

    def take(self, rows: IntArray | BoolArray) -> Results:
        """Keep the rows of an index array, in its order, or of a mask."""
        return Results(self.image_ids[rows], self.category_ids[rows], self.bboxes_xywh[rows], self.scores[rows])

    def without_empty_boxes(self) -> Results:
        """Drop boxes without area, which some detectors leave after clipping to the image; none can match."""
        has_area: BoolArray = np.all(self.bboxes_xywh[:, 2:] > 0, axis=1)
        return self.take(has_area)


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


def with_true_labels(annotations: CocoJson, results: Results) -> tuple[CocoJson, Results, int]:
    """Leave out the images whose labels are predicted: neither a score nor a precision may rest on them.

    Args:
        annotations: An annotation file's content.
        results: Detections on its images.

    Returns:
        What is left of both, and the number of images left out.
    """
    real, left_out = without_pseudo(annotations)
    if not left_out:
        return annotations, results, 0
    known = np.array([image["id"] for image in real["images"]], dtype=np.int64)
    return real, results.take(np.isin(results.image_ids, known)), left_out


def note_on_outside(results: Results, annotations: CocoJson) -> list[str]:
    """Say so if many boxes reach beyond their image, as predictions on resized photos do; else return nothing."""
    rows = image_rows(annotations)
    sizes_wh = np.array([[image["width"], image["height"]] for image in annotations["images"]])
    on_image = [rows[image] for image in results.image_ids.tolist()]
    outside = float(boxes_outside(results.bboxes_xywh, sizes_wh[on_image]).mean()) if on_image else 0.0
    if outside <= MANY_OUTSIDE:
        return []
    reach = f"{outside:.0%} of the boxes reach more than {BORDER_TOLERANCE:g} px beyond their image"
    return [f"{reach}: are they in pixels of a resized photo?"]


def ranks_in_group(groups: IntArray) -> IntArray:
    """Number the rows of each group from 0, in the order given, shape ``(N,)``.

    >>> ranks_in_group(np.array([7, 3, 7, 7, 3])).tolist()
    [0, 0, 1, 2, 1]
    """
    order = np.argsort(groups, kind="stable")
    _, starts, counts = np.unique(groups[order], return_index=True, return_counts=True)
    ranks = np.empty(len(order), dtype=np.int64)
    ranks[order] = np.arange(len(order)) - np.repeat(starts, counts)
    return ranks
