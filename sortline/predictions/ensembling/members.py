"""An ensemble's members: their names, whether they belong together, and how the ensemble compares with each."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sortline.data.annotations import CocoJson
from sortline.errors import InputError, Problem
from sortline.predictions.matching import Truth, match
from sortline.predictions.ranking import map50_of
from sortline.predictions.results import Results
from sortline.reports.numbers import score_text
from sortline.reports.tables import Table

PREDICTION_ENDINGS = re.compile(r"(\.bbox)?\.(json|csv)$", flags=re.IGNORECASE)
# A member is remarked on when it lacks boxes on more than this share of the images where all others have some.
NOTED_SHARE = 0.02


def member_names(paths: Sequence[str | os.PathLike[str]]) -> tuple[str, ...]:
    """Name results files by what tells them apart, so that a model's files for train and test get the same name.

    Folders that all paths share are left out, and so are words at the end that all names share.

    >>> member_names(["work_dirs/atss/predictions/oof.bbox.json", "work_dirs/dino/predictions/oof.bbox.json"])
    ('atss', 'dino')
    >>> member_names(["atss_test.csv", "dino_test.csv"])
    ('atss', 'dino')
    """
    parts = [Path(PREDICTION_ENDINGS.sub("", os.fspath(path))).parts for path in paths]
    while all(len(part) > 1 for part in parts) and len({part[-1] for part in parts}) == 1:
        parts = [part[:-1] for part in parts]
    while all(len(part) > 1 for part in parts) and len({part[0] for part in parts}) == 1:
        parts = [part[1:] for part in parts]
    words = [re.split(r"([_.\-]+)", "/".join(part)) for part in parts]
    while len(words) > 1 and all(len(word) > 2 for word in words) and len({word[-1] for word in words}) == 1:
        words = [word[:-2] for word in words]
    names = tuple("".join(word) for word in words)
    return names if len(set(names)) == len(names) else tuple(os.fspath(path) for path in paths)


def check_members(expected: Sequence[str], paths: Sequence[str | os.PathLike[str]], where: str) -> None:
    """Check that files are a recipe's members, in its order.

    Args:
        expected: The recipe's names of its members.
        paths: The members' files.
        where: The recipe, as shown to the user.

    Raises:
        InputError: Another number of files, or names in another order or unknown; a recipe of one member takes any.
    """
    names = member_names(paths)
    order = ", ".join(expected)
    if len(names) != len(expected):
        what = f"is for {len(expected)} members, and {len(names)} files are given"
        raise InputError(Problem(where, what, f"give --pred the files of, in this order: {order}"))
    if names == tuple(expected) or len(names) == 1:
        return
    if sorted(names) == sorted(expected):
        what = f"lists its members in another order than --pred: {order}"
        remedy = "give --pred the files in this order"
    else:
        what = f"is for the members {order}, and the files given are {', '.join(names)}"
        remedy = "give --pred the members' files; if they are these, in this order, only named otherwise: --same-order"
    raise InputError(Problem(where, what, remedy))


@dataclass(frozen=True)
class EnsembleScores:
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

    @property
    def table(self) -> Table:
        """One row a member, and the ensemble last."""
        rows = [*zip(self.names, self.members, strict=True), ("ensemble", self.fused)]
        return Table(("", "mAP50"), [(name, score_text(value)) for name, value in rows])


def compare(
    annotations: CocoJson, members: Sequence[Results], names: Sequence[str], fused: Results
) -> EnsembleScores | None:
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
    return EnsembleScores(tuple(names), tuple(numbers[:-1]), numbers[-1])


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
