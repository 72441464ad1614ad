"""How often each image is drawn in an epoch: weights from classes and sources, and the draw itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np

from sortline.arrays import FloatArray, IntArray
from sortline.errors import Problem, counted, nearest

MAIN_SOURCE = "main"


@dataclass(frozen=True)
class Pool:
    """What a sampler draws from: N images of S sources with boxes of C classes.

    Attributes:
        classes: Names of the classes, length C.
        counts: Boxes of each class on each image, shape ``(N, C)``; crowd regions don't count.
        sources: Names of the sources, length S; the first is the main one.
        source_of: Index of each image's source, shape ``(N,)``.
    """

    classes: tuple[str, ...]
    counts: IntArray
    sources: tuple[str, ...]
    source_of: IntArray

    @property
    def source_sizes(self) -> IntArray:
        """Images of each source, shape ``(S,)``."""
        return np.bincount(self.source_of, minlength=len(self.sources))


def repeat_factors(counts: IntArray, thr: float) -> FloatArray:
    """Weigh images by how rare their rarest class is: the repeat factors of Gupta et al., LVIS (2019), appendix.

    A class in the share ``f`` of the images has the factor ``max(1, sqrt(thr / f))``, an image the largest factor
    of its classes, 1 without boxes.

    >>> repeat_factors(np.array([[1, 0], [2, 0], [3, 0], [1, 1]]), thr=1.0)  # shares 1 and 1/4
    array([1., 1., 1., 2.])

    Args:
        counts: Boxes of each class on each image, shape ``(N, C)``.
        thr: Share of the images, from 0 to 1, below which a class is drawn more often.

    Returns:
        Factors from 1 on, shape ``(N,)``.
    """
    holds = counts > 0
    share = holds.sum(axis=0) / max(len(counts), 1)
    by_class = np.maximum(1.0, np.sqrt(thr / np.maximum(share, np.finfo(float).tiny)))
    return np.asarray(np.where(holds, by_class, 1.0).max(axis=1, initial=1.0), dtype=np.float64)


def class_balanced_weights(counts: IntArray) -> FloatArray:
    """Weigh images so that each class is equally often the reason for a draw.

    It is as if first a class that has boxes were drawn, then one of its images, all equally likely. Classes that
    share images with others still differ in boxes. An image without boxes gets the mean weight of the others: images
    without boxes keep the share that they have in the data.

    >>> class_balanced_weights(np.array([[1, 0], [2, 0], [3, 0], [1, 1], [0, 0]]))  # 1/4, and 1/4 + 1/1
    array([0.25, 0.25, 0.25, 1.25, 0.5 ])

    Args:
        counts: Boxes of each class on each image, shape ``(N, C)``.

    Returns:
        Weights, shape ``(N,)``; ones where there are no boxes at all.
    """
    holds = counts > 0
    images = holds.sum(axis=0)
    weights = (holds / np.maximum(images, 1)).sum(axis=1)
    with_boxes = holds.any(axis=1)
    weights[~with_boxes] = weights[with_boxes].mean() if with_boxes.any() else 1.0
    return np.asarray(weights, dtype=np.float64)


def oversampling_weights(counts: IntArray, factors: FloatArray) -> FloatArray:
    """Weigh an image by the largest factor of its classes; one without boxes has the weight 1.

    A factor below 1 thins out images that hold nothing but such classes.

    >>> oversampling_weights(np.array([[2, 0], [1, 1], [0, 0]]), np.array([0.5, 4.0]))
    array([0.5, 4. , 1. ])

    Args:
        counts: Boxes of each class on each image, shape ``(N, C)``.
        factors: Factor of each class, shape ``(C,)``, above 0.

    Returns:
        Weights, shape ``(N,)``.
    """
    holds = counts > 0
    largest = np.where(holds, factors, 0.0).max(axis=1, initial=0.0)
    return np.where(holds.any(axis=1), largest, 1.0)


def source_draws(pool: Pool, source_weights: Mapping[str, float]) -> FloatArray:
    """Say how many images of each source an epoch draws.

    The main source's images are drawn once each on average. A source with a weight adds that many for each of
    them: beside 4,000 main images, weight 0.25 draws 1,000, however many the source has. A source without a weight
    adds its own number of images.

    Args:
        pool: What is drawn from.
        source_weights: Weight by name of the source, above 0.

    Returns:
        Expected number of images, shape ``(S,)``.
    """
    sizes = pool.source_sizes
    draws = [
        source_weights[name] * sizes[0] if name in source_weights else size
        for name, size in zip(pool.sources, sizes, strict=True)
    ]
    return np.where(sizes > 0, draws, 0.0)


def spread_over_sources(weights: FloatArray, source_of: IntArray, draws: FloatArray) -> FloatArray:
    """Scale the weights within each source so that they add up to its draws.

    Args:
        weights: Weights of the images, shape ``(N,)``, above 0.
        source_of: Index of each image's source, shape ``(N,)``.
        draws: Wanted sum of each source, shape ``(S,)``.
    """
    totals = np.bincount(source_of, weights=weights, minlength=len(draws))
    return np.asarray(weights * (draws / np.where(totals > 0, totals, 1.0))[source_of], dtype=np.float64)


def systematic_draw(
    weights: FloatArray, count: int, rng: np.random.Generator, source_of: IntArray | None = None
) -> IntArray:
    """Draw exactly ``count`` images; each is drawn as often as its weight asks for, up to rounding.

    Systematic sampling: the weights are laid end to end in random order and cut at ``count`` evenly spaced points.
    An image whose expected number is 2.3 is drawn twice or three times, never 0 or 7 times as with independent draws.

    Args:
        weights: Weight of each image, shape ``(N,)``, from 0 on; only their ratios matter.
        count: Number of draws.
        rng: Source of the random order and offset.
        source_of: Index of each image's source, shape ``(N,)``: their numbers of draws too are as expected, up to
            rounding. Laid end to end, a source's weights stay together.

    Returns:
        Indices of images in random order, shape ``(count,)``.

    Raises:
        ValueError: A weight is negative or not finite, or none is positive.
    """
    if not np.isfinite(weights).all() or (weights < 0).any() or not (weights > 0).any():
        raise ValueError("weights must be finite, from 0 on, and one of them above 0")
    order = rng.permutation(len(weights))
    if source_of is not None:
        order = order[np.argsort(source_of[order], kind="stable")]
    ends = np.cumsum(weights[order])
    points = (rng.random() + np.arange(count)) * (ends[-1] / count)
    # Rounding may push the last point onto the end, behind which there is no image.
    points = np.minimum(points, np.nextafter(ends[-1], 0.0))
    picked = order[np.searchsorted(ends, points, side="right")]
    return np.asarray(rng.permutation(picked), dtype=np.int64)


def class_factors(factors: Mapping[str, float], classes: Sequence[str]) -> FloatArray:
    """Turn factors by class name into an array in the classes' order, shape ``(C,)``; 1 for those not named."""
    return np.array([factors.get(name, 1.0) for name in classes], dtype=np.float64)


def setting_problems(
    settings: Mapping[str, Any], classes: Sequence[str], sources: Sequence[str], where: str
) -> list[Problem]:
    """Check those of a sampler's settings that are there: ``thr``, ``factors``, ``source_weights``, ``epoch_size``.

    Args:
        settings: A sampler's config, or its arguments by name.
        classes: The dataset's classes.
        sources: The dataset's sources, the main one first.
        where: The sampler's place in the config.
    """
    problems: list[Problem] = []
    if "thr" in settings and not (is_positive(settings["thr"]) and settings["thr"] <= 1):
        what = f"is {settings['thr']!r}: it is a share of the images"
        problems.append(Problem(f"{where}.thr", what, "write a number above 0 and up to 1, such as 0.1"))
    if "factors" in settings:
        problems += _number_problems(settings["factors"], classes, "class", f"{where}.factors")
    if settings.get("source_weights") is not None:
        names = [name for name in sources if name != MAIN_SOURCE]
        problems += _number_problems(settings["source_weights"], names, "source", f"{where}.source_weights")
    size = settings.get("epoch_size")
    if size is not None and (type(size) is not int or size < 1):
        remedy = "write a whole number of images from 1 on, or leave it out"
        problems.append(Problem(f"{where}.epoch_size", f"is {size!r}", remedy))
    return problems


def is_positive(value: Any) -> bool:
    """Tell whether a value is a finite number above 0; True and False are none."""
    return type(value) in (int, float) and isfinite(value) and value > 0


def _number_problems(values: Any, names: Sequence[str], noun: str, where: str) -> list[Problem]:
    """Check a dict of positive numbers by name."""
    if not isinstance(values, Mapping) or not values:
        return [Problem(where, f"is {values!r}", f"write a dict of numbers by {noun}: {{{_example(names)!r}: 4}}")]
    problems = []
    for name, value in values.items():
        if name not in names:
            remedy = nearest(str(name), names) or _known(names, noun)
            problems.append(Problem(f"{where}.{name}", f"there is no {noun} of this name", remedy))
        elif not is_positive(value):
            problems.append(Problem(f"{where}.{name}", f"is {value!r}", "write a number above 0"))
    return problems


def _example(names: Sequence[str]) -> str:
    return names[-1] if names else "name"


def _known(names: Sequence[str], noun: str) -> str:
    return f"known: {counted(list(names), limit=20)}" if names else f"the config names no {noun}"
