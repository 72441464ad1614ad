"""Boxes that lie on each other: pairs of high IoU within groups, without comparing all with all."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sortline.arrays import BoolArray, FloatArray, IntArray


def overlapping_pairs(groups: IntArray, bboxes_xywh: FloatArray, iou_thr: float) -> IntArray:
    """Find pairs of boxes of one group whose IoU is above a threshold.

    Boxes are sorted by group and left edge. Two boxes of high IoU have left edges close together, so each is
    compared with the next one, then the one after it, and so on, for as long as their edges are close enough.

    Args:
        groups: Group of each box, such as its image, shape ``(N,)``.
        bboxes_xywh: Left, top, width, height of positive size, shape ``(N, 4)``.
        iou_thr: Above 0, below 1.

    Returns:
        Positions of the two boxes, shape ``(P, 2)``: the smaller first, in ascending order.
    """
    left, top = bboxes_xywh[:, 0], bboxes_xywh[:, 1]
    right, bottom = left + bboxes_xywh[:, 2], top + bboxes_xywh[:, 3]
    area = bboxes_xywh[:, 2] * bboxes_xywh[:, 3]
    order = np.lexsort((left, groups))
    # With d between the left edges, the overlap is at most w - d wide and the union at least w: IoU <= 1 - d / w.
    reach = left + (1 - iou_thr) * bboxes_xywh[:, 2]
    pairs = []
    alive = np.arange(len(order) - 1)
    step = 1
    while len(alive):
        first, second = order[alive], order[alive + step]
        close = (groups[first] == groups[second]) & (left[second] <= reach[first])
        first, second, alive = first[close], second[close], alive[close]
        width = np.minimum(right[first], right[second]) - np.maximum(left[first], left[second])
        height = np.minimum(bottom[first], bottom[second]) - np.maximum(top[first], top[second])
        overlap = np.maximum(width, 0) * np.maximum(height, 0)
        high = overlap > iou_thr * (area[first] + area[second] - overlap)
        first, second = first[high], second[high]
        pairs.append(np.minimum(first, second) * len(order) + np.maximum(first, second))
        step += 1
        alive = alive[alive + step < len(order)]
    # One number a pair is sorted in a fraction of the time and memory that rows of two take.
    found = np.sort(np.concatenate([np.zeros(0, dtype=np.int64), *pairs]))
    return np.stack(np.divmod(found, max(len(order), 1)), axis=1)


def repeats_of_kept(count: int, pairs: IntArray) -> IntArray:
    """Choose which boxes to leave out so that no pair remains: a box goes if an earlier one that stays pairs with it.

    >>> repeats_of_kept(4, np.array([[0, 1], [1, 2], [2, 3]])).tolist()
    [-1, 0, -1, 2]

    Args:
        count: Number of boxes.
        pairs: As :func:`overlapping_pairs` returns them.

    Returns:
        For each box the earlier one that it repeats; -1 for a box that stays. Shape ``(count,)``.
    """
    repeats = np.full(count, -1, dtype=np.int64)
    firsts, starts, lengths = np.unique(pairs[:, 0], return_index=True, return_counts=True)
    for first, start, length in zip(firsts.tolist(), starts.tolist(), lengths.tolist(), strict=True):
        if repeats[first] < 0:
            seconds = pairs[start : start + length, 1]
            repeats[seconds] = np.where(repeats[seconds] < 0, first, repeats[seconds])
    return repeats


def duplicate_boxes(
    images: IntArray, categories: IntArray, bboxes_xywh: FloatArray, iou_thr: float
) -> tuple[IntArray, IntArray]:
    """Find boxes that repeat an earlier one of their image.

    Equal boxes are put together first: thousands of copies of one box make no pairs.

    Args:
        images: Image of each box, shape ``(N,)``.
        categories: Its class, shape ``(N,)``.
        bboxes_xywh: Left, top, width, height of positive size, shape ``(N, 4)``.
        iou_thr: Two boxes are of one object above this IoU.

    Returns:
        For each box the earlier box that it repeats with the same class, and the first one on it of another class;
        -1 where there is none. Both of shape ``(N,)``.
    """
    if len(images) == 0:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    keys = np.column_stack([images, categories, bboxes_xywh])
    _, first_of_copy, copy_of = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    distinct = np.sort(first_of_copy)
    original = first_of_copy[copy_of.reshape(-1)]
    pairs = distinct[overlapping_pairs(images[distinct], bboxes_xywh[distinct], iou_thr)]
    is_same: BoolArray = categories[pairs[:, 0]] == categories[pairs[:, 1]]
    repeats = repeats_of_kept(len(images), pairs[is_same])
    conflicts = np.full(len(images), -1, dtype=np.int64)
    seconds, first_pair = np.unique(pairs[~is_same, 1], return_index=True)
    conflicts[seconds] = pairs[~is_same, 0][first_pair]
    is_copy = original != np.arange(len(images))
    repeats[is_copy] = np.where(repeats[original[is_copy]] < 0, original[is_copy], repeats[original[is_copy]])
    return repeats, conflicts


def visible_share(boxes_xyxy: FloatArray, window_xyxy: npt.ArrayLike) -> FloatArray:
    """Return the share of each box's area that lies inside a window.

    >>> visible_share(np.array([[0.0, 0.0, 10.0, 10.0]]), (5, 0, 20, 20))
    array([0.5])

    Args:
        boxes_xyxy: Left, top, right, bottom in pixels, shape ``(N, 4)``.
        window_xyxy: The same for the window, shape ``(4,)``.

    Returns:
        Shares from 0 to 1, shape ``(N,)``; 0 for a box without area.
    """
    window = np.asarray(window_xyxy, dtype=np.float64)
    sides = np.minimum(boxes_xyxy[:, 2:], window[2:]) - np.maximum(boxes_xyxy[:, :2], window[:2])
    areas = np.prod(boxes_xyxy[:, 2:] - boxes_xyxy[:, :2], axis=1)
    inside = np.prod(np.maximum(sides, 0.0), axis=1)
    return np.where(areas > 0, inside / np.maximum(areas, np.finfo(float).tiny), 0.0)
