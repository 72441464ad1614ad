"""Which ground truth each detection may take: matched once, then asked by everything that looks at right and wrong.

What a detection may take depends on its box and class alone. So one match serves any scores, any threshold and any
selection of detections or images: scores with their intervals, curves, confusions and counts all start from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from sortline.arrays import BoolArray, FloatArray, IntArray
from sortline.data.annotations import CocoJson, category_names
from sortline.predictions.compiled import compiled
from sortline.predictions.results import Results, check_results, with_true_labels

IOU_THR = 0.5


@dataclass(frozen=True, eq=False)
class Truth:
    """A file's ground truth as columns, sorted by image; boxes of one image keep the file's order.

    Attributes:
        annotations: The file's content.
        image_ids: Id of each of the ``N`` images, in the file's order.
        category_ids: Id of each of the ``C`` categories, in the file's order.
        image_rows: Position of each box's image in ``image_ids``, rising, shape ``(M,)``.
        class_rows: Position of each box's category in ``category_ids``, shape ``(M,)``.
        bboxes_xywh: Left, top, width, height in pixels, shape ``(M, 4)``.
        is_crowd: Mask of the crowd regions, which are not to be found, shape ``(M,)``.
        starts: The boxes of image ``i`` are rows ``starts[i]`` to ``starts[i + 1]``, shape ``(N + 1,)``.
    """

    annotations: CocoJson
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
        return cls(annotations, image_ids, category_ids, *columns, starts)

    @property
    def class_names(self) -> list[str]:
        """Names of the categories, in the file's order."""
        return category_names(self.annotations)

    @property
    def to_find(self) -> IntArray:
        """Boxes to be found of each class, shape ``(C,)``."""
        return np.bincount(self.class_rows[~self.is_crowd], minlength=len(self.category_ids))


@dataclass(frozen=True, eq=False)
class Matches:
    """What each of ``D`` detections may take, whatever the scores, and which are right by their own scores.

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

    @classmethod
    def of(cls, annotations: CocoJson, results: Results, what: str = "detections") -> Matches:
        """Check that detections belong to an annotation file, and match them.

        Args:
            annotations: Ground truth as read by :func:`~sortline.data.annotations.read_annotations`.
            results: Detections on its images.
            what: What they are, for a message.

        Raises:
            InputError: Detections of images or categories that the file lacks, NaN or infinity.
        """
        check_results(results, annotations, what)
        return match(Truth.of(annotations), results)

    @cached_property
    def order(self) -> IntArray:
        """Rows in the order of :func:`taking_order`, shape ``(D,)``."""
        return taking_order(self.results)

    @cached_property
    def is_right(self) -> BoolArray:
        """Mask of the detections that are the first to take a ground truth, shape ``(D,)``."""
        claimed, first = np.unique(self.claims[self.order], return_index=True)
        is_right = np.zeros(len(self.claims), dtype=bool)
        is_right[self.order[first[claimed >= 0]]] = True
        return is_right

    @property
    def counts(self) -> BoolArray:
        """Mask of the detections that are right or wrong: those in crowd regions are neither, shape ``(D,)``."""
        return self.is_right | ~self.in_crowd

    def take(self, rows: IntArray | BoolArray) -> Matches:
        """Keep some detections, by index array or mask; which of them are right is found anew, the rest stays."""
        columns = (self.image_rows[rows], self.class_rows[rows], self.claims[rows], self.in_crowd[rows])
        return Matches(self.truth, self.results.take(rows), *columns)

    def with_true_labels(self) -> tuple[Matches, int]:
        """Leave out images whose labels are predicted, see :func:`~sortline.predictions.results.with_true_labels`."""
        annotations, results, left_out = with_true_labels(self.truth.annotations, self.results)
        return (match(Truth.of(annotations), results) if left_out else self), left_out

    def by_class(self) -> list[JudgedBoxes]:
        """Return the detections of each class in the file's order, without those that are neither right nor wrong."""
        order = self.order[self.counts[self.order]]
        rows = [order[self.class_rows[order] == label] for label in range(len(self.truth.category_ids))]
        return [JudgedBoxes(self.results.scores[of_class], self.is_right[of_class]) for of_class in rows]


@dataclass(frozen=True)
class JudgedBoxes:
    """The boxes of one class that are right or wrong, by falling score.

    Attributes:
        scores: Shape ``(N,)``.
        is_right: Whether the box is the first to take a ground truth, shape ``(N,)``.
    """

    scores: FloatArray
    is_right: BoolArray

    def cut_ends(self) -> IntArray:
        """Find where a threshold may cut: boxes of one score are kept or cut together.

        Returns:
            Position of the last box of each score, by falling score, shape ``(K,)``.
        """
        is_last = np.append(self.scores[1:] < self.scores[:-1], True)[: len(self.scores)]
        return np.flatnonzero(is_last)


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


def taking_order(results: Results, scores: FloatArray | None = None) -> IntArray:
    """Sort by falling score, equal ones by image id and coordinates, shape ``(N,)``.

    Args:
        results: The detections.
        scores: Other scores in place of their own, shape ``(N,)``.
    """
    scores = results.scores if scores is None else scores
    order: IntArray = np.argsort(-scores)
    is_like_before = np.zeros(len(order), dtype=bool)
    is_like_before[1:] = True
    # Key by key, only the runs of rows that are equal up to there are sorted further.
    for key, next_key in pairwise((scores, results.image_ids, *results.bboxes_xywh.T)):
        is_like_before[1:] &= key[order[1:]] == key[order[:-1]]
        is_tied = is_like_before | np.append(is_like_before[1:], False)
        if not is_tied.any():
            break
        tied, runs = order[is_tied], np.cumsum(~is_like_before)[is_tied]
        order[is_tied] = tied[np.lexsort((next_key[tied], runs))]
    return order


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
