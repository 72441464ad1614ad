"""Split an annotation file into folds, or into a training and a validation part, that are alike."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.sparse import coo_array, csr_array, hstack

from sortline.arrays import BoolArray, FloatArray, IntArray
from sortline.data.annotations import CocoJson
from sortline.data.describe.statistics import SIZE_LIMITS, SIZE_NAMES, BoxTable, box_table, boxes_per_image
from sortline.data.folding.partition import partition
from sortline.errors import InputError, Problem


def make_folds(
    annotations: CocoJson, folds: int, seed: int = 0, groups: Sequence[Hashable] | IntArray | None = None
) -> IntArray:
    """Give each image the number of the fold that validates on it.

    Folds get like shares of every class's boxes, of images, boxes an image and object sizes.

    Args:
        annotations: A file read by :func:`~sortline.data.annotations.read_annotations`.
        folds: Number of folds.
        seed: The same file, folds, seed and groups give the same folds, on every machine.
        groups: A label for each image in the file's order; images with equal labels go to the same fold. None puts
            each image in a group of its own.

    Returns:
        Fold of each image in the file's order, from 0, shape ``(N,)``.

    Raises:
        InputError: There are fewer than two folds, or fewer groups than folds.
    """
    of_image = group_numbers(annotations, groups)
    check_folds(folds, int(of_image.max()) + 1, "images" if groups is None else "groups of images")
    return _share_out(annotations, of_image, np.full(folds, 1 / folds), seed)


def hold_out(
    annotations: CocoJson, fraction: float, seed: int, groups: Sequence[Hashable] | IntArray | None = None
) -> BoolArray:
    """Choose the images to validate on; both parts get like shares as in :func:`make_folds`.

    At least one image with boxes of each class stays in the training part, so a class with boxes in one image
    (or group) only has none to be scored on.

    Args:
        annotations: A file read by :func:`~sortline.data.annotations.read_annotations`.
        fraction: Share of the images to hold out, above 0 and below 1; at least one image is.
        seed: The same file, fraction, seed and groups give the same choice.
        groups: As for :func:`make_folds`; groups are held out as a whole.

    Returns:
        Mask of the held-out images in the file's order, shape ``(N,)``.

    Raises:
        InputError: ``fraction`` is out of range, there is only one image or group, or none can be held out
            because each holds the only boxes of some class.
    """
    check_fraction(fraction)
    of_image = group_numbers(annotations, groups)
    total, count = len(of_image), int(of_image.max()) + 1
    if count < 2:
        noun = "image" if total == 1 else "group of images"
        raise InputError(Problem("split", f"one {noun} can't be split in two parts", "add images"))
    share = min(max(round(fraction * total), 1), total - 1) / total
    held_out: BoolArray = _share_out(annotations, of_image, np.array([1 - share, share]), seed, keep_classes=True) == 1
    if not held_out.any():
        noun = "image" if groups is None else "group of images"
        what = f"no {noun} can be held out: each holds the only boxes of some class"
        raise InputError(Problem("split", what, "add images, or give a validation file of its own"))
    return held_out


def holdout_split(
    annotations: CocoJson, fraction: float, seed: int, groups: Sequence[Hashable] | IntArray | None = None
) -> tuple[CocoJson, CocoJson]:
    """Split a file's images into a training and a validation part; see :func:`hold_out`.

    Returns:
        The training and the validation part: ids, file names, order and every other key as in the file.

    Raises:
        InputError: As for :func:`hold_out`.
    """
    held_out = hold_out(annotations, fraction, seed, groups)
    return part_of(annotations, ~held_out), part_of(annotations, held_out)


def check_folds(folds: int, count: int, noun: str = "images") -> None:
    """Raise an InputError unless ``count`` images or groups of them can be shared out among so many folds."""
    if folds < 2:
        raise InputError(Problem("--folds", f"{folds} is too few: the rest must be there to train on", "5 is usual"))
    if folds > count:
        what = f"{folds} folds need at least as many {noun}: there {'is' if count == 1 else 'are'} {count:,}"
        raise InputError(Problem("folds", what, f"at most {count:,} can" if count > 1 else "add images"))


def check_fraction(fraction: float) -> None:
    """Raise an InputError unless ``fraction`` is a share that leaves something on both sides."""
    if not 0 < fraction < 1:
        raise InputError(Problem("fraction", f"{fraction} is not between 0 and 1", "0.2 holds out a fifth"))


def part_of(annotations: CocoJson, mask: BoolArray) -> CocoJson:
    """Keep the images that ``mask`` marks, with their annotations; all else stays as it is."""
    images = [image for image, keep in zip(annotations["images"], mask, strict=True) if keep]
    ids = {image["id"] for image in images}
    kept = [annotation for annotation in annotations["annotations"] if annotation["image_id"] in ids]
    return {**annotations, "images": images, "annotations": kept}


def group_numbers(annotations: CocoJson, groups: Sequence[Hashable] | IntArray | None) -> IntArray:
    """Number the groups from 0 in order of first appearance; each image is one of its own if none are given.

    Returns:
        Group of each image, shape ``(N,)``.

    Raises:
        ValueError: There is not one label an image.
    """
    total = len(annotations["images"])
    if groups is None:
        return np.arange(total)
    if len(groups) != total:
        raise ValueError(f"{len(groups)} group labels for {total} images")
    return number_labels(groups)


def number_labels(labels: Sequence[Hashable] | IntArray) -> IntArray:
    """Number labels from 0 in order of first appearance.

    >>> number_labels(["b", "a", "b"]).tolist()
    [0, 1, 0]
    """
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(label, len(numbers)) for label in labels], dtype=np.int64)


def _share_out(
    annotations: CocoJson, of_image: IntArray, shares: FloatArray, seed: int, keep_classes: bool = False
) -> IntArray:
    """Assign the images to parts, groups as a whole.

    Args:
        annotations: The file.
        of_image: Group of each image, from 0, shape ``(N,)``.
        shares: Share of each part.
        seed: Seed of all random draws.
        keep_classes: Leave every class in the first part.

    Returns:
        Part of each image, shape ``(N,)``.
    """
    rng = np.random.default_rng(seed)
    table = box_table(annotations)
    features = image_features(table)
    total, count = len(of_image), int(of_image.max()) + 1
    membership = csr_array((np.ones(total), (of_image, np.arange(total))), shape=(count, total))
    pinned = _cover(membership @ boxes_by_class(table), rng) if keep_classes else None
    sizes = np.bincount(of_image)
    of_group = partition(membership @ features.values, sizes, features.importance, features.strict, shares, rng, pinned)
    return of_group[of_image]


def _cover(counts: csr_array, rng: np.random.Generator) -> BoolArray:
    """Choose a few groups that together hold every class, none of which could be left out.

    Args:
        counts: Boxes by group and class, shape ``(G, C)``.
        rng: Chooses among the groups of a class.

    Returns:
        Mask of shape ``(G,)``.
    """
    by_class = counts.tocsc()
    holders = [by_class.indices[by_class.indptr[c] : by_class.indptr[c + 1]] for c in range(counts.shape[1])]
    chosen: dict[int, set[int]] = {}
    for groups in sorted((groups for groups in holders if len(groups)), key=len):
        if chosen.keys().isdisjoint(groups.tolist()):
            group = int(rng.choice(groups))
            chosen[group] = set(counts.indices[counts.indptr[group] : counts.indptr[group + 1]].tolist())
    for group in list(chosen):
        others = set[int]().union(*(classes for other, classes in chosen.items() if other != group))
        if chosen[group] <= others:
            del chosen[group]
    mask = np.zeros(counts.shape[0], dtype=bool)
    mask[list(chosen)] = True
    return mask


# Weights of the features beside the class counts. Totals come before their finer parts, of which there are many.
TOTALS: Final = 2.0**-2
PARTS: Final = 2.0**-4


@dataclass(frozen=True)
class Features:
    """What each image counts towards the balance.

    Attributes:
        values: Counts by image, shape ``(N, F)``.
        importance: Weight of each feature, shape ``(F,)``.
        strict: Mask of the features that go before all others, shape ``(F,)``.
    """

    values: csr_array
    importance: FloatArray
    strict: BoolArray


def image_features(table: BoxTable) -> Features:
    """Return the counts to balance.

    They are the boxes by class, which go before all others; images; boxes; boxes by size; boxes by class and size;
    images with each class; images by number of boxes, none or from one power of two to the next.
    """
    images, classes, sizes = len(table.file_names), len(table.classes), len(SIZE_NAMES)
    counts = boxes_per_image(table)
    by_class = boxes_by_class(table)
    size = box_sizes(table)
    # frexp's exponent: 0 for no boxes, 1 for one, 2 for two and three, 3 for four to seven ...
    levels = np.frexp(counts)[1].astype(np.int64)
    blocks = [
        (by_class, 1.0),
        (csr_array(np.ones((images, 1))), 1.0),
        (csr_array(counts[:, None].astype(np.float64)), TOTALS),
        (_count_pairs(table.rows, size, (images, sizes)), TOTALS),
        (_count_pairs(table.rows, table.labels * sizes + size, (images, classes * sizes)), PARTS),
        ((by_class > 0).astype(np.float64), PARTS),
        (_count_pairs(np.arange(images), levels, (images, int(levels.max()) + 1)), PARTS),
    ]
    importance = np.concatenate([np.full(block.shape[1], weight) for block, weight in blocks])
    strict = np.arange(len(importance)) < classes
    return Features(hstack([block for block, _ in blocks], format="csr"), importance, strict)


def boxes_by_class(table: BoxTable) -> csr_array:
    """Count the boxes of each image and class, shape ``(M, C)``."""
    return _count_pairs(table.rows, table.labels, (len(table.file_names), len(table.classes)))


def box_sizes(table: BoxTable) -> IntArray:
    """Return 0, 1 or 2 for each small, medium or large box, shape ``(N,)``."""
    sizes: IntArray = np.digitize(table.areas, SIZE_LIMITS)
    return sizes


def _count_pairs(rows: IntArray, columns: IntArray, shape: tuple[int, int]) -> csr_array:
    """Count how often each row and column come together."""
    return coo_array((np.ones(len(rows)), (rows, columns)), shape=shape).tocsr()
