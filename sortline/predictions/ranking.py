"""From matches to average precisions: detections ranked by any scores, images weighted or left out at will."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sortline.arrays import BoolArray, FloatArray, IntArray
from sortline.predictions.compiled import compiled
from sortline.predictions.matching import Matches

Int32Array = npt.NDArray[np.int32]

#: Ways to weight the images that are worked through side by side: enough to fill registers, few enough for caches.
WAYS_AT_ONCE = 64


@dataclass(frozen=True)
class Ranking:
    """The ``K`` detections that decide average precision, class after class, each class by falling score.

    Detections in crowd regions are left out, and so are those behind the last right one of their class, which
    change nothing.

    Attributes:
        image_rows: Row of each detection's image, shape ``(K,)``.
        is_right: Whether it is the first to take its ground truth, shape ``(K,)``.
        starts: Class ``c`` has the rows ``starts[c]`` to ``starts[c + 1]``, shape ``(C + 1,)``.
        truth_image_rows: Image of each ground truth that is to be found, class after class, shape ``(M,)``.
        truth_starts: As ``starts``, for the ground truth, shape ``(C + 1,)``.
        images: Number of images.
    """

    image_rows: IntArray
    is_right: BoolArray
    starts: IntArray
    truth_image_rows: IntArray
    truth_starts: IntArray
    images: int

    @property
    def ground_truths(self) -> IntArray:
        """Boxes to be found of each class, shape ``(C,)``."""
        return np.diff(self.truth_starts)


def rank(matches: Matches, keep: BoolArray | None = None) -> Ranking:
    """Rank the detections and mark the right ones.

    Args:
        matches: What each detection may take.
        keep: Mask of the detections to rank, shape ``(D,)``; by default all.
    """
    truth = matches.truth
    order = matches.order if keep is None else matches.order[keep[matches.order]]
    columns = (matches.image_rows, matches.class_rows, matches.claims, matches.in_crowd)
    ranked = _rank(order, *columns, len(truth.category_ids), len(truth.class_rows))
    to_find = np.flatnonzero(~truth.is_crowd)
    to_find = to_find[np.argsort(truth.class_rows[to_find], kind="stable")]
    truth_starts = np.concatenate([[0], np.cumsum(truth.to_find)])
    return Ranking(*ranked, truth.image_rows[to_find], truth_starts, len(truth.image_ids))


def class_aps(ranking: Ranking, weights: npt.ArrayLike | None = None) -> FloatArray:
    """Compute each class's average precision at IoU 0.5, shape ``(R, C)``; NaN for a class without ground truth.

    An image of weight ``w`` counts as ``w`` copies of it would.

    Args:
        ranking: The detections.
        weights: Whole numbers, one row for each of ``R`` ways to weight the images, shape ``(R, N)``; by
            default one row of ones.
    """
    ways = np.ones((1, ranking.images)) if weights is None else np.asarray(weights)
    aps = np.empty((len(ways), len(ranking.starts) - 1), dtype=np.float64)
    detections = (ranking.image_rows, ranking.is_right, ranking.starts)
    for start in range(0, len(ways), WAYS_AT_ONCE):
        block = slice(start, start + WAYS_AT_ONCE)
        weights_of = np.ascontiguousarray(ways[block].T, dtype=np.int32)
        _fill_aps(weights_of, *detections, ranking.truth_image_rows, ranking.truth_starts, aps[block])
    return aps


def mean_ap(aps: FloatArray) -> FloatArray:
    """Average over the classes with ground truth, shape ``(R, C)`` to ``(R,)``; NaN where no class has any."""
    has_truth = ~np.isnan(aps)
    counts = has_truth.sum(axis=1)
    means = np.full(len(aps), np.nan)
    np.divide(np.where(has_truth, aps, 0).sum(axis=1), counts, out=means, where=counts > 0)
    return means


def map50_of(matches: Matches, keep: BoolArray | None = None, images: BoolArray | None = None) -> float | None:
    """Score matches as the contest does: the same number as :func:`~sortline.predictions.score.score`, fast.

    Args:
        matches: What each detection may take.
        keep: Mask of the detections that count, shape ``(D,)``; by default all.
        images: Mask of the images that count, with their ground truth, shape ``(N,)``; by default all.

    Returns:
        mAP50 from 0 to 1; None without any ground truth.
    """
    weights = None if images is None else images[np.newaxis]
    return number_or_none(float(mean_ap(class_aps(rank(matches, keep), weights))[0]))


def number_or_none(value: float) -> float | None:
    """Turn NaN, which stands for what is not defined in arrays, into None."""
    return None if np.isnan(value) else value


@compiled
def _rank(
    order: IntArray,
    image_rows: IntArray,
    class_rows: IntArray,
    claims: IntArray,
    in_crowd: BoolArray,
    classes: int,
    truths: int,
) -> tuple[IntArray, BoolArray, IntArray]:
    """Mark the right detections in the order of taking and gather each class's up to its last right one."""
    taken = np.zeros(truths, dtype=np.bool_)
    is_right = np.zeros(len(order), dtype=np.bool_)
    counted = np.zeros(classes, dtype=np.int64)
    lengths = np.zeros(classes, dtype=np.int64)
    for place in range(len(order)):
        row = order[place]
        claim, label = claims[row], class_rows[row]
        if claim >= 0 and not taken[claim]:
            taken[claim] = is_right[place] = True
            counted[label] += 1
            lengths[label] = counted[label]
        elif not in_crowd[row]:
            counted[label] += 1
    starts = np.zeros(classes + 1, dtype=np.int64)
    starts[1:] = np.cumsum(lengths)
    ranked_images = np.empty(starts[-1], dtype=np.int64)
    ranked_right = np.empty(starts[-1], dtype=np.bool_)
    filled = starts[:-1].copy()
    for place in range(len(order)):
        row = order[place]
        label = class_rows[row]
        if filled[label] < starts[label + 1] and (is_right[place] or not in_crowd[row]):
            ranked_images[filled[label]] = image_rows[row]
            ranked_right[filled[label]] = is_right[place]
            filled[label] += 1
    return ranked_images, ranked_right, starts


@compiled
def _fill_aps(
    weights_of: Int32Array,
    image_rows: IntArray,
    is_right: BoolArray,
    starts: IntArray,
    truth_image_rows: IntArray,
    truth_starts: IntArray,
    aps: FloatArray,
) -> None:
    """Fill ``aps``, of shape ``(R, C)``, for image weights of shape ``(N, R)`` and columns of :class:`Ranking`.

    The innermost loops, below, run over the ways to weight the images, which lie side by side in memory, so
    that one instruction serves several of them.
    """
    for label in range(len(starts) - 1):
        rows = slice(starts[label], starts[label + 1])
        truth_rows = slice(truth_starts[label], truth_starts[label + 1])
        to_find = np.zeros(weights_of.shape[1], dtype=np.int32)
        for image in truth_image_rows[truth_rows]:
            _add(to_find, weights_of[image])
        areas = _areas(weights_of, image_rows[rows], is_right[rows])
        for way in range(len(areas)):
            aps[way, label] = areas[way] / to_find[way] if to_find[way] else np.nan


@compiled
def _areas(weights_of: Int32Array, image_rows: IntArray, is_right: BoolArray) -> FloatArray:
    """Sum one class's precision envelope over the right detections, shape ``(R,)``."""
    ways = weights_of.shape[1]
    right, seen = np.zeros(ways, dtype=np.int32), np.zeros(ways, dtype=np.int32)
    precisions = np.empty((is_right.sum(), ways), dtype=np.float64)
    step = 0
    for row in range(len(image_rows)):
        _add(seen, weights_of[image_rows[row]])
        if is_right[row]:
            _add(right, weights_of[image_rows[row]])
            for way in range(ways):
                precisions[step, way] = right[way] / max(seen[way], 1)
            step += 1
    # Recall grows at the right detections alone; the envelope is the best precision from there on.
    envelope, area = np.zeros(ways, dtype=np.float64), np.zeros(ways, dtype=np.float64)
    for row in range(len(image_rows) - 1, -1, -1):
        if is_right[row]:
            step -= 1
            weights = weights_of[image_rows[row]]
            for way in range(ways):
                envelope[way] = max(envelope[way], precisions[step, way])
                area[way] += envelope[way] * weights[way]
    return area


@compiled
def _add(sums: Int32Array, weights: Int32Array) -> None:
    for way in range(len(sums)):
        sums[way] += weights[way]
