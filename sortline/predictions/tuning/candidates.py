"""Ensembles scored as fast as a search asks for them: each is fused and matched once, for all folds together."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from sortline.arrays import BoolArray, FloatArray, IntArray
from sortline.errors import InputError
from sortline.predictions.bootstrap import Difference, bootstrap_map50, paired_difference, resamples
from sortline.predictions.ensembling.curves import MemberCurves
from sortline.predictions.ensembling.ensemble_settings import FITTED_RESCALES, EnsembleSettings
from sortline.predictions.ensembling.fuse import GroupedBoxes, ensemble, fuse, group_members
from sortline.predictions.ensembling.rescale import fit_curves, rescale_members
from sortline.predictions.matching import match
from sortline.predictions.ranking import Ranking, class_aps, mean_ap, rank
from sortline.predictions.results import Results, ranks_in_group
from sortline.predictions.tuning.material import Material
from sortline.predictions.tuning.proposals import is_as_it_is, members_of, weights_of

#: Boxes of all members that a search looks at; what it finds is scored on all.
MOST_BOXES = 1_000_000
REPLICATES = 400

Key = tuple[object, ...]


class Candidates:
    """Scores of candidates: settings with a weight for each member, 0 for one that is left out, and without curves.

    A view is a set of images that a choice may look at: all but one fold, or all. Detections are matched within
    their image, so a candidate is fused once, and each view costs one more pass over its ranked boxes. Only fitted
    rescaling depends on the view: its curves never see the images that they are judged on.

    Args:
        material: What there is to tune on.
        seed: Of the resamples.
        most_boxes: Boxes of all members to look at, the best of each class.
        workers: Threads, by default as many as there are cores; scores are the same.
    """

    def __init__(self, material: Material, seed: int, most_boxes: int = MOST_BOXES, workers: int | None = None) -> None:
        self.material = material
        self.views: BoolArray = material.folds.views
        self.fusions = 0
        self._seed = seed
        self._rescaled = RescaledBoxes(material, most_boxes)
        self._workers = workers or len(os.sched_getaffinity(0))
        self._scores: dict[tuple[Key, int], float] = {}
        self._weights: dict[int, npt.NDArray[np.int32]] = {}

    @property
    def whole(self) -> int:
        """The view of all images."""
        return len(self.views) - 1

    def scores(self, candidates: Sequence[EnsembleSettings], view: int) -> list[float]:
        """Return each candidate's mAP50 on a view's images."""
        new = {_key(entry): entry for entry in candidates if (_key(entry), view) not in self._scores}
        for entry in new.values():
            self._rescaled.boxes(entry.rescale, view)  # prepared here: the threads below only read
        with ThreadPoolExecutor(self._workers) as pool:
            rankings = pool.map(lambda entry: self.ranking(entry, view), new.values())
            for (key, entry), ranking in zip(new.items(), rankings, strict=True):
                views = [view] if entry.rescale in FITTED_RESCALES else range(len(self.views))
                values = mean_ap(class_aps(ranking, self.views[list(views)]))
                self._scores |= {(key, of): float(value) for of, value in zip(views, values, strict=True)}
        self.fusions += len(new)
        return [self._scores[_key(entry), view] for entry in candidates]

    def best_of(self, candidates: Sequence[EnsembleSettings], view: int) -> EnsembleSettings:
        """Return the candidate of the highest mAP50 on a view's images, the first of equals."""
        values = self.scores(candidates, view)
        return candidates[max(range(len(values)), key=values.__getitem__)]

    def ranking(self, candidate: EnsembleSettings, view: int) -> Ranking:
        """Fuse, match and rank a candidate's boxes, those of images outside the view included."""
        boxes = self._rescaled.boxes(candidate.rescale, view)
        fused = fuse(boxes, replace(candidate, rescale="none"), workers=1)
        return rank(match(self.material.truth, fused))

    def difference(self, candidate: EnsembleSettings, other: EnsembleSettings, view: int) -> Difference:
        """Compare two candidates on the same resamples of a view's images."""
        value, other_value = self.scores([candidate, other], view)
        weights = self.resampled(view)
        with ThreadPoolExecutor(self._workers) as pool:
            rankings = pool.map(lambda entry: self.ranking(entry, view), (candidate, other))
            resampled, other_resampled = (bootstrap_map50(ranking, weights) for ranking in rankings)
        self.fusions += 2
        return paired_difference(value, other_value, resampled, other_resampled)

    def resampled(self, view: int) -> npt.NDArray[np.int32]:
        """Return how often each resample has each image, shape ``(R, N)``; always the same for a view."""
        if view not in self._weights:
            rows = np.flatnonzero(self.views[view])
            weights = np.zeros((REPLICATES, self.views.shape[1]), dtype=np.int32)
            weights[:, rows] = resamples(len(rows), REPLICATES, self._seed)
            self._weights[view] = weights
        return self._weights[view]

    def can_rescale(self, candidate: EnsembleSettings, rescale: str, view: int) -> bool:
        """Tell whether a way of rescaling works for all members that a candidate uses."""
        used = members_of(candidate)
        return rescale not in FITTED_RESCALES or all(self._rescaled.can_fit(rescale, row, view) for row in used)

    def finished(self, candidate: EnsembleSettings, view: int) -> EnsembleSettings:
        """Turn a candidate into settings for its members alone, curves fitted to the view's images included."""
        used = members_of(candidate)
        if is_as_it_is(candidate):
            return EnsembleSettings("concat", skip_box_thr=0)
        settings = replace(candidate, weights=tuple(weights_of(candidate)[row] for row in used))
        if settings.rescale not in FITTED_RESCALES:
            return settings
        left_out = frozenset({view} if view != self.whole else ())
        fitted = [self._rescaled.curves(settings.rescale, row, left_out) for row in used]
        return replace(settings, curves=tuple(curves for curves in fitted if curves is not None))

    def applied(self, candidate: EnsembleSettings, view: int) -> Results:
        """Fuse all boxes of all images as the finished recipe would."""
        members = [self.material.members[row] for row in members_of(candidate)]
        return ensemble(members, self.material.annotations, self.finished(candidate, view))


def _key(candidate: EnsembleSettings) -> Key:
    """Return what tells candidates apart."""
    method = (candidate.method, candidate.iou_thr, candidate.conf_type, candidate.decay, candidate.sigma)
    return (*method, candidate.skip_box_thr, candidate.weights, candidate.rescale)


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
            view: Row of :attr:`~sortline.predictions.tuning.material.ImageFolds.views`.
        """
        key = (rescale, view if rescale in FITTED_RESCALES else None)
        if key not in self._cache:
            members = range(len(self._kept))
            scores = (
                [self._crossfitted(rescale, member, self._left_out(view)) for member in members]
                if rescale in FITTED_RESCALES
                else self._plain(rescale)
            )
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

    def _crossfitted(self, rescale: str, member: int, left_out: frozenset[int]) -> FloatArray:
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
