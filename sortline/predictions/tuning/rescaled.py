"""Members' boxes under every way to rescale scores, grouped once; fitted curves never meet the images they score."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sortline.arrays import FloatArray, IntArray
from sortline.errors import InputError
from sortline.predictions.ensembling.curves import MemberCurves
from sortline.predictions.ensembling.ensemble_settings import FITTED_RESCALES, EnsembleSettings
from sortline.predictions.ensembling.grouping import GroupedBoxes, group_members
from sortline.predictions.ensembling.rescale import fit_curves, rescale_members
from sortline.predictions.results import ranks_in_group
from sortline.predictions.tuning.material import Material


class RescaledBoxes:
    """Members' boxes for fusion, with the scores that a way of rescaling gives them.

    Only the boxes that matter for the score are kept: each member's best of each class.

    Args:
        material: What there is to tune on.
        most_boxes: Boxes to keep of all members together.
    """

    def __init__(self, material: Material, most_boxes: int) -> None:
        self._material = material
        to_find = material.truth.to_find
        boxes = np.stack([np.bincount(member.class_rows, minlength=len(to_find)) for member in material.matches])
        limits = class_limits(boxes, to_find, most_boxes)
        self._rows = [best_rows(member.class_rows, member.results.scores, limits) for member in material.matches]
        self._kept = [member.take(rows) for member, rows in zip(material.matches, self._rows, strict=True)]
        self._folds_of = [material.folds.of_image[member.image_rows] for member in self._kept]
        sizes = [len(rows) for rows in self._rows]
        numbers = np.split(np.arange(sum(sizes), dtype=np.float64), np.cumsum(sizes)[:-1])
        # Grouped with their row numbers for scores, which tell where any other scores go.
        numbered = [replace(member.results, scores=part) for member, part in zip(self._kept, numbers, strict=True)]
        self._grouped = group_members(numbered, material.annotations)
        self._order: IntArray = self._grouped.scores.astype(np.int64)
        self._cache: dict[tuple[str, int | None], GroupedBoxes] = {}
        self._curves: dict[tuple[str, int, frozenset[int]], MemberCurves | None] = {}

    def boxes(self, rescale: str, view: int) -> GroupedBoxes:
        """Return the boxes with their rescaled scores.

        Curves that score a fold's boxes are fitted to the view's other folds. Boxes outside the view, and those of
        members that nothing can be fitted to, keep their scores.

        Args:
            rescale: One of :data:`~sortline.predictions.ensembling.ensemble_settings.RESCALES`.
            view: Row of :attr:`~sortline.predictions.tuning.image_folds.ImageFolds.views`.
        """
        key = (rescale, view if rescale in FITTED_RESCALES else None)
        if key not in self._cache:
            scores = self._crossfitted(rescale, view) if rescale in FITTED_RESCALES else self._plain(rescale)
            self._cache[key] = replace(self._grouped, scores=np.concatenate(scores)[self._order])
        return self._cache[key]

    def can_fit(self, rescale: str, member: int, view: int) -> bool:
        """Tell whether a member's curves can be fitted wherever a view needs them."""
        left_out = self._left_out(view)
        inside = [fold for fold in range(len(self._material.folds)) if fold not in left_out]
        needed = [left_out, *(left_out | {fold} for fold in inside)]
        return all(self.curves(rescale, member, folds) is not None for folds in needed)

    def curves(self, rescale: str, member: int, left_out: frozenset[int]) -> MemberCurves | None:
        """Fit a member's curves to all folds but some; None if its scores say nothing there."""
        key = (rescale, member, left_out)
        if key not in self._curves:
            boxes = self._kept[member].take(~np.isin(self._folds_of[member], list(left_out)))
            try:
                fitted = fit_curves(rescale, [boxes], [self._material.names[member]])
            except InputError:
                self._curves[key] = None
            else:
                self._curves[key] = fitted[0].curves
        return self._curves[key]

    def _plain(self, rescale: str) -> list[FloatArray]:
        settings = EnsembleSettings(rescale=rescale)
        rescaled = rescale_members(self._material.members, self._material.annotations, settings)
        return [member.scores[rows] for member, rows in zip(rescaled, self._rows, strict=True)]

    def _crossfitted(self, rescale: str, view: int) -> list[FloatArray]:
        left_out = self._left_out(view)
        return [self._crossfitted_member(rescale, member, left_out) for member in range(len(self._kept))]

    def _crossfitted_member(self, rescale: str, member: int, left_out: frozenset[int]) -> FloatArray:
        scores = self._kept[member].results.scores.copy()
        for fold in range(len(self._material.folds)):
            curves = None if fold in left_out else self.curves(rescale, member, left_out | {fold})
            rows = self._folds_of[member] == fold
            if curves is not None and rows.any():
                settings = EnsembleSettings(rescale=rescale, curves=(curves,))
                boxes = [self._kept[member].results.take(rows)]
                scores[rows] = rescale_members(boxes, self._material.annotations, settings)[0].scores
        return scores

    def _left_out(self, view: int) -> frozenset[int]:
        return frozenset({view} if view < len(self._material.folds) else ())


def best_rows(class_rows: IntArray, scores: FloatArray, limits: IntArray) -> IntArray:
    """List each class's rows of the highest scores, rising.

    Args:
        class_rows: Class of each box, shape ``(N,)``.
        scores: Shape ``(N,)``.
        limits: How many to list of each class at most, shape ``(C,)``.
    """
    order = np.argsort(-scores, kind="stable")
    of_class = class_rows[order]
    rows: IntArray = np.sort(order[ranks_in_group(of_class) < limits[of_class]])
    return rows


def class_limits(boxes: IntArray, ground_truths: IntArray, most: int) -> IntArray:
    """Share a number of boxes out to the classes, so many for each ground truth; shape ``(C,)``.

    What average precision loses with the lowest-scoring boxes depends on how many are left for each ground truth.

    Args:
        boxes: Boxes that each member has of each class, shape ``(M, C)``.
        ground_truths: Boxes to be found of each class, shape ``(C,)``.
        most: Boxes to keep of all members together; less than one a ground truth is never kept.
    """

    def limits(tenths: int) -> IntArray:
        return np.maximum(ground_truths * tenths // 10, 1)

    low, high = 10, 10 * max(int(boxes.max(initial=1)), 1)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if np.minimum(boxes, limits(middle)).sum() <= most else (low, middle - 1)
    return limits(low)
