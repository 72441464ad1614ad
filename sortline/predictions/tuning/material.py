"""What there is to tune on: members' out-of-fold detections, the truth, and the folds that choices are judged by."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sortline.arrays import BoolArray, IntArray
from sortline.data.annotations import CocoJson
from sortline.errors import InputError, Problem, counted
from sortline.files import read_text
from sortline.predictions.matching import Matches, Truth, match
from sortline.predictions.ranking import Ranking, rank
from sortline.predictions.results import Results

HEADER = ["file_name", "fold"]
OTHER_FOLDS = "give the folds.csv that make_folds.py wrote for this annotation file, or --groups 5 for chance groups"


@dataclass(frozen=True)
class ImageFolds:
    """A fold for each image.

    Attributes:
        of_image: Fold of each image in the annotation file's order, from 0 without gaps, shape ``(N,)``.
        names: What each fold is called, ``F`` of them.
        origin: Where the folds are from, for the reader of a report.
    """

    of_image: IntArray
    names: tuple[str, ...]
    origin: str

    def __len__(self) -> int:
        return len(self.names)

    def held_out(self, fold: int) -> BoolArray:
        """Mark the images of a fold, shape ``(N,)``."""
        mask: BoolArray = self.of_image == fold
        return mask

    @property
    def views(self) -> BoolArray:
        """Mark what a choice may look at: all images but fold ``k`` in row ``k``, all in the last; ``(F + 1, N)``."""
        rows = [~self.held_out(fold) for fold in range(len(self))]
        return np.stack([*rows, np.ones(len(self.of_image), dtype=bool)])


def chance_folds(annotations: CocoJson, folds: int, seed: int) -> ImageFolds:
    """Deal the images out at random into folds of equal size.

    Args:
        annotations: The annotation file.
        folds: Number of folds.
        seed: Of the deal.

    Raises:
        InputError: Fewer than two folds, or more than images.
    """
    images = len(annotations["images"])
    if not 2 <= folds <= images:
        remedy = f"give a number from 2 to {images}" if images > 1 else "give an annotation file of several images"
        raise InputError(Problem("--groups", f"is {folds} for {images:,} images", remedy))
    of_image = np.random.default_rng(seed).permutation(np.arange(images, dtype=np.int64) % folds)
    return ImageFolds(of_image, tuple(map(str, range(folds))), f"{folds} groups of images, drawn by chance")


def read_folds(path: str | os.PathLike[str], annotations: CocoJson) -> ImageFolds:
    """Read ``folds.csv`` as ``make_folds.py`` writes it: a line ``file_name,fold`` and one for each image.

    Args:
        path: The file.
        annotations: The annotation file that it belongs to.

    Raises:
        InputError: Another header, folds that are no whole numbers, images twice, unknown or missing, or a single
            fold; all problems together.
    """
    where = str(path)
    rows = list(csv.reader(read_text(path).splitlines()))
    if not rows or rows[0] != HEADER:
        what = f"begins with {','.join(rows[0])!r}" if rows else "is empty"
        raise InputError(Problem(where, f"{what}, not with the line '{','.join(HEADER)}'", OTHER_FOLDS))
    problems = _row_problems(rows, where)
    if problems:
        raise InputError(problems)
    fold_of = {name: int(fold) for name, fold in rows[1:]}
    names = [image["file_name"] for image in annotations["images"]]
    problems = _cover_problems(fold_of, names, where)
    if problems:
        raise InputError(problems)
    labels, of_image = np.unique([fold_of[name] for name in names], return_inverse=True)
    if len(labels) < 2:
        raise InputError(Problem(where, f"puts all images into fold {labels[0]}", OTHER_FOLDS))
    return ImageFolds(of_image.astype(np.int64), tuple(map(str, labels)), where)


def _row_problems(rows: Sequence[Sequence[str]], where: str) -> list[Problem]:
    bad = [
        f"line {number}"
        for number, row in enumerate(rows[1:], start=2)
        if len(row) != 2 or not row[1].isascii() or not row[1].isdigit()
    ]
    twice = [name for name, count in Counter(row[0] for row in rows[1:] if row).items() if count > 1]
    problems = []
    if bad:
        what = f"{len(bad):,} lines are not a file_name and a fold from 0 on: {counted(bad)}"
        problems.append(Problem(where, what, OTHER_FOLDS))
    if twice:
        problems.append(Problem(where, f"lists {len(twice):,} images more than once: {counted(twice)}", OTHER_FOLDS))
    return problems


def _cover_problems(fold_of: dict[str, int], names: Sequence[str], where: str) -> list[Problem]:
    missing = [name for name in names if name not in fold_of]
    unknown = sorted(fold_of.keys() - set(names))
    if len(missing) == len(names):
        what = f"shares no image with the annotation file: it has {counted(unknown, 1)}, the other {names[0]}"
        return [Problem(where, what, OTHER_FOLDS)]
    problems = []
    if missing:
        what = f"lacks {len(missing):,} of the annotation file's {len(names):,} images: {counted(missing)}"
        problems.append(Problem(where, what, OTHER_FOLDS))
    if unknown:
        what = f"lists {len(unknown):,} images that the annotation file lacks: {counted(unknown)}"
        problems.append(Problem(where, what, OTHER_FOLDS))
    return problems


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
    """Find the folds on which a member has no box at all: its predictions are not of all images."""
    found = np.isin(material.truth.image_ids, material.members[row].image_ids)
    boxes = np.bincount(material.folds.of_image[found], minlength=len(material.folds))
    lacking = [name for name, count in zip(material.folds.names, boxes.tolist(), strict=True) if count == 0]
    if not lacking:
        return []
    what = f"has no box on any image of fold {counted(lacking)}"
    remedy = "give predictions of all images, as collect_oof.py makes them of all folds of a model"
    return [Problem(material.names[row], what, remedy)]
