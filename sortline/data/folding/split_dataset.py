"""From an annotation file to fold files or a holdout split: read, group, share out, report, write."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sortline.arrays import IntArray
from sortline.data.annotations import CocoJson, read_annotations
from sortline.data.describe.statistics import box_table
from sortline.data.folding.balance import Balance, balance, balance_notes
from sortline.data.folding.fold_files import fold_outputs, holdout_outputs, write_outputs
from sortline.data.folding.folds import check_folds, check_fraction, hold_out, make_folds
from sortline.data.folding.groups import (
    Grouping,
    groups_by_csv,
    groups_by_key,
    join_groups,
    near_duplicate_groups,
)
from sortline.data.photo_files import absent_photos
from sortline.data.photo_scan import PhotoScan, scan_photos
from sortline.errors import InputError, Problem, tool_command
from sortline.files import file_sha256, missing_part

if TYPE_CHECKING:
    from sortline.data.folding.likeness import Likeness


@dataclass(frozen=True)
class FoldOptions:
    """How a file is split.

    Attributes:
        folds: Number of folds.
        val_fraction: Share of the images to hold out instead of making folds.
        seed: Seed of the split; the first of those tried with ``like``.
        group_key: Key of the images whose equal values stay together.
        groups_csv: Table that says which images stay together.
        near_duplicates: Keep photos of one scene together; None does where there are photos.
        image_root: Folder that the ``file_name`` entries start from; None is each annotation file's own.
        like: Annotation file that the validation images should be like.
        tries: Seeds to try for that.
        overwrite: Replace the files of another split.
    """

    folds: int = 5
    val_fraction: float | None = None
    seed: int = 0
    group_key: str | None = None
    groups_csv: Path | None = None
    near_duplicates: bool | None = None
    image_root: Path | None = None
    like: Path | None = None
    tries: int = 20
    overwrite: bool = False


@dataclass(frozen=True)
class SplitDataset:
    """A split that has been written.

    Attributes:
        of_image: Part of each image in the file's order; 1 marks held-out images of a holdout split. Shape ``(N,)``.
        seed: The seed that made it.
        balance: How alike the parts are.
        notes: What else there is to know: how groups were formed, what was compared, what is too rare.
        paths: The files.
    """

    of_image: IntArray
    seed: int
    balance: Balance
    notes: list[str]
    paths: list[Path]


class _Photos:
    """The photos of an annotation file, read when first asked for.

    Args:
        annotations: The file's content.
        path: The file.
        image_root: Folder that the ``file_name`` entries start from; None is the file's own.
    """

    def __init__(self, annotations: CocoJson, path: Path, image_root: Path | None) -> None:
        self.images = annotations["images"]
        self.root = image_root or path.parent

    @cached_property
    def missing(self) -> str:
        """Why there are none, or an empty string."""
        if len(absent_photos(self.root, (image["file_name"] for image in self.images))) < len(self.images):
            return ""
        return f"none of the {len(self.images):,} photos is below {self.root}"

    @cached_property
    def scan(self) -> PhotoScan:
        """What they say."""
        return scan_photos(self.root, self.images)


def split_dataset(source: Path, out: Path | None, options: FoldOptions) -> SplitDataset:
    """Split an annotation file into folds, or into a training and a validation part, and write the parts.

    Args:
        source: COCO annotation file.
        out: Folder for the files; None is the source's.
        options: How.

    Raises:
        InputError: A file or an option can't be used, or files of another split are in the way.
        OSError: The files can't be written.
    """
    annotations = read_annotations(source)
    _check_options(options, annotations, source)
    photos = _Photos(annotations, source, options.image_root)
    groups, notes = _form_groups(annotations, source, photos, options)
    assign = _assigner(annotations, groups, options)
    seed, likeness = options.seed, None
    if options.like is not None:
        likeness, words = _choose_seed(assign, annotations, photos, options.like, options)
        seed, notes = likeness.seed, notes + words
    of_image = assign(seed)
    report = balance(annotations, of_image, *_parts(options), groups.of_image)
    notes += balance_notes(report)
    kind = {"folds": options.folds} if options.val_fraction is None else {"val_fraction": options.val_fraction}
    origin = {"source": source.name, "source_sha256": file_sha256(source), **kind, "seed": seed}
    content = {
        **origin,
        "notes": notes,
        "groups": int(groups.of_image.max()) + 1,
        "groups_of_several_images": groups.several.tolist(),
        "like": likeness and {"file": str(options.like), **asdict(likeness)},
        "balance": report.as_json(),
    }
    list_outputs = fold_outputs if options.val_fraction is None else holdout_outputs
    outputs = list_outputs(annotations, of_image, source.parent if out is None else out, origin, content)
    write_outputs(outputs, source, options.overwrite)
    return SplitDataset(of_image, seed, report, notes, list(outputs))


def _assigner(annotations: CocoJson, groups: Grouping, options: FoldOptions) -> Callable[[int], IntArray]:
    """Return what gives the part of each image for a seed."""
    labels = groups.of_image if len(groups.several) else None

    def assign(seed: int) -> IntArray:
        if options.val_fraction is None:
            return make_folds(annotations, options.folds, seed, labels)
        return hold_out(annotations, options.val_fraction, seed, labels).astype(np.int64)

    return assign


def _check_options(options: FoldOptions, annotations: CocoJson, source: Path) -> None:
    """Raise for options that can't be used before photos are read, which may take minutes."""
    problems: list[Problem] = []
    try:
        if options.val_fraction is None:
            check_folds(options.folds, len(annotations["images"]))
        else:
            check_fraction(options.val_fraction)
    except InputError as error:
        problems += error.problems
    if options.seed < 0:
        problems.append(Problem("--seed", f"{options.seed} is negative", "give 0 or above"))
    if options.tries < 1:
        problems.append(Problem("--tries", f"{options.tries} seeds can't be tried", "give 1 or above"))
    if options.image_root is not None and not options.image_root.is_dir():
        remedy = missing_part(options.image_root)
        problems.append(Problem("--image-root", f"the folder {str(options.image_root)!r} does not exist", remedy))
    if not isinstance(annotations.get("info") or {}, dict):
        remedy = "'info' is an object, to which each part's origin is added"
        problems.append(Problem(str(source), f"'info' is a {type(annotations['info']).__name__}", remedy))
    try:
        json.dumps(annotations, allow_nan=False)
    except ValueError:
        remedy = "find it: " + tool_command("tools/check_dataset.py", source, "--no-images")
        problems.append(Problem(str(source), "holds NaN or infinity, which the parts can't be written with", remedy))
    if problems:
        raise InputError(problems)


def _form_groups(
    annotations: CocoJson, source: Path, photos: _Photos, options: FoldOptions
) -> tuple[Grouping, list[str]]:
    """Join everything that keeps images together, and say what it was."""
    groupings = []
    if options.group_key is not None:
        groupings.append(groups_by_key(annotations, options.group_key, str(source)))
    if options.groups_csv is not None:
        groupings.append(groups_by_csv(annotations, options.groups_csv))
    why_not = "" if options.near_duplicates is not False else "--no-near-duplicates"
    if options.near_duplicates is not False and photos.missing:
        if options.near_duplicates:
            raise InputError(Problem("--near-duplicates", photos.missing, "say where they are with --image-root DIR"))
        why_not = f"{photos.missing} (--image-root says where they are)"
    notes = []
    if not why_not:
        groupings.append(near_duplicate_groups(photos.scan))
        readable = photos.scan.readable
        if not readable.all():
            notes.append(f"{(~readable).sum():,} of {len(readable):,} photos could not be read and were not compared")
    notes = [str(grouping) for grouping in groupings] + notes
    if why_not:
        notes.append(f"near-duplicates were not looked for: {why_not}")
    return join_groups(len(annotations["images"]), groupings), notes


def _choose_seed(
    assign: Callable[[int], IntArray], annotations: CocoJson, photos: _Photos, like: Path, options: FoldOptions
) -> tuple[Likeness, list[str]]:
    """Try seeds and say which split validates on the images most like those of the file ``like``."""
    # scipy.stats, which comes with it, takes longer to load than folds take to make.
    from sortline.data.folding.likeness import ImageSet, describe_choice, most_like

    other = read_annotations(like)
    other_photos = _Photos(other, like, options.image_root)
    missing = photos.missing or other_photos.missing
    ours = ImageSet(box_table(annotations), None if missing else photos.scan)
    theirs = ImageSet(box_table(other), None if missing else other_photos.scan)
    validation = range(options.folds) if options.val_fraction is None else [1]
    seeds = range(options.seed, options.seed + options.tries)
    likeness = most_like(assign, validation, seeds, ours, theirs)
    return likeness, describe_choice(likeness, like.name, missing)


def _parts(options: FoldOptions) -> tuple[list[str], list[float]]:
    """Name the parts and say which share of everything each should have."""
    if options.val_fraction is None:
        return [f"fold {fold}" for fold in range(options.folds)], [1 / options.folds] * options.folds
    return ["train", "val"], [1 - options.val_fraction, options.val_fraction]
