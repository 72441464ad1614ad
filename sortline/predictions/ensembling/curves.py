"""Curves from a score to the probability of being right, fitted to out-of-fold predictions, kept as plain numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from sortline.arrays import FloatArray

# Isotonic regression gives whole ranges of scores the same value. This small part of the old score keeps their order,
# which average precision lives on.
KEPT_PART = 1e-4
# Scores of exactly 0 and 1 have no logit.
LOWEST = 1e-6


@dataclass(frozen=True)
class IsotonicCurve:
    """A non-decreasing curve, linear between its points and constant outside them.

    Attributes:
        scores: Where its points are, rising.
        chances: Share of right boxes there, non-decreasing, from 0 to 1.
    """

    scores: tuple[float, ...]
    chances: tuple[float, ...]

    def __call__(self, scores: FloatArray) -> FloatArray:
        """Map scores, shape ``(N,)``, in a strictly rising way."""
        chances = np.interp(scores, self.scores, self.chances)
        return (1 - KEPT_PART) * chances + KEPT_PART * scores


@dataclass(frozen=True)
class PlattCurve:
    """A logistic curve over the score's logit; slope 1 and intercept 0 leave scores as they are.

    (Platt: Probabilistic outputs for support vector machines, 1999)
    """

    slope: float
    intercept: float

    def __call__(self, scores: FloatArray) -> FloatArray:
        """Map scores, shape ``(N,)``, in a strictly rising way."""
        chances: FloatArray = 1 / (1 + np.exp(-(self.slope * logits(scores) + self.intercept)))
        return chances


Curve = IsotonicCurve | PlattCurve


@dataclass(frozen=True)
class MemberCurves:
    """One member's curves.

    Attributes:
        pooled: Fitted to all classes together.
        by_class: Those of the classes with boxes enough for one of their own, by name.
    """

    pooled: Curve
    by_class: Mapping[str, Curve] = field(default_factory=dict)

    def of_class(self, name: str) -> Curve:
        """Return the class's own curve, or the pooled one."""
        return self.by_class.get(name, self.pooled)


def logits(scores: FloatArray) -> FloatArray:
    """Compute ``log(s / (1 - s))``, shape ``(N,)``; 0 and 1 are moved a little inwards."""
    inner = np.clip(scores, LOWEST, 1 - LOWEST)
    values: FloatArray = np.log(inner / (1 - inner))
    return values
