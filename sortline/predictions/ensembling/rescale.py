"""Make members' scores comparable: by their range or rank, or by curves fitted to out-of-fold predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sortline.arrays import BoolArray, FloatArray
from sortline.data.annotations import CocoJson, category_names
from sortline.errors import InputError, Problem
from sortline.predictions.ensembling.curves import Curve, IsotonicCurve, MemberCurves, PlattCurve, logits
from sortline.predictions.ensembling.ensemble_settings import FITTED_RESCALES, EnsembleSettings
from sortline.predictions.matching import Matches
from sortline.predictions.results import Results

# A class gets a curve of its own from this many right and this many wrong boxes on.
LEAST_OF_A_CLASS = 50


def rescale_members(members: Sequence[Results], annotations: CocoJson, settings: EnsembleSettings) -> list[Results]:
    """Rescale each member's scores as the settings say, each member by itself.

    ``minmax`` stretches all the member's scores to 0 to 1. ``rank`` replaces each by its place among them, from the
    lowest, as a share of their number; equal scores get their mean place. ``isotonic`` and ``platt`` replace it by
    the share of right boxes among those that scored so out of fold.

    Args:
        members: Detections on the same images, one a member.
        annotations: The annotation file of these images.
        settings: With the fitted curves, where ``rescale`` needs them.

    Raises:
        InputError: There are not as many curves as members.
    """
    settings.check_against(len(members), category_names(annotations))
    if settings.rescale == "minmax":
        return [replace(member, scores=_stretched(member.scores)) for member in members]
    if settings.rescale == "rank":
        from scipy.stats import rankdata

        # Equal scores get their mean rank, from 1.
        return [replace(member, scores=rankdata(member.scores) / max(len(member), 1)) for member in members]
    if settings.rescale in FITTED_RESCALES:
        pairs = zip(members, settings.curves, strict=True)
        return [replace(member, scores=_mapped(member, curves, annotations)) for member, curves in pairs]
    return list(members)


def _stretched(scores: FloatArray) -> FloatArray:
    """Map the lowest score to 0 and the highest to 1; where all are equal, to 1."""
    if len(scores) == 0 or scores.min() == scores.max():
        return np.ones_like(scores)
    stretched: FloatArray = (scores - scores.min()) / (scores.max() - scores.min())
    return stretched


def _mapped(member: Results, curves: MemberCurves, annotations: CocoJson) -> FloatArray:
    scores = member.scores.copy()
    for category in annotations["categories"]:
        rows = member.category_ids == category["id"]
        scores[rows] = curves.of_class(category["name"])(member.scores[rows])
    return scores


@dataclass(frozen=True)
class FittedMember:
    """A member's curves and how they came about.

    Attributes:
        curves: The curves.
        pooled_classes: Classes without a curve of their own, for want of boxes.
    """

    curves: MemberCurves
    pooled_classes: tuple[str, ...]

    @property
    def extent(self) -> str:
        """Say which classes have a curve of their own."""
        if not self.pooled_classes:
            return "a curve for each class"
        shared = ", ".join(self.pooled_classes) if self.curves.by_class else "all classes"
        own = ", ".join(self.curves.by_class)
        few = f"fewer than {LEAST_OF_A_CLASS} right or wrong boxes, or scores that don't rise with being right"
        return (f"a curve each for {own}; " if own else "") + f"one for {shared} ({few})"


def fit_curves(kind: str, members: Sequence[Matches], names: Sequence[str]) -> list[FittedMember]:
    """Fit curves from a member's score to the probability that a box is right.

    A class with at least 50 right and 50 wrong boxes gets a curve of its own, the others share the pooled one.
    Boxes in crowd regions, which are neither right nor wrong, are left out.

    Args:
        kind: ``isotonic`` or ``platt``.
        members: Out-of-fold detections, matched, one a member: of images that its model was not trained on.
        names: What to call the members in messages.

    Raises:
        InputError: A member has no right or no wrong box, or its scores don't rise with being right.
    """
    fit = {"isotonic": _fit_isotonic, "platt": _fit_platt}[kind]
    fitted, problems = [], []
    for member, name in zip(members, names, strict=True):
        scores, is_right, counts = member.results.scores, member.is_right, member.counts
        pooled = fit(scores[counts], is_right[counts]) if _has_both(is_right[counts], 1) else None
        if pooled is None:
            what = "its scores say nothing about which boxes are right"
            problems.append(Problem(name, what, "check that they are predictions of these images; else leave it out"))
            continue
        by_class: dict[str, Curve] = {}
        for label, class_name in enumerate(member.truth.class_names):
            rows = counts & (member.class_rows == label)
            if _has_both(is_right[rows], LEAST_OF_A_CLASS):
                curve = fit(scores[rows], is_right[rows])
                by_class |= {class_name: curve} if curve else {}
        others = tuple(class_name for class_name in member.truth.class_names if class_name not in by_class)
        fitted.append(FittedMember(MemberCurves(pooled, by_class), others))
    if problems:
        raise InputError(problems)
    return fitted


def _has_both(is_right: BoolArray, least: int) -> bool:
    return min(int(is_right.sum()), int((~is_right).sum())) >= least


def _fit_isotonic(scores: FloatArray, is_right: BoolArray) -> IsotonicCurve | None:
    """Fit the non-decreasing curve of least squared error; None if it is constant."""
    from sklearn.isotonic import IsotonicRegression

    model = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(scores, is_right.astype(np.float64))
    points = model.X_thresholds_.tolist(), model.y_thresholds_.tolist()
    return IsotonicCurve(tuple(points[0]), tuple(points[1])) if points[1][0] < points[1][-1] else None


def _fit_platt(scores: FloatArray, is_right: BoolArray) -> PlattCurve | None:
    """Fit the logistic curve of maximum likelihood; None if its slope is not positive."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=np.inf).fit(logits(scores)[:, np.newaxis], is_right)
    slope, intercept = float(model.coef_[0, 0]), float(model.intercept_[0])
    return PlattCurve(slope, intercept) if slope > 0 else None
