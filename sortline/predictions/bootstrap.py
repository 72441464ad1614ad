"""How far a score may be off by the choice of images: the bootstrap over images, percentile intervals.

Detections are matched within their image, so which ones are right is the same in every resample: one resample
costs a weighted pass over the ranked detections, no matching. The interval speaks of the images alone. It knows
nothing of what another seed of the training would give.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sortline.arrays import FloatArray, IntArray
from sortline.predictions.ranking import Ranking, class_aps, mean_ap

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """Where a value lies in the given share of resamples, ends included."""

    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """How one file's score differs from another's on the same images.

    Attributes:
        value: The difference, positive where the file is better than the other.
        interval: The resamples' interval of it; None where no resample gives a score.
        share_better: Share of the resamples in which the file scores higher, from 0 to 1; None as above.
    """

    value: float
    interval: Interval | None
    share_better: float | None

    @property
    def is_beyond_chance(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.interval is not None and (self.interval.low > 0 or self.interval.high < 0)


def resamples(images: int, replicates: int, seed: int) -> npt.NDArray[np.int32]:
    """Draw ``images`` images with replacement, ``replicates`` times: how often each was drawn.

    Args:
        images: Number of images, ``N``.
        replicates: Number of resamples, ``R``.
        seed: The same seed gives the same resamples on every machine.

    Returns:
        Counts of shape ``(R, N)``; each row sums to ``N``.
    """
    rng = np.random.default_rng(seed)
    counts = np.empty((replicates, images), dtype=np.int32)
    for row in counts:
        row[:] = np.bincount(rng.integers(images, size=images), minlength=images)
    return counts


def bootstrap_map50(ranking: Ranking, weights: npt.NDArray[np.int32]) -> FloatArray:
    """Score each resample as the contest does, shape ``(R,)``.

    A resample without ground truth of a class leaves the class out of its mean, as the score of any file does;
    one without any ground truth gives NaN.

    Args:
        ranking: The ranked detections.
        weights: How often each resample has each image, as from :func:`resamples`, shape ``(R, N)``.
    """
    return mean_ap(class_aps(ranking, weights))


def interval(values: FloatArray, level: float = LEVEL) -> Interval | None:
    """Take the percentile interval of a score's resamples; None if no resample defines the score.

    Args:
        values: One value a resample, NaN where it is not defined, shape ``(R,)``.
        level: Share of the resamples inside, half of the rest on each side.

    >>> interval(np.arange(101.0), level=0.5)
    Interval(low=25.0, high=75.0)
    """
    defined = values[~np.isnan(values)]
    if len(defined) == 0:
        return None
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def paired_difference(
    value: float, other: float, values: FloatArray, others: FloatArray, level: float = LEVEL
) -> Difference:
    """Compare two files by the difference of their scores in the same resamples.

    Both files gain from easy images and lose from hard ones together, so the difference varies less than either
    score: two files may differ clearly while their own intervals overlap.

    Args:
        value: The file's score.
        other: The score of the file it is compared with.
        values: The file's score in each resample, shape ``(R,)``; empty without a bootstrap.
        others: The other file's, in the same resamples.
        level: Share of the resamples inside the interval.
    """
    differences = values - others
    defined = differences[~np.isnan(differences)]
    share = float((defined > 0).mean()) if len(defined) else None
    return Difference(value - other, interval(differences, level), share)


@dataclass(frozen=True)
class PartDraws:
    """Which of ``S`` runs that stand for one model, its folds or seeds, make up each resample.

    Attributes:
        parts: The run at each of ``S`` places of each resample, drawn with replacement, shape ``(S, R)``.
        replicates: Whose resample of the images it brings along, shape ``(S, R)``.
    """

    parts: IntArray
    replicates: IntArray

    def mean(self, values: FloatArray) -> FloatArray:
        """Average the drawn runs, those left out whose value is not defined; NaN where none is.

        Args:
            values: Of each run in each resample of the images, shape ``(S, R)`` or ``(S, R, C)``.

        Returns:
            Shape ``(R,)`` or ``(R, C)``.
        """
        drawn = values[self.parts, self.replicates]
        counts = (~np.isnan(drawn)).sum(axis=0)
        means = np.full(drawn.shape[1:], np.nan)
        np.divide(np.nansum(drawn, axis=0), counts, out=means, where=counts > 0)
        return means


def draw_parts(parts: int, replicates: int, rng: np.random.Generator, same_images: bool) -> PartDraws:
    """Draw as many runs as there are in each resample, so that an interval speaks of them as well as of images.

    With few runs this is a rough measure of what further ones would give. One run is always itself.

    Args:
        parts: Number of runs, ``S``.
        replicates: Number of resamples, ``R``.
        rng: Source of the draws.
        same_images: Whether all runs saw the same images, as seeds do, so that a resample has the same ones at all
            its places; folds see images of their own, and a fold drawn twice brings two resamples of them.
    """
    drawn = rng.integers(parts, size=(parts, replicates))
    own = np.tile(np.arange(replicates), (parts, 1))
    return PartDraws(drawn, own if same_images or parts == 1 else rng.permuted(own, axis=1))


def joint_intervals(
    values: Sequence[float], resampled: FloatArray, level: float = LEVEL
) -> tuple[Interval | None, ...]:
    """Take intervals of several values that hold all together, however many are looked at.

    Of ten intervals of 95% each, one leaves out zero by luck alone in two comparisons of five. These are wider by one
    factor: the value of the largest studentised deviation of any of them that so many resamples stay below
    (Westfall and Young, Resampling-Based Multiple Testing, 1993). A single value gets its percentile interval.

    Args:
        values: ``M`` values; NaN where one is not defined.
        resampled: Each of them in each resample, NaN where it is not defined, shape ``(R, M)``.
        level: Share of the resamples in which all values are inside.
    """
    points = np.asarray(values, dtype=np.float64)
    usable = np.flatnonzero(~np.isnan(points) & ~np.isnan(resampled).all(axis=0))
    if len(usable) == 1:
        only = interval(resampled[:, usable[0]], level)
        return tuple(only if index == usable[0] else None for index in range(len(points)))
    result: list[Interval | None] = [None] * len(points)
    if len(usable):
        deviations = np.nanstd(resampled[:, usable], axis=0)
        scaled = np.abs(resampled[:, usable] - points[usable]) / np.where(deviations > 0, deviations, 1)
        reach = float(np.quantile(np.nanmax(np.nan_to_num(scaled), axis=1), level))
        for index, deviation in zip(usable.tolist(), deviations.tolist(), strict=True):
            result[index] = Interval(points[index] - reach * deviation, points[index] + reach * deviation)
    return tuple(result)
