"""Which box of one set of predictions became which of another set on the same images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sortline.arrays import FloatArray, IntArray
from sortline.data.annotations import CocoJson
from sortline.predictions.compiled import compiled
from sortline.predictions.matching import rows_of_ids
from sortline.predictions.results import Results

#: Corners that differ by no more pixels than this are the same: what rounding to two decimals leaves.
SAME_CORNER = 0.01
#: Boxes that overlap by this IoU may be the same object, as mAP50 has it.
SAME_OBJECT = 0.5
UNCHANGED, MOVED, RELABELLED = 0, 1, 2


@dataclass(frozen=True)
class Pairs:
    """The ``P`` boxes that both sets have; each box is in one pair at most.

    Attributes:
        new_rows: Rows in the new set, shape ``(P,)``.
        old_rows: Rows in the old set, shape ``(P,)``.
        kinds: ``UNCHANGED``, ``MOVED`` or ``RELABELLED``, shape ``(P,)``.
        ious: Shape ``(P,)``.
    """

    new_rows: IntArray
    old_rows: IntArray
    kinds: IntArray
    ious: FloatArray


def pair_boxes(new: Results, old: Results, annotations: CocoJson) -> Pairs:
    """Pair the boxes of each image, one to one, in three passes over those still free.

    First boxes of one class with all corners within 0.01 px, the closest first (unchanged); then boxes of one
    class by falling IoU down to 0.5 (moved); then boxes of different classes by falling IoU down to 0.5
    (relabelled). Of equally good pairs the one with the higher scores is taken, so that the order of rows
    never matters.

    Args:
        new: Detections.
        old: Other detections on the same images.
        annotations: The annotation file that both belong to.

    Raises:
        ValueError: Detections of an image that the file lacks.
    """
    image_ids = np.array([image["id"] for image in annotations["images"]], dtype=np.int64)
    new_order, new_starts = _by_image(new, image_ids)
    old_order, old_starts = _by_image(old, image_ids)
    partners = np.full(len(new), -1, dtype=np.int64)
    kinds, ious = np.zeros(len(new), dtype=np.int64), np.zeros(len(new))
    new_columns = (new_starts, new.category_ids[new_order], _corners(new.bboxes_xywh[new_order]))
    old_columns = (old_starts, old.category_ids[old_order], _corners(old.bboxes_xywh[old_order]))
    _pair(*new_columns, *old_columns, partners, kinds, ious)
    paired = partners >= 0
    return Pairs(new_order[paired], old_order[partners[paired]], kinds[paired], ious[paired])


def _by_image(results: Results, image_ids: IntArray) -> tuple[IntArray, IntArray]:
    """Sort by image, then falling score, class and place; return the order and where each image starts."""
    image_rows = rows_of_ids(results.image_ids, image_ids)
    keys = (*results.bboxes_xywh.T[::-1], results.category_ids, -results.scores, image_rows)
    starts = np.concatenate([[0], np.cumsum(np.bincount(image_rows, minlength=len(image_ids)))])
    return np.lexsort(keys), starts


def _corners(bboxes_xywh: FloatArray) -> FloatArray:
    return np.hstack([bboxes_xywh[:, :2], bboxes_xywh[:, :2] + bboxes_xywh[:, 2:]])


@compiled
def _pair(
    new_starts: IntArray,
    new_labels: IntArray,
    new_xyxy: FloatArray,
    old_starts: IntArray,
    old_labels: IntArray,
    old_xyxy: FloatArray,
    partners: IntArray,
    kinds: IntArray,
    ious: FloatArray,
) -> None:
    """Fill ``partners`` with rows of the old set, and ``kinds`` and ``ious`` where there is a partner."""
    is_taken = np.zeros(len(old_labels), dtype=np.bool_)
    for image in range(len(new_starts) - 1):
        new_rows = range(new_starts[image], new_starts[image + 1])
        old_rows = range(old_starts[image], old_starts[image + 1])
        for kind in range(RELABELLED + 1):
            room = len(new_rows) * len(old_rows)
            likeness = np.empty(room)
            pairs = np.empty((room, 2), dtype=np.int64)
            found = 0
            for new in new_rows:
                for old in old_rows:
                    if (
                        partners[new] >= 0
                        or is_taken[old]
                        or (new_labels[new] == old_labels[old]) == (kind == RELABELLED)
                    ):
                        continue
                    value = _likeness(new_xyxy[new], old_xyxy[old], kind)
                    if not np.isnan(value):
                        likeness[found], pairs[found, 0], pairs[found, 1] = value, new, old
                        found += 1
            # A stable sort: of pairs that are equally alike, that of the highest scores comes first.
            for pair in np.argsort(-likeness[:found], kind="mergesort"):
                new, old = pairs[pair]
                if partners[new] < 0 and not is_taken[old]:
                    partners[new], kinds[new], ious[new] = old, kind, _iou(new_xyxy[new], old_xyxy[old])
                    is_taken[old] = True


@compiled
def _likeness(one_xyxy: FloatArray, other_xyxy: FloatArray, kind: int) -> float:
    """Rate how alike two boxes are, higher for more alike; NaN if not enough for a pair of this kind."""
    if kind == UNCHANGED:
        farthest = 0.0
        for side in range(4):
            farthest = max(farthest, abs(one_xyxy[side] - other_xyxy[side]))
        return -farthest if farthest <= SAME_CORNER else np.nan
    iou = _iou(one_xyxy, other_xyxy)
    return iou if iou >= SAME_OBJECT else np.nan


@compiled
def _iou(one_xyxy: FloatArray, other_xyxy: FloatArray) -> float:
    """Compute the intersection over union of two boxes; 0 where neither has an area."""
    shared, one_area, other_area = 1.0, 1.0, 1.0
    for low in range(2):
        start, end = max(one_xyxy[low], other_xyxy[low]), min(one_xyxy[low + 2], other_xyxy[low + 2])
        shared *= max(end - start, 0.0)
        one_area *= one_xyxy[low + 2] - one_xyxy[low]
        other_area *= other_xyxy[low + 2] - other_xyxy[low]
    union = one_area + other_area - shared
    return shared / union if union > 0 else 0.0
