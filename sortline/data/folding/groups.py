"""Which images must stay together: by a key of theirs, by a table, or because they show the same scene."""

from __future__ import annotations

import csv
import io
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sortline.arrays import IntArray
from sortline.data.annotations import CocoJson
from sortline.data.folding.folds import number_labels
from sortline.data.photo_scan import PhotoScan, groups_of_pairs, near_duplicate_pairs
from sortline.errors import InputError, Problem, counted, nearest
from sortline.files import read_text
from sortline.reports.numbers import some

CSV_HEADER = ["file_name", "group"]


@dataclass(frozen=True)
class Grouping:
    """Images that must stay together, and why.

    Attributes:
        of_image: Group of each image in the file's order, numbered from 0, shape ``(N,)``.
        reason: What the groups come from: ``"near-duplicates"``.
    """

    of_image: IntArray
    reason: str

    @property
    def several(self) -> IntArray:
        """Sizes of the groups with two images or more."""
        sizes = np.bincount(self.of_image)
        return sizes[sizes > 1]

    def __str__(self) -> str:
        several = self.several
        if not len(several):
            return f"{self.reason}: none"
        groups = some(len(several), "group")
        return f"{self.reason}: {groups} of {int(several.sum()):,} images kept together, the largest of {several.max()}"


def join_groups(images: int, groupings: Sequence[Grouping]) -> Grouping:
    """Join groupings: images that any of them keeps together, directly or through others, form one group.

    Args:
        images: Number of images.
        groupings: Any number; none leaves each image in a group of its own.
    """
    pairs = [_neighbours(grouping.of_image) for grouping in groupings]
    joined = groups_of_pairs(images, np.concatenate([np.zeros((0, 2), dtype=np.int64), *pairs]))
    return Grouping(joined, " and ".join(grouping.reason for grouping in groupings))


def _neighbours(of_image: IntArray) -> IntArray:
    """Pair each image with the one before it in its group, shape ``(M, 2)``."""
    order = np.argsort(of_image, kind="stable")
    same = of_image[order[1:]] == of_image[order[:-1]]
    return np.stack([order[:-1][same], order[1:][same]], axis=1)


def near_duplicate_groups(scan: PhotoScan) -> Grouping:
    """Group the photos that show the same scene."""
    return Grouping(groups_of_pairs(len(scan.file_names), near_duplicate_pairs(scan)), "near-duplicates")


def groups_by_key(annotations: CocoJson, key: str, where: str) -> Grouping:
    """Group images by the value of a key in their entries, a text or a whole number.

    Args:
        annotations: A file read by :func:`~sortline.data.annotations.read_annotations`.
        key: Key in each entry of ``images``.
        where: The annotation file, as shown to the user.

    Raises:
        InputError: Images without the key, or whose value is something else.
    """
    images = annotations["images"]
    absent = [image["file_name"] for image in images if key not in image]
    if len(absent) == len(images):
        keys = dict.fromkeys(name for image in images for name in image)
        remedy = nearest(key, keys) or f"the images have {counted(list(map(repr, keys)), 10)}"
        raise InputError(Problem(where, f"no image has the key {key!r}", remedy))
    problems = []
    if absent:
        what = f"{len(absent):,} of {len(images):,} images lack the key {key!r}: {counted(absent)}"
        problems.append(Problem(where, what, "give it to every image; one that stands alone gets a value of its own"))
    odd = [image["file_name"] for image in images if key in image and type(image[key]) not in (str, int)]
    if odd:
        what = f"{len(odd):,} images whose {key!r} is neither a text nor a whole number: {counted(odd)}"
        problems.append(Problem(where, what, "equal values make a group"))
    if problems:
        raise InputError(problems)
    return Grouping(number_labels([image[key] for image in images]), f"key {key!r}")


def groups_by_csv(annotations: CocoJson, path: str | os.PathLike[str]) -> Grouping:
    """Group images as a table with the header ``file_name,group`` says.

    Args:
        annotations: A file read by :func:`~sortline.data.annotations.read_annotations`.
        path: CSV file that names every image once; images with the same text in ``group`` form a group.

    Raises:
        InputError: The file can't be read, has another header or rows of another length, or names images that
            the annotation file lacks, not every image, or one more than once; all problems together.
    """
    where = str(path)
    rows = _read_rows(path)
    wrong = [number for number, row in rows if len(row) != len(CSV_HEADER) or not all(map(str.strip, row))]
    good = [
        (row[0], row[1].strip()) for number, row in rows if len(row) == len(CSV_HEADER) and all(map(str.strip, row))
    ]
    problems = []
    if wrong:
        what = f"{some(len(wrong), 'row')} without a file name and a group: row {counted(wrong)}"
        problems.append(Problem(where, what, "each row is file_name,group; a name with a comma stands in quotes"))
    listed = [image["file_name"] for image in annotations["images"]]
    problems += _name_problems(where, [name for name, _ in good], listed)
    if problems:
        raise InputError(problems)
    group_of = dict(good)
    labels = [group_of[image["file_name"]] for image in annotations["images"]]
    return Grouping(number_labels(labels), Path(path).name)


def _read_rows(path: str | os.PathLike[str]) -> list[tuple[int, list[str]]]:
    """Read a CSV file's rows below the header, each with its number; empty ones are left out.

    Raises:
        InputError: The file can't be read, or has another header.
    """
    try:
        rows = list(csv.reader(io.StringIO(read_text(path))))
    except csv.Error as error:
        raise InputError(Problem(str(path), f"is not CSV: {error}")) from None
    header = [cell.strip() for cell in rows[0]] if rows else []
    if header != CSV_HEADER:
        what = f"begins with {','.join(header)!r}" if rows else "is empty"
        raise InputError(Problem(str(path), what, f"the first line is {','.join(CSV_HEADER)}"))
    return [(number, row) for number, row in enumerate(rows[1:], start=2) if row]


def _name_problems(where: str, named: Sequence[str], listed: Sequence[str]) -> list[Problem]:
    """Compare the images that a table names with those of the annotation file."""
    problems = []
    repeated = [name for name, count in Counter(named).items() if count > 1]
    if repeated:
        what = f"{len(repeated):,} named more than once: {counted(repeated)}"
        problems.append(Problem(where, what, "name each image once"))
    for names, others, what, remedy in (
        (named, set(listed), "that the annotation file does not list", "file names are compared letter by letter"),
        (listed, set(named), "of the annotation file are not named", "name every image; one alone is a group too"),
    ):
        absent = [name for name in dict.fromkeys(names) if name not in others]
        if absent:
            hint = nearest(absent[0], others) if names is named else ""
            problems.append(Problem(where, f"{some(len(absent), 'image')} {what}: {counted(absent)}", hint or remedy))
    return problems
