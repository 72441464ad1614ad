"""What a way of choosing is worth: chosen without a fold, scored on that fold, all folds together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sortline.arrays import FloatArray
from sortline.predictions.bootstrap import (
    Difference,
    Interval,
    bootstrap_map50,
    interval,
    paired_difference,
    resamples,
)
from sortline.predictions.ensembling.ensemble_settings import EnsembleSettings
from sortline.predictions.matching import match, taking_order
from sortline.predictions.ranking import Ranking, class_aps, map50_of, mean_ap
from sortline.predictions.results import Results, ranks_in_group
from sortline.predictions.tuning.candidates import Candidates, members_of
from sortline.predictions.tuning.material import Material

REPLICATES = 1000


@dataclass(frozen=True)
class Estimate:
    """A score and how far it may be off by the choice of images.

    Attributes:
        map50: Contest score from 0 to 1.
        interval: Its 95% bootstrap interval.
    """

    map50: float
    interval: Interval | None


@dataclass(frozen=True)
class FoldOutcome:
    """What was chosen without a fold, and what it gave there.

    Attributes:
        fold: Name of the fold.
        images: Its images.
        members: Those chosen, by name.
        settings: What was chosen on the other folds; without curves.
        map50: The choice's score on the fold.
        best_single: That of the best single member, the same one for all folds.
    """

    fold: str
    images: int
    members: tuple[str, ...]
    settings: EnsembleSettings
    map50: float
    best_single: float


class Judge:
    """Scores rankings on all images, with one set of resamples for all of them."""

    def __init__(self, material: Material, seed: int) -> None:
        self._weights = resamples(len(material.truth.image_ids), REPLICATES, seed)

    def estimate(self, ranking: Ranking) -> Estimate:
        """Score a ranking."""
        return Estimate(_map50(ranking), interval(bootstrap_map50(ranking, self._weights)))

    def difference(self, ranking: Ranking, other: Ranking) -> Difference:
        """Compare two rankings."""
        resampled, other_resampled = (bootstrap_map50(entry, self._weights) for entry in (ranking, other))
        return paired_difference(_map50(ranking), _map50(other), resampled, other_resampled)


def _map50(ranking: Ranking) -> float:
    return float(mean_ap(class_aps(ranking))[0])


def held_out_outcomes(
    candidates: Candidates, chosen: Sequence[EnsembleSettings], best_single: int
) -> tuple[tuple[FoldOutcome, ...], Results]:
    """Apply what was chosen without each fold to that fold.

    Args:
        candidates: Scores of what is tried.
        chosen: What was chosen without each fold.
        best_single: Row of the member to compare with.

    Returns:
        How each fold went, and the folds' detections joined. The choices may have scores of different scales, so
        scores are replaced by what ranks the boxes of a class over all images under each choice.
    """
    material = candidates.material
    outcomes, parts = [], []
    for fold, (name, candidate) in enumerate(zip(material.folds.names, chosen, strict=True)):
        results = candidates.applied(candidate, fold)
        held_out = material.folds.held_out(fold)
        matches = match(material.truth, results)
        single_aps = class_aps(material.rankings[best_single], held_out[np.newaxis])
        outcomes.append(
            FoldOutcome(
                fold=name,
                images=int(held_out.sum()),
                members=tuple(material.names[row] for row in members_of(candidate)),
                settings=candidate,
                map50=map50_of(matches, images=held_out) or 0.0,
                best_single=float(mean_ap(single_aps)[0]),
            )
        )
        parts.append(replace(results, scores=place_scores(results)).take(held_out[matches.image_rows]))
    return tuple(outcomes), Results.concatenate(parts)


def place_scores(results: Results) -> FloatArray:
    """Turn scores into ones that compare across ensembles: 1 / place of the box in its class, shape ``(N,)``.

    Which box of a class comes before which stays the same, so average precision does.
    """
    order = taking_order(results)
    scores = np.empty(len(order))
    scores[order] = 1 / (1 + ranks_in_group(results.category_ids[order]))
    return scores
