"""What every format shares: what reading gives, what writing plans, and how findings are collected."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from sortline.data.annotations import CocoJson
from sortline.errors import InputError, Problem, counted

#: The names of splits, each with what it is called elsewhere.
SPLITS: dict[str, tuple[str, ...]] = {"train": ("train",), "val": ("val", "valid", "validation"), "test": ("test",)}

Found = TypeVar("Found")
# XML can't hold them, and a line break would end a row.
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
# Areas in real files are rounded to two decimals.
AREA_TOLERANCE = 0.01


@dataclass(frozen=True)
class Split:
    """One split of a dataset, as read.

    Attributes:
        name: ``train``, ``val`` or ``test``.
        annotations: COCO content.
        image_root: Folder that the ``file_name`` entries start from.
        files: The annotation files that were read.
        notes: What the reader had to decide, for the user to know.
    """

    name: str
    annotations: CocoJson
    image_root: Path
    files: tuple[Path, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReadOptions:
    """What the user said about the source.

    Attributes:
        split: The split to read, or the name of what a source with one split holds.
        image_root: Folder of the photos, if not the source's own.
        classes: Class names in order, for formats that keep no list.
        voc_origin: Number of the first pixel in Pascal VOC files, 0 or 1; None to go by the files.
    """

    split: str | None = None
    image_root: Path | None = None
    classes: tuple[str, ...] | None = None
    voc_origin: int | None = None


@dataclass(frozen=True)
class WriteOptions:
    """What the user said about the target.

    Attributes:
        voc_origin: Number of the first pixel in Pascal VOC files, 0 or 1.
        overwrite: Whether existing files may be replaced.
    """

    voc_origin: int = 1
    overwrite: bool = False


@dataclass
class Plan:
    """All files that writing would make; nothing is written yet.

    Attributes:
        root: Folder that the places start from.
        texts: Content of each text file by its place, in the order of writing: what lists others comes last.
        photos: Source of each photo by its place.
        shared: Places of files that several splits share, already joined with what is there.
        notes: What the format made necessary, for the user to know.
        clashes: Places that two files would take.
    """

    root: Path
    texts: dict[str, str] = field(default_factory=dict)
    photos: dict[str, Path] = field(default_factory=dict)
    shared: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    clashes: list[str] = field(default_factory=list)

    def add_text(self, place: str, text: str) -> None:
        """Plan a text file."""
        if place in self.texts:
            self.clashes.append(place)
        self.texts[place] = text

    def add_photos(self, photos: Mapping[str, Path]) -> None:
        """Plan photos; one photo in two splits is the same file twice."""
        self.clashes += [place for place, path in photos.items() if self.photos.get(place, path) != path]
        self.photos.update(photos)


@dataclass(frozen=True)
class Format:
    """A format's name and functions.

    Attributes:
        name: As given on the command line.
        recognises: Tells whether a file or folder is of this format.
        read: Reads all splits of a source, or the one that the options name.
        plan: Plans the files of some splits below a folder, or the one file that the path names.
        held_keys: Annotation keys beside image, class and box that survive; None if everything does.
        needs_photos: Whether readers of the format find photos by their place in its layout.
        lists_classes: Whether its files say which classes there are and in which order.
    """

    name: str
    recognises: Callable[[Path], bool]
    read: Callable[[Path, ReadOptions], list[Split]]
    plan: Callable[[Sequence[Split], Path, WriteOptions], Plan]
    held_keys: frozenset[str] | None
    needs_photos: bool = False
    lists_classes: bool = True


class Findings:
    """Collects problems, a few of each kind in full and the rest counted.

    Args:
        where: The source as a whole, named where findings are only counted.
        limit: Findings of one kind that are shown.
    """

    def __init__(self, where: object, limit: int = 10) -> None:
        self.where = str(where)
        self.limit = limit
        self._kinds: dict[str, list[Problem]] = {}

    def add(self, kind: str, where: object, seen: str = "", remedy: str = "") -> None:
        """Add one finding.

        Args:
            kind: What is wrong; findings of one kind are counted together.
            where: File, with the line where there is one.
            seen: The value found.
            remedy: What to do about it.
        """
        what = f"{kind}: {seen}" if seen else kind
        self._kinds.setdefault(kind, []).append(Problem(str(where), what, remedy))

    def extend(self, problems: Sequence[Problem]) -> None:
        """Take over problems found elsewhere."""
        for problem in problems:
            self._kinds.setdefault(problem.what, []).append(problem)

    @property
    def problems(self) -> list[Problem]:
        """The findings as they are shown to the user."""
        shown: list[Problem] = []
        for kind, problems in self._kinds.items():
            shown += problems[: self.limit]
            if len(problems) > self.limit:
                shown.append(Problem(self.where, f"{kind}: {len(problems) - self.limit:,} more"))
        return shown

    def check(self) -> None:
        """Raise all findings together, if there are any.

        Raises:
            InputError: There are findings.
        """
        if self._kinds:
            raise InputError(self.problems)


def canonical_split(name: str) -> str | None:
    """Return the split that a name stands for, ``val`` for ``valid``; None for any other name."""
    return next((split for split, names in SPLITS.items() if name.lower() in names), None)


def pick_splits(found: Mapping[str, Found], wanted: str | None, where: Path) -> dict[str, Found]:
    """Return the split that the user asked for, or all.

    Raises:
        InputError: The wanted split is not among those found.
    """
    if wanted is None:
        return dict(found)
    if wanted not in found:
        raise InputError(Problem(str(where), f"has no split {wanted!r}", f"it has {counted(list(found))}"))
    return {wanted: found[wanted]}


def split_files(source: Path, suffix: str, wanted: str | None) -> dict[str, Path]:
    """List the file of each split: ``source`` itself, or ``train``, ``val`` and ``test`` with a suffix in it.

    A single file is the split that the user named, else the one that its name says, else ``train``.

    Raises:
        InputError: There is no such file, or the folder lacks the wanted split.
    """
    if not source.is_dir():
        return {wanted or canonical_split(source.stem) or "train": source}
    found = named_splits(source, suffix)
    if not found:
        names = counted([f"{name}{suffix}" for name in SPLITS])
        raise InputError(Problem(str(source), f"holds none of {names}", "give the file itself"))
    return pick_splits(found, wanted, source)


def named_splits(folder: Path, ending: str) -> dict[str, Path]:
    """Find what is called like a split and ``ending``, such as ``valid.json`` or ``valid/_annotations.coco.json``."""
    candidates = ((split, folder / f"{name}{ending}") for split, names in SPLITS.items() for name in names)
    found: dict[str, Path] = {}
    for split, path in candidates:
        if path.is_file():
            found.setdefault(split, path)
    return found


def target_of_split(splits: Sequence[Split], out: Path, suffix: str) -> tuple[Path, dict[str, str]]:
    """Name the file of each split: ``out`` itself if it has the suffix, else one a split in the folder ``out``.

    Returns:
        The folder, and the place in it of each split's file.

    Raises:
        InputError: ``out`` is one file but there are several splits.
    """
    if out.suffix.lower() != suffix or out.is_dir():
        return out, {split.name: f"{split.name}{suffix}" for split in splits}
    if len(splits) > 1:
        what = f"is one file, the source has the splits {counted([split.name for split in splits])}"
        raise InputError(Problem(f"--out {out}", what, "give a folder, or pick one with --split"))
    return out.parent, {splits[0].name: out.name}


def own_area(annotation: Mapping[str, Any]) -> float | None:
    """Return an annotation's area if it differs from its box's, as that of a mask does."""
    _, _, width, height = annotation["bbox"]
    area = annotation.get("area")
    if area is None or abs(area - width * height) <= AREA_TOLERANCE:
        return None
    return float(area)


def check_names(names: Iterable[str], noun: str, where: object, findings: Findings) -> None:
    """Report file or class names that a text format can't hold."""
    for name in names:
        if CONTROL.search(name):
            findings.add(f"a {noun} with control characters", where, repr(name), "rename it")


def without_suffix(file_name: str) -> str:
    """Drop the suffix of the last part: ``train/0001.jpg`` gives ``train/0001``."""
    return str(PurePosixPath(file_name).with_suffix(""))


def photos_of(split: Split, folder: str = "") -> dict[str, Path]:
    """Map the place of each photo, its ``file_name`` below ``folder``, to where the photo is."""
    names = [image["file_name"] for image in split.annotations["images"]]
    return {f"{folder}{name}": split.image_root / name for name in names}
