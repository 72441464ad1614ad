"""How sure a score is: thresholds of a wanted precision and the chance of being right, from out-of-fold predictions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from sortline.arrays import FloatArray
from sortline.predictions.class_thresholds import shortest_between
from sortline.predictions.matching import JudgedBoxes

#: The 95th percentile of the normal distribution: a bound that holds in 19 of 20 cases, on one side.
Z: Final = 1.6448536269514722
#: With fewer boxes above it no threshold is set, whatever their precision.
LEAST_BOXES: Final = 10


@dataclass(frozen=True)
class Threshold:
    """From which score on boxes of one class become labels, and what out-of-fold predictions say of it.

    Attributes:
        score_thr: The score; None when no box of the class does.
        boxes: Out-of-fold boxes of at least this score; without a threshold, of the one that comes closest to the
            wanted precision. None where there are no out-of-fold predictions.
        right: How many of them are right; None as above.
    """

    score_thr: float | None
    boxes: int | None = None
    right: int | None = None

    @property
    def precision(self) -> float | None:
        """Share of right boxes, from 0 to 1; None without boxes."""
        return self.right / self.boxes if self.boxes and self.right is not None else None

    @property
    def lower_bound(self) -> float | None:
        """What the precision lies above in 19 of 20 cases; None without boxes."""
        if not self.boxes or self.right is None:
            return None
        return float(wilson_lower(self.right, self.boxes))


def wilson_lower(right: npt.ArrayLike, boxes: npt.ArrayLike) -> FloatArray:
    """Compute the lower end of the one-sided 95% interval of a share.

    It takes few boxes for what they are worth: one right box of one says only that the precision is above 0.27.
    (Wilson: Probable inference, the law of succession, and statistical inference, 1927)

    Args:
        right: Numbers of right boxes.
        boxes: Numbers of boxes, above 0.

    Returns:
        Values from 0 to 1, in the shape of the arguments.
    """
    count = np.asarray(boxes, dtype=np.float64)
    share = np.asarray(right, dtype=np.float64) / count
    spread = Z * np.sqrt(share * (1 - share) / count + Z**2 / (4 * count**2))
    lower: FloatArray = (share + Z**2 / (2 * count) - spread) / (1 + Z**2 / count)
    return np.maximum(lower, 0)  # rounding leaves -1e-17 where nothing is right


def threshold_at(judged: JudgedBoxes, score_thr: float) -> Threshold:
    """Say what out-of-fold predictions make of a given threshold."""
    kept = judged.scores >= score_thr
    return Threshold(score_thr, int(kept.sum()), int(judged.is_right[kept].sum()))


def threshold_of_precision(judged: JudgedBoxes, precision: float) -> Threshold:
    """Find the lowest score from which on boxes are right often enough.

    It is the lower bound of the precision that has to reach ``precision``, over all boxes from the score on, of
    which there must be at least ten. The number has as few decimals as tell the kept scores from the cut ones.

    Args:
        judged: One class's boxes.
        precision: Wanted share of right boxes, from 0 to 1.

    Returns:
        The threshold; without a score where no cut reaches the precision, then with the counts of the cut that
        comes closest.
    """
    if len(judged.scores) == 0:
        return Threshold(None, 0, 0)
    ends = judged.cut_ends()
    right = np.cumsum(judged.is_right)[ends]
    lower = wilson_lower(right, ends + 1)
    good = np.flatnonzero((lower >= precision) & (ends + 1 >= LEAST_BOXES))
    if len(good) == 0:
        closest = int(np.argmax(lower))
        return Threshold(None, int(ends[closest]) + 1, int(right[closest]))
    cut = int(good[-1])
    last = int(ends[cut])
    score_thr = float(judged.scores[last])
    if last + 1 < len(judged.scores):  # below the lowest score nothing is known
        score_thr = shortest_between(float(judged.scores[last + 1]), score_thr)
    return Threshold(score_thr, last + 1, int(right[cut]))


def fewest_boxes(precision: float) -> int:
    """Return how many boxes, all of them right, it takes for a threshold of this precision.

    The lower bound of ``n`` of ``n`` is ``n / (n + Z^2)``.

    >>> fewest_boxes(0.9)
    25
    """
    return max(LEAST_BOXES, math.ceil(precision * Z**2 / (1 - precision)))


def choose_thresholds(
    names: list[str],
    fixed: Mapping[str, float],
    judged: Mapping[str, JudgedBoxes],
    precision: float | None,
) -> dict[str, Threshold]:
    """Set each class's threshold: the fixed one, else the one of the wanted precision, else none.

    Args:
        names: The classes.
        fixed: Thresholds given by class.
        judged: Out-of-fold boxes by class; empty if there are none.
        precision: Precision wanted of classes without a fixed threshold; None gives them no boxes.
    """
    chosen = {}
    for name in names:
        if name in fixed:
            chosen[name] = threshold_at(judged[name], fixed[name]) if judged else Threshold(fixed[name])
        elif precision is not None:
            chosen[name] = threshold_of_precision(judged[name], precision)
        else:
            chosen[name] = Threshold(None)
    return chosen
