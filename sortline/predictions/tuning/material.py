"""What there is to tune on: members' out-of-fold detections, the truth, and the folds that choices are judged by."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sortline.data.annotations import CocoJson
from sortline.errors import InputError, Problem, counted
from sortline.predictions.matching import Matches, Truth, match
from sortline.predictions.ranking import Ranking, rank
from sortline.predictions.results import Results
from sortline.predictions.tuning.image_folds import ImageFolds


@dataclass(frozen=True)
class Material:
    """What there is to tune on.

    Attributes:
        annotations: Ground truth.
        members: Out-of-fold detections of all its images, ``M`` of them.
        names: What to call the members.
        folds: The images that are held out together.
    """

    annotations: CocoJson
    members: tuple[Results, ...]
    names: tuple[str, ...]
    folds: ImageFolds

    @cached_property
    def truth(self) -> Truth:
        """The ground truth as columns."""
        return Truth.of(self.annotations)

    @cached_property
    def matches(self) -> tuple[Matches, ...]:
        """Each member's detections, matched."""
        return tuple(match(self.truth, member) for member in self.members)

    @cached_property
    def rankings(self) -> tuple[Ranking, ...]:
        """Each member's detections, ranked."""
        return tuple(map(rank, self.matches))


def check_material(material: Material) -> None:
    """Refuse what nothing can be learnt from.

    Raises:
        InputError: Fewer than two members, no ground truth, a fold without any, or members without a box on a whole
            fold; all problems together.
    """
    problems = []
    if len(material.members) < 2:
        what = f"there is nothing to choose: {len(material.members)} member"
        problems.append(Problem("--pred", what, "give the out-of-fold predictions of two or more models"))
    truth, folds = material.truth, material.folds
    to_find = np.bincount(folds.of_image[truth.image_rows[~truth.is_crowd]], minlength=len(folds))
    empty = [name for name, count in zip(folds.names, to_find.tolist(), strict=True) if count == 0]
    if len(empty) == len(folds):
        what = "has no boxes to be found, so there is nothing to tune on"
        problems.append(Problem("--ann", what, "give the file with the ground truth, such as train.json"))
    elif empty:
        what = f"no boxes to be found in fold {counted(empty)}"
        problems.append(Problem(folds.origin, what, "use fewer folds: every one must have boxes to be found"))
    problems += [problem for row in range(len(material.members)) for problem in _gaps(material, row)]
    if problems:
        raise InputError(problems)


def _gaps(material: Material, row: int) -> list[Problem]:
    """Find the folds that a member has not a single box on: its predictions are not of all images."""
    found = np.isin(material.truth.image_ids, material.members[row].image_ids)
    boxes = np.bincount(material.folds.of_image[found], minlength=len(material.folds))
    lacking = [name for name, count in zip(material.folds.names, boxes.tolist(), strict=True) if count == 0]
    if not lacking:
        return []
    what = f"has no box on any image of fold {counted(lacking)}"
    remedy = "give predictions of all images, as collect_oof.py makes them of all folds of a model"
    return [Problem(material.names[row], what, remedy)]
