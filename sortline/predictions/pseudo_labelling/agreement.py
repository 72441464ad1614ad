"""How many results files have a box: what several models agree on is right more often."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sortline.arrays import BoolArray, FloatArray, IntArray
from sortline.data.overlaps import overlapping_pairs
from sortline.predictions.results import Results


def count_votes(first: Results, others: Sequence[Results], iou_thr: float) -> IntArray:
    """Count for each box of a file how many files have it, its own included, shape ``(N,)``.

    Another file has it with a box of the same image and class and an IoU above ``iou_thr``. Each of its boxes is a
    vote for one box at most, the highest-scoring of those that it overlaps enough.

    Args:
        first: The boxes in question.
        others: Other detections on the same images; take boxes that are too unsure to count out before.
        iou_thr: Overlap, above 0 and below 1.
    """
    votes = np.ones(len(first), dtype=np.int64)
    for other in others:
        votes += _is_backed(first, other, iou_thr)
    return votes


def _is_backed(first: Results, other: Results, iou_thr: float) -> BoolArray:
    """Mark the boxes of the first file for which a box of the other one votes, shape ``(N,)``."""
    both = Results.concatenate([first, other])
    pairs = overlapping_pairs(groups_of(both.image_ids, both.category_ids), both.bboxes_xywh, iou_thr)
    rows, other_rows = pairs[(pairs[:, 0] < len(first)) & (pairs[:, 1] >= len(first))].T
    ious = _paired_ious(both.bboxes_xywh[rows], both.bboxes_xywh[other_rows])
    is_backed = np.zeros(len(first), dtype=bool)
    is_spent = np.zeros(len(both), dtype=bool)
    for pair in np.lexsort((-ious, -first.scores[rows])):
        if not is_backed[rows[pair]] and not is_spent[other_rows[pair]]:
            is_backed[rows[pair]] = is_spent[other_rows[pair]] = True
    return is_backed


def groups_of(*columns: IntArray) -> IntArray:
    """Number the rows by what stands in them, equal rows alike, shape ``(N,)``."""
    _, groups = np.unique(np.stack(columns), axis=1, return_inverse=True)
    return groups.reshape(-1)


def _paired_ious(one_xywh: FloatArray, other_xywh: FloatArray) -> FloatArray:
    """Compute the IoU of each box with the one in the same row, ``(P, 4)`` and ``(P, 4)`` to ``(P,)``."""
    low = np.maximum(one_xywh[:, :2], other_xywh[:, :2])
    high = np.minimum(one_xywh[:, :2] + one_xywh[:, 2:], other_xywh[:, :2] + other_xywh[:, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=1)
    ious: FloatArray = shared / (one_xywh[:, 2:].prod(axis=1) + other_xywh[:, 2:].prod(axis=1) - shared)
    return ious
