"""Tune an ensemble, and find out by nested cross-validation what the tuned ensemble is worth on other images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, repeat

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
from sortline.predictions.ensembling.fuse import ensemble
from sortline.predictions.matching import match, taking_order
from sortline.predictions.ranking import Ranking, class_aps, map50_of, mean_ap, rank
from sortline.predictions.results import Results, ranks_in_group
from sortline.predictions.tuning import BUDGET
from sortline.predictions.tuning.candidates import MOST_BOXES, Candidates
from sortline.predictions.tuning.material import Material, check_material
from sortline.predictions.tuning.proposals import is_as_it_is, members_of, single, weights_of
from sortline.predictions.tuning.search import MOST_STEPS, Search, Trial, helps, leave_one_out, put_one_in
from sortline.progress import track

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


@dataclass(frozen=True)
class MemberVerdict:
    """What became of a member.

    Attributes:
        name: The member.
        estimate: Its own score.
        weight: In the recipe; 0 if it was left out.
        trial: The final ensemble with it against the one without; None where there was no such ensemble to judge.
    """

    name: str
    estimate: Estimate
    weight: float
    trial: Trial | None


@dataclass(frozen=True)
class Tuning:
    """What was chosen, and what it is worth.

    Attributes:
        settings: Of the recipe, for its members alone.
        members: Rows of the recipe's members.
        verdicts: One a member, in their order.
        single_wins: Whether the recipe is a single member, be it as it is or after an NMS of its own boxes.
        best_single: Row of the best single member.
        plain: Score of all members by Weighted Boxes Fusion as it comes, untuned.
        found: Members of the ensemble that the search on all images ended with, rows.
        found_score: That ensemble's score on the images it was chosen on, which flatters it.
        expected: The procedure's score on images that it did not see, by nested cross-validation.
        gain: Of ``expected`` to the best single member's score.
        folds: What was chosen without each fold.
        origin: Where the folds are from.
        fusions: Ensembles fused and scored.
        is_cut_short: Whether a search ran out of its budget.
        seed: Of chance groups and resamples.
    """

    settings: EnsembleSettings
    members: tuple[int, ...]
    verdicts: tuple[MemberVerdict, ...]
    single_wins: bool
    best_single: int
    plain: Estimate
    found: tuple[int, ...]
    found_score: float
    expected: Estimate
    gain: Difference
    folds: tuple[FoldOutcome, ...]
    origin: str
    fusions: int
    is_cut_short: bool
    seed: int


def tune(material: Material, seed: int = 0, budget: int = BUDGET, most_boxes: int = MOST_BOXES) -> Tuning:
    """Choose members, weights and settings of the highest mAP50.

    The whole search is run once on all images, for the recipe, and once without each fold. What it chose without a
    fold is scored on that fold; all folds together give the score to expect. The recipe is the ensemble only where
    that score is above the best single member's beyond noise; else it is that member.

    Args:
        material: Members, truth and folds.
        seed: Of the resamples.
        budget: Most candidates that one search tries.
        most_boxes: Boxes of all members that searches look at.

    Raises:
        InputError: Material that nothing can be learnt from.
    """
    check_material(material)
    candidates = Candidates(material, seed, most_boxes)
    searches = [Search(candidates, view, budget) for view in range(len(candidates.views))]
    steps = chain.from_iterable(map(_steps, searches))
    for _ in track(steps, "tuning", len(searches) * MOST_STEPS):
        pass
    return _outcome(candidates, searches, seed)


def _steps(search: Search) -> Iterator[None]:
    """Run a search; where it converges early, the progress skips the steps that it did not need."""
    taken = 0
    for _ in search.steps():
        taken += 1
        yield
    yield from repeat(None, MOST_STEPS - taken)


def _outcome(candidates: Candidates, searches: Sequence[Search], seed: int) -> Tuning:
    """Judge what the searches have found, and decide between the ensemble and the best single member."""
    material, judge, found = candidates.material, Judge(candidates.material, seed), searches[-1].best
    singles = [judge.estimate(ranking) for ranking in material.rankings]
    best_single = max(range(len(singles)), key=lambda row: singles[row].map50)
    folds, held_out = held_out_outcomes(candidates, [search.best for search in searches[:-1]], best_single)
    expected = rank(match(material.truth, held_out))
    gain = judge.difference(expected, material.rankings[best_single])
    chosen = found if helps(gain) and not is_as_it_is(found) else single(best_single, len(singles))
    plain = ensemble(material.members, material.annotations, EnsembleSettings())
    trials = _trials(candidates, found)
    return Tuning(
        settings=candidates.finished(chosen, candidates.whole),
        members=tuple(members_of(chosen)),
        verdicts=tuple(
            MemberVerdict(name, estimate, weight, trials.get(row))
            for row, (name, estimate, weight) in enumerate(
                zip(material.names, singles, weights_of(chosen), strict=True)
            )
        ),
        single_wins=len(members_of(chosen)) == 1,
        best_single=best_single,
        plain=judge.estimate(rank(match(material.truth, plain))),
        found=tuple(members_of(found)),
        found_score=map50_of(match(material.truth, candidates.applied(found, candidates.whole))) or 0.0,
        expected=judge.estimate(expected),
        gain=gain,
        folds=folds,
        origin=material.folds.origin,
        fusions=candidates.fusions,
        is_cut_short=any(search.is_out_of_budget for search in searches),
        seed=seed,
    )


def _trials(candidates: Candidates, found: EnsembleSettings) -> dict[int, Trial]:
    """Try the final ensemble without each of its members, and with each of the others."""
    view = candidates.whole
    trials = put_one_in(candidates, found, view)
    if len(members_of(found)) > 1:
        trials += leave_one_out(candidates, found, view)
    return {trial.member: trial for trial in trials}
