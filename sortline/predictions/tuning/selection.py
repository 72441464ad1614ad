"""Whether a member earns its place: ensembles with it and without, compared on the same resampled images."""

from __future__ import annotations

from dataclasses import dataclass

from sortline.predictions.bootstrap import Difference
from sortline.predictions.ensembling.ensemble_settings import EnsembleSettings
from sortline.predictions.tuning.candidates import Candidates, members_of, weights_of
from sortline.predictions.tuning.proposals import additions, without

#: Share of the resamples in which an ensemble must be better with a member than without: one-sided, 5% error.
CONFIDENCE = 0.95


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
