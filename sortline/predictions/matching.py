"""Which ground truth each detection may take: it depends on boxes and classes alone, so any scores can be tried."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sortline.arrays import BoolArray, FloatArray, IntArray
from sortline.data.annotations import CocoJson
from sortline.predictions.compiled import compiled
from sortline.predictions.results import Results

IOU_THR = 0.5


@dataclass(frozen=True)
class Truth:
    """A file's ground truth as columns, sorted by image; boxes of one image keep the file's order.

    Attributes:
        image_ids: Id of each of the ``N`` images, in the file's order.
        category_ids: Id of each of the ``C`` categories, in the file's order.
        image_rows: Position of each box's image in ``image_ids``, rising, shape ``(M,)``.
        class_rows: Position of each box's category in ``category_ids``, shape ``(M,)``.
        bboxes_xywh: Left, top, width, height in pixels, shape ``(M, 4)``.
        is_crowd: Mask of the crowd regions, which are not to be found, shape ``(M,)``.
        starts: The boxes of image ``i`` are rows ``starts[i]`` to ``starts[i + 1]``, shape ``(N + 1,)``.
    """

    image_ids: IntArray
    category_ids: IntArray
    image_rows: IntArray
    class_rows: IntArray
    bboxes_xywh: FloatArray
    is_crowd: BoolArray
    starts: IntArray

    @classmethod
    def of(cls, annotations: CocoJson) -> Truth:
        """Take the columns of a file read by :func:`~sortline.data.annotations.read_annotations`."""
        image_ids = np.array([image["id"] for image in annotations["images"]], dtype=np.int64)
        category_ids = np.array([category["id"] for category in annotations["categories"]], dtype=np.int64)
        boxes = annotations["annotations"]
        image_rows = rows_of_ids([box["image_id"] for box in boxes], image_ids)
        class_rows = rows_of_ids([box["category_id"] for box in boxes], category_ids)
        bboxes_xywh = np.array([box["bbox"] for box in boxes], dtype=np.float64).reshape(-1, 4)
        is_crowd = np.array([bool(box.get("iscrowd", 0)) for box in boxes], dtype=bool)
        order = np.argsort(image_rows, kind="stable")
        starts = np.concatenate([[0], np.cumsum(np.bincount(image_rows, minlength=len(image_ids)))])
        columns = (image_rows[order], class_rows[order], bboxes_xywh[order], is_crowd[order])
        return cls(image_ids, category_ids, *columns, starts)


@dataclass(frozen=True)
class Matches:
    """What each of ``D`` detections may take, whatever the scores.

    Attributes:
        truth: The ground truth.
        results: The detections; the other columns have their rows in the same order.
        image_rows: Position of each detection's image in ``truth.image_ids``, shape ``(D,)``.
        class_rows: Position of its category in ``truth.category_ids``, shape ``(D,)``.
        claims: Row in ``truth`` of the box that it overlaps most, if by an IoU of at least 0.5, else -1; the
            first of those that claim a box by falling score is right, shape ``(D,)``.
        in_crowd: Mask of those with at least half their area in one crowd region of their class, which are not
            wrong when they get no box, shape ``(D,)``.
    """

    truth: Truth
    results: Results
    image_rows: IntArray
    class_rows: IntArray
    claims: IntArray
    in_crowd: BoolArray


def match(truth: Truth, results: Results) -> Matches:
    """Find for each detection the box of its image and class that it overlaps most.

    Of boxes that it overlaps equally, the first in the file counts.

    Raises:
        ValueError: Detections of an image or category that the ground truth lacks.
    """
    image_rows = rows_of_ids(results.image_ids, truth.image_ids)
    class_rows = rows_of_ids(results.category_ids, truth.category_ids)
    claims = np.full(len(results), -1, dtype=np.int64)
    in_crowd = np.zeros(len(results), dtype=bool)
    boxes = (truth.starts, truth.class_rows, truth.bboxes_xywh, truth.is_crowd)
    _claim(image_rows, class_rows, results.bboxes_xywh, *boxes, claims, in_crowd)
    return Matches(truth, results, image_rows, class_rows, claims, in_crowd)


def rows_of_ids(ids: npt.ArrayLike, known: IntArray) -> IntArray:
    """Find the position of each id in a list of distinct ids, shape ``(N,)``.

    Raises:
        ValueError: An id that is not in the list.
    """
    wanted = np.asarray(ids, dtype=np.int64)
    order = np.argsort(known)
    places = np.searchsorted(known, wanted, sorter=order)
    rows: IntArray = order[np.minimum(places, len(known) - 1)]
    if not np.array_equal(known[rows], wanted):
        raise ValueError(f"ids that are not listed: {np.setdiff1d(wanted, known)[:3].tolist()}")
    return rows


@compiled
def _claim(
    image_rows: IntArray,
    class_rows: IntArray,
    bboxes_xywh: FloatArray,
    starts: IntArray,
    truth_class_rows: IntArray,
    truth_bboxes_xywh: FloatArray,
    is_crowd: BoolArray,
    claims: IntArray,
    in_crowd: BoolArray,
) -> None:
    """Fill ``claims`` and ``in_crowd``; the arguments are columns of :class:`Truth` and :class:`Matches`."""
    for row in range(len(image_rows)):
        width, height = bboxes_xywh[row, 2], bboxes_xywh[row, 3]
        best = 0.0
        for other in range(starts[image_rows[row]], starts[image_rows[row] + 1]):
            if truth_class_rows[other] != class_rows[row]:
                continue
            shared = _shared_area(bboxes_xywh[row], truth_bboxes_xywh[other])
            if is_crowd[other]:
                in_crowd[row] |= shared >= IOU_THR * width * height
                continue
            other_area = truth_bboxes_xywh[other, 2] * truth_bboxes_xywh[other, 3]
            iou = shared / (width * height + other_area - shared)
            if iou >= IOU_THR and iou > best:
                best = iou
                claims[row] = other


@compiled
def _shared_area(one_xywh: FloatArray, other_xywh: FloatArray) -> float:
    """Compute the area that two boxes share, in square pixels."""
    area = 1.0
    for low, size in ((0, 2), (1, 3)):
        start = max(one_xywh[low], other_xywh[low])
        end = min(one_xywh[low] + one_xywh[size], other_xywh[low] + other_xywh[size])
        area *= max(end - start, 0.0)
    return area
