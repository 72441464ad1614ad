"""Score ensembles as fast as a search asks for them: each is fused and matched once, for all folds together."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from sortline.arrays import BoolArray
from sortline.predictions.bootstrap import Difference, bootstrap_map50, paired_difference, resamples
from sortline.predictions.ensembling.ensemble_settings import FITTED_RESCALES, EnsembleSettings
from sortline.predictions.ensembling.fuse import ensemble, fuse
from sortline.predictions.matching import match
from sortline.predictions.ranking import Ranking, class_aps, mean_ap, rank
from sortline.predictions.results import Results
from sortline.predictions.tuning.material import Material
from sortline.predictions.tuning.rescaled import RescaledBoxes

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


def weights_of(candidate: EnsembleSettings) -> tuple[float, ...]:
    """Return the weight of each member, which every candidate has."""
    return candidate.weights or ()


def members_of(candidate: EnsembleSettings) -> list[int]:
    """List the rows of the members that a candidate uses."""
    return [row for row, weight in enumerate(weights_of(candidate)) if weight > 0]


def is_as_it_is(candidate: EnsembleSettings) -> bool:
    """Tell whether a candidate is one member's boxes without any fusion."""
    return candidate.method == "concat"


def single(member: int, members: int) -> EnsembleSettings:
    """Return the candidate that is one member as it is."""
    weights = tuple(float(row == member) for row in range(members))
    return EnsembleSettings("concat", skip_box_thr=0, weights=weights)


def _key(candidate: EnsembleSettings) -> Key:
    """Return what tells candidates apart."""
    method = (candidate.method, candidate.iou_thr, candidate.conf_type, candidate.decay, candidate.sigma)
    return (*method, candidate.skip_box_thr, candidate.weights, candidate.rescale)
