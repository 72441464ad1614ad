"""Keep an ensemble from passing unnoticed below its best member, or from resting on members that don't belong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sortline.data.annotations import CocoJson
from sortline.predictions.matching import Truth, match
from sortline.predictions.ranking import map50_of
from sortline.predictions.results import Results

# A member is remarked on when it lacks boxes on more than this share of the images where all others have some.
NOTED_SHARE = 0.02


@dataclass(frozen=True)
class Comparison:
    """An ensemble's mAP50 beside that of its members, on the same images.

    Attributes:
        names: The members.
        members: Their mAP50, from 0 to 1.
        fused: The ensemble's.
    """

    names: tuple[str, ...]
    members: tuple[float, ...]
    fused: float

    @property
    def gain(self) -> float:
        """How far the ensemble is above its best member; negative below."""
        return self.fused - max(self.members)

    @property
    def verdict(self) -> str:
        """What the numbers say, in a sentence."""
        best = max(range(len(self.members)), key=lambda member: self.members[member])
        rival = f"its best member, {self.names[best]} ({self.members[best]:.4f})"
        if self.gain < 0:
            return f"the ensemble ({self.fused:.4f}) is BELOW {rival}, by {-self.gain:.4f}"
        if self.gain == 0:
            return f"the ensemble ({self.fused:.4f}) is no better than {rival}"
        return f"the ensemble ({self.fused:.4f}) is {self.gain:.4f} above {rival}"

    def table(self) -> str:
        """Print one line a member, and the ensemble last."""
        rows = [*zip(self.names, self.members, strict=True), ("ensemble", self.fused)]
        width = max(len(name) for name, _ in rows)
        return "\n".join([f"{'mAP50':>{width + 8}}", *(f"{name:<{width}}  {value:.4f}" for name, value in rows)])


def compare(
    annotations: CocoJson, members: Sequence[Results], names: Sequence[str], fused: Results
) -> Comparison | None:
    """Score members and ensemble on the same ground truth; None if the file has no boxes to be found.

    Args:
        annotations: Images with ground truth.
        members: Detections on them, one a member.
        names: What to call the members.
        fused: The ensemble's detections.
    """
    truth = Truth.of(annotations)
    values = [map50_of(match(truth, results)) for results in (*members, fused)]
    numbers = [value for value in values if value is not None]
    if len(numbers) < len(values):
        return None
    return Comparison(tuple(names), tuple(numbers[:-1]), numbers[-1])


def coverage_notes(members: Sequence[Results], names: Sequence[str]) -> list[str]:
    """Remark on members without a box on many images where all the others have some.

    Such a member was predicted on other images, or cut at a higher score; WBF then lowers the others' scores.
    """
    of_member = [set(np.unique(member.image_ids).tolist()) for member in members]
    notes = []
    for number, (name, images) in enumerate(zip(names, of_member, strict=True)):
        others = [of_other for other, of_other in enumerate(of_member) if other != number]
        shared = set.intersection(*others) if others else set()
        lacking = len(shared - images)
        if lacking > NOTED_SHARE * len(shared):
            notes.append(f"{name} has no box on {lacking:,} of the {len(shared):,} images where all others have some")
    return notes
