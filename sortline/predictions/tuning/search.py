"""Search an ensemble: members are added greedily, settings climb one at a time, what doesn't help is dropped.

Members are added one by one, each time the one that raises mAP50 most, in the spirit of ensemble selection (Caruana et
al.: Ensemble selection from libraries of models, ICML 2004); in place of counting a member several times, its weight
is a setting like the others. Settings then climb: each in turn moves to its best neighbour as long as that is better.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sortline.predictions.bootstrap import Difference
from sortline.predictions.ensembling.ensemble_settings import RESCALES, EnsembleSettings
from sortline.predictions.tuning.candidates import Candidates
from sortline.predictions.tuning.proposals import (
    additions,
    alone,
    iou_thrs,
    is_as_it_is,
    members_of,
    methods,
    reweighted,
    sigmas,
    single,
    skip_box_thrs,
    weights_of,
    without,
)

#: A change must raise mAP50 by this to be made.
LEAST_GAIN = 0.0002
ROUNDS = 2
#: Steps of one search at most: in each round growing, climbing six settings, and climbing again after a drop.
MOST_STEPS = ROUNDS * 13
#: Share of the resamples in which an ensemble must be better with a member than without: one-sided, 5% error.
CONFIDENCE = 0.95


class Search:
    """The search for the best ensemble on a view's images.

    Args:
        candidates: Scores of what is tried.
        view: Which images may be looked at.
        budget: Most candidates to try; the search then ends with the best so far.

    Attributes:
        best: The best candidate so far.
        tried: Candidates asked for.
    """

    def __init__(self, candidates: Candidates, view: int, budget: int) -> None:
        self._candidates = candidates
        self._view = view
        self._budget = budget
        self._members = len(candidates.material.members)
        self.tried = self._members
        singles = [single(member, self._members) for member in range(self._members)]
        self._best_single = candidates.best_of(singles, view)
        self.best = self._best_single

    @property
    def is_out_of_budget(self) -> bool:
        """Whether the search used up its budget before it converged."""
        return self.tried >= self._budget

    @property
    def score(self) -> float:
        """The best candidate's mAP50 on the view's images, which it was chosen for."""
        return self._candidates.scores([self.best], self._view)[0]

    def steps(self) -> Iterator[None]:
        """Search step by step; :attr:`best` can be used at any time."""
        for _ in range(ROUNDS):
            before = self.score
            self._improve(alone(self.best))
            self._grow()
            yield
            yield from self._climb_all()
            if self._prune():
                yield from self._climb_all()
            if self.score < before + LEAST_GAIN or self.is_out_of_budget:
                return

    def _improve(self, proposals: Sequence[EnsembleSettings]) -> bool:
        """Move to the best proposal, the first of equals, if it is better by enough."""
        if not proposals or self.is_out_of_budget:
            return False
        self.tried += len(proposals)
        best = self._candidates.best_of(proposals, self._view)
        if self._candidates.scores([best], self._view)[0] < self.score + LEAST_GAIN:
            return False
        self.best = best
        return True

    def _grow(self) -> None:
        """Add members as long as one raises the score, but none that the way of rescaling can't serve."""
        while self._improve([entry for entry in additions(self.best) if self._is_usable(entry)]):
            pass

    def _is_usable(self, candidate: EnsembleSettings) -> bool:
        return self._candidates.can_rescale(candidate, candidate.rescale, self._view)

    def _climb_all(self) -> Iterator[None]:
        """Climb one setting after the other; there are none as long as the best is a member as it is."""
        coordinates = (methods, iou_thrs, sigmas, self._rescales, reweighted, skip_box_thrs)
        for coordinate in () if is_as_it_is(self.best) else coordinates:
            while self._improve(coordinate(self.best)):
                pass
            yield

    def _rescales(self, candidate: EnsembleSettings) -> list[EnsembleSettings]:
        """Propose the other ways to rescale scores, where there are members to be made comparable."""
        if len(members_of(candidate)) == 1:
            return []
        others = [replace(candidate, rescale=kind) for kind in RESCALES if kind != candidate.rescale]
        return [entry for entry in others if self._is_usable(entry)]

    def _prune(self) -> bool:
        """Drop members that don't help beyond noise, the least helpful first; tell whether an ensemble changed."""
        before = self.best
        while len(members_of(self.best)) > 1:
            trials = leave_one_out(self._candidates, self.best, self._view)
            worst = min(trials, key=lambda trial: trial.difference.value)
            if worst.helps:
                break
            self.best = worst.rest
        if len(members_of(self.best)) == 1 and self.best != self._best_single:
            difference = self._candidates.difference(self.best, self._best_single, self._view)
            self.best = self.best if helps(difference) else self._best_single
        return self.best != before


@dataclass(frozen=True)
class Trial:
    """A member left out of an ensemble, or put in, for comparison.

    Attributes:
        member: Row of the member.
        rest: The ensemble without it.
        difference: Of the ensemble with it to the one without.
    """

    member: int
    rest: EnsembleSettings
    difference: Difference

    @property
    def helps(self) -> bool:
        """Whether the member helps beyond noise."""
        return helps(self.difference)


def helps(difference: Difference) -> bool:
    """Tell whether something is better in so many resamples that chance is no explanation."""
    return difference.value > 0 and (difference.share_better or 0.0) >= CONFIDENCE


def leave_one_out(candidates: Candidates, candidate: EnsembleSettings, view: int) -> list[Trial]:
    """Compare an ensemble with the best of what is left without each of its members."""
    trials = []
    for member in members_of(candidate):
        rest = candidates.best_of(without(candidate, member), view)
        trials.append(Trial(member, rest, candidates.difference(candidate, rest, view)))
    return trials


def put_one_in(candidates: Candidates, candidate: EnsembleSettings, view: int) -> list[Trial]:
    """Compare an ensemble with what each other member would make of it, at the weight and method that suit best."""
    trials = []
    for member in range(len(weights_of(candidate))):
        if member not in members_of(candidate):
            proposals = [entry for entry in additions(candidate) if member in members_of(entry)]
            best = candidates.best_of(proposals, view)
            trials.append(Trial(member, candidate, candidates.difference(best, candidate, view)))
    return trials
