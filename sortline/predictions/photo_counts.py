"""What detections got right and wrong on each photo, at the score thresholds that suit them best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sortline.arrays import BoolArray, FloatArray, IntArray
from sortline.data.annotations import CocoJson
from sortline.predictions.class_thresholds import best_thresholds
from sortline.predictions.judged import right_boxes
from sortline.predictions.matching import Truth, match, rows_of_ids
from sortline.predictions.ranking import taking_order
from sortline.predictions.results import Results


@dataclass(frozen=True)
class PhotoCounts:
    """Boxes of each of ``N`` photos, in the annotation file's order.

    Attributes:
        right: Detections that are right, shape ``(N,)``.
        wrong: Detections that are not, those in crowd regions left out, shape ``(N,)``.
        missed: True boxes that no detection found, shape ``(N,)``.
    """

    right: IntArray
    wrong: IntArray
    missed: IntArray

    @property
    def errors(self) -> IntArray:
        """Wrong detections and missed boxes together, shape ``(N,)``."""
        return self.wrong + self.missed

    @property
    def f1(self) -> FloatArray:
        """``2 * right / (2 * right + wrong + missed)``, 1 where nothing is to find or was found, shape ``(N,)``."""
        total = 2 * self.right + self.errors
        f1: FloatArray = np.where(total > 0, 2 * self.right / np.maximum(total, 1), 1.0)
        return f1


def class_cuts(annotations: CocoJson, results: Results) -> FloatArray:
    """Return each class's threshold of the highest F1, shape ``(C,)``; infinity for a class that has none.

    So two detectors are compared each at its best, whatever scale their scores have, and a detector in its first
    epochs shows what it has learnt although its scores are still low.

    Args:
        annotations: Ground truth.
        results: Detections on its images.
    """
    thresholds = [entry.score_thr for entry in best_thresholds(annotations, results)]
    return np.array([np.inf if threshold is None else threshold for threshold in thresholds])


def above_cuts(annotations: CocoJson, results: Results, cuts: FloatArray) -> BoolArray:
    """Mark the detections with at least their class's threshold, shape ``(D,)``.

    Args:
        annotations: The file whose categories the thresholds are of.
        results: Detections on its images.
        cuts: As from :func:`class_cuts`, shape ``(C,)``.
    """
    class_rows = rows_of_ids(results.category_ids, Truth.of(annotations).category_ids)
    mask: BoolArray = results.scores >= cuts[class_rows]
    return mask


def count_by_photo(annotations: CocoJson, results: Results, cuts: FloatArray | None = None) -> PhotoCounts:
    """Count what detections got right, wrong and missed on each photo. A box is right as for mAP50.

    Args:
        annotations: Ground truth.
        results: Detections on its images.
        cuts: Threshold of each class; by default :func:`class_cuts`, shape ``(C,)``.

    Raises:
        InputError: Detections of images or categories that the file lacks, NaN or infinity.
    """
    cuts = class_cuts(annotations, results) if cuts is None else cuts
    truth = Truth.of(annotations)
    matches = match(truth, results.take(above_cuts(annotations, results, cuts)))
    is_right, counts = right_boxes(matches, taking_order(matches.results))
    images = len(truth.image_ids)
    right = np.bincount(matches.image_rows[is_right], minlength=images)
    wrong = np.bincount(matches.image_rows[counts & ~is_right], minlength=images)
    to_find = np.bincount(truth.image_rows[~truth.is_crowd], minlength=images)
    return PhotoCounts(right, wrong, to_find - right)
