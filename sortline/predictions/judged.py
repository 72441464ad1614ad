"""Which detections are right, for all that looks at them by falling score: thresholds, calibration, pseudo labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sortline.arrays import BoolArray, FloatArray, IntArray
from sortline.data.annotations import CocoJson, category_names
from sortline.predictions.matching import Matches, Truth, match
from sortline.predictions.ranking import taking_order
from sortline.predictions.results import Results, check_results


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
        ends: IntArray = np.flatnonzero(is_last)
        return ends


def judge_by_class(
    annotations: CocoJson, results: Results, what: str = "detections"
) -> list[tuple[str, int, JudgedBoxes]]:
    """Tell right boxes from wrong ones, for each category of the file; those in crowd regions are neither.

    Args:
        annotations: Ground truth.
        results: Detections on its images.
        what: What they are, for a message.

    Returns:
        Name, number of boxes to be found, and what was found, by category in the file's order.

    Raises:
        InputError: Detections of images or categories that the file lacks, NaN or infinity.
    """
    check_results(results, annotations, what)
    truth = Truth.of(annotations)
    order = taking_order(results)
    matches = match(truth, results)
    is_right, counts = right_boxes(matches, order)
    to_find = np.bincount(truth.class_rows[~truth.is_crowd], minlength=len(truth.category_ids)).tolist()
    judged = []
    for label, name in enumerate(category_names(annotations)):
        rows = order[((matches.class_rows == label) & counts)[order]]
        judged.append((name, to_find[label], JudgedBoxes(results.scores[rows], is_right[rows])))
    return judged


def right_boxes(matches: Matches, order: IntArray) -> tuple[BoolArray, BoolArray]:
    """Mark the detections that are the first to take a ground truth, and those that are right or wrong at all.

    Args:
        matches: Detections and what they may take, ``D`` of them.
        order: Their rows as :func:`~sortline.predictions.ranking.taking_order` sorts them, shape ``(D,)``.

    Returns:
        Two masks of shape ``(D,)``.
    """
    claimed, first = np.unique(matches.claims[order], return_index=True)
    is_right = np.zeros(len(order), dtype=bool)
    is_right[order[first[claimed >= 0]]] = True
    return is_right, is_right | ~matches.in_crowd
