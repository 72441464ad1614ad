"""Precision against recall for each class: what the contest's score is the area under."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sortline.arrays import FloatArray
from sortline.data.annotations import CocoJson
from sortline.predictions.judged import JudgedBoxes, judge_by_class
from sortline.predictions.results import Results
from sortline.predictions.score import average_precision

#: Where curves are sampled: bounded, however many detections there are.
RECALLS = np.linspace(0, 1, 101)


@dataclass(frozen=True)
class PrCurve:
    """One class's curve at :data:`RECALLS`.

    Attributes:
        name: The class.
        label: Its position in the annotation file, which gives its colour.
        ground_truths: Its boxes to be found, at least one.
        ap50: Average precision at IoU 0.5 from all detections, not from the samples.
        precisions: Best precision at this recall or a higher one; 0 where it is not reached, shape ``(101,)``.
        scores: Least score of the detections that reach this recall; NaN where none do, shape ``(101,)``.
    """

    name: str
    label: int
    ground_truths: int
    ap50: float
    precisions: FloatArray
    scores: FloatArray


def pr_curves(annotations: CocoJson, results: Results) -> tuple[PrCurve, ...]:
    """Draw up the curve of each class that has boxes to be found, in the annotation file's order.

    A detection is right as for mAP50, see :func:`~sortline.predictions.score.score`.

    Args:
        annotations: Ground truth.
        results: Detections on its images.

    Raises:
        InputError: Detections of images or categories that the file lacks, NaN or infinity.
    """
    judged = judge_by_class(annotations, results)
    return tuple(_curve(name, label, count, boxes) for label, (name, count, boxes) in enumerate(judged) if count)


def _curve(name: str, label: int, ground_truths: int, judged: JudgedBoxes) -> PrCurve:
    precisions, scores = np.zeros(len(RECALLS)), np.full(len(RECALLS), np.nan)
    right = np.cumsum(judged.is_right)
    if len(right):
        precision = right / np.arange(1, len(right) + 1)
        envelope = np.maximum.accumulate(precision[::-1])[::-1]
        # Whole boxes are compared, not shares: 0.29 * 100 is less than 29 in floats.
        wanted = np.ceil(RECALLS * ground_truths - 1e-9)
        first = np.searchsorted(right, wanted)
        reached = first < len(right)
        precisions[reached], scores[reached] = envelope[first[reached]], judged.scores[first[reached]]
    return PrCurve(name, label, ground_truths, average_precision(judged.is_right, ground_truths), precisions, scores)


def mean_precisions(curves: Sequence[PrCurve]) -> FloatArray:
    """Average the classes' curves at each recall, shape ``(101,)``; its area comes close to mAP50.

    Raises:
        ValueError: There is no curve.
    """
    if not curves:
        raise ValueError("no curve to average: no class has boxes to be found")
    mean: FloatArray = np.mean([curve.precisions for curve in curves], axis=0)
    return mean
