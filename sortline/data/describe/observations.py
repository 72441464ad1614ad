"""What stands out in a dataset, in words: what was found, what it means for training, and where to read on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sortline.data.describe import statistics as numbers
from sortline.data.describe.split_differences import Difference
from sortline.data.describe.statistics import BoxTable
from sortline.errors import counted
from sortline.reports.numbers import some

#: From this factor between the commonest and the rarest class on, sampling is worth a thought.
IMBALANCE = 10.0
#: From this share of small boxes on, a larger input is.
MANY_SMALL = 0.2
#: Classes held by fewer images give no reliable score for themselves, nor do fewer boxes.
FEW = 20
#: A class is said to come with another from this share of its images on, if its images are at least so many.
TOGETHER, TOGETHER_IMAGES = 0.9, 10
#: Boxes from this ratio of their sides on count as elongated; boxes of detectors' anchors reach about 2:1.
ELONGATED = 4.0
MANY_ELONGATED = 0.1
#: The middle quarter of the area would hold a quarter of all centres if they lay anywhere.
MIDDLE_HEAVY = 0.45
INPUT_SIDE = 640


@dataclass(frozen=True)
class Observation:
    """One thing worth knowing before training.

    Attributes:
        title: What was found, with its numbers.
        advice: What it means and what can be done.
        section: The page's section that shows it.
        is_warning: Whether something should be done, or is only good to know.
    """

    title: str
    advice: str
    section: str
    is_warning: bool = True


def find_all(table: BoxTable, differences: Sequence[Difference], unreadable: Sequence[str] = ()) -> list[Observation]:
    """Collect what stands out, warnings first.

    Args:
        table: The annotation file's boxes.
        differences: Train beside test; empty without a test file.
        unreadable: Names of photos that are listed but absent or can't be read.
    """
    found = [*_unreadable_photos(unreadable)]
    if len(table.rows):
        for look in (_empty_classes, _imbalance, _rare_classes, _small_boxes, _elongated, _together, _middle):
            found += look(table)
    else:
        text = "As in a test set: only the images can be described."
        found.append(Observation("The file has no boxes.", text, "overview", is_warning=False))
    found += [*_images_without_boxes(table), *_image_sizes(table), *_differences(differences)]
    return sorted(found, key=lambda finding: not finding.is_warning)


def _unreadable_photos(names: Sequence[str]) -> list[Observation]:
    if not names:
        return []
    title = f"{some(len(names), 'photo')} can't be read: {counted(names)}."
    return [Observation(title, "tools/check_dataset.py says why; training would stop at them.", "photos")]


def _empty_classes(table: BoxTable) -> list[Observation]:
    counts = numbers.boxes_per_class(table)
    empty = [table.classes[label] for label in np.flatnonzero(counts == 0)]
    if not empty:
        return []
    title = f"{counted(empty)}: listed, but without a box."
    return [Observation(title, "Such a class can't be learnt; it scores 0 or isn't counted.", "classes")]


def _imbalance(table: BoxTable) -> list[Observation]:
    counts = numbers.boxes_per_class(table)
    if (counts > 0).sum() < 2:
        return []
    most, least = int(counts.argmax()), int(np.where(counts > 0, counts, counts.max() + 1).argmin())
    factor = counts[most] / counts[least]
    title = (
        f"{table.classes[least]} is the rarest class: {some(counts[least], 'box')}, "
        f"{table.classes[most]} has {factor:,.{0 if factor >= 10 else 1}f} times as many ({counts[most]:,})."
    )
    if factor < IMBALANCE:
        return [Observation(title, "The classes are fairly balanced.", "classes", is_warning=False)]
    advice = "The score is a mean over classes: rare ones weigh as much as common ones. See Sampling in docs/data.md."
    return [Observation(title, advice, "classes")]


def _rare_classes(table: BoxTable) -> list[Observation]:
    images = numbers.class_presence(table).sum(axis=0)
    order = [label for label in np.argsort(images, kind="stable") if 0 < images[label] < FEW]
    rare = [f"{table.classes[label]} ({images[label]})" for label in order]
    if not rare:
        return []
    title = f"In fewer than {FEW} images: {counted(rare, limit=5)}."
    advice = (
        "A validation part holds a handful of them, so that their scores jump from fold to fold. Split with "
        "tools/make_folds.py, which spreads every class, and look at the mean over folds."
    )
    return [Observation(title, advice, "classes")]


def _small_boxes(table: BoxTable) -> list[Observation]:
    counts = numbers.size_counts(table)
    share = counts[:, 0].sum() / counts.sum()
    title = f"{share:.1%} of boxes are small (under 32 x 32 px)"
    totals = counts.sum(axis=1)
    enough = totals >= FEW
    if enough.any():
        by_class = np.where(enough, counts[:, 0] / np.maximum(totals, 1), -1)
        worst = int(by_class.argmax())
        if by_class[worst] > share:
            title += f", most of all {table.classes[worst]} ({by_class[worst]:.0%})"
    long_side = int(np.median(table.sizes_wh.max(axis=1)))
    resized = share
    if long_side > INPUT_SIDE:
        resized = numbers.size_counts(table, INPUT_SIDE / long_side)[:, 0].sum() / counts.sum()
        title += f"; resized to {INPUT_SIDE} px, {resized:.1%}"
    if resized < MANY_SMALL:
        return [Observation(f"{title}.", "Too few to be a concern.", "sizes", is_warning=False)]
    advice = "Small objects are what detectors miss first: try a larger input before a larger model (docs/configs.md)."
    return [Observation(f"{title}.", advice, "sizes")]


def _elongated(table: BoxTable) -> list[Observation]:
    elongated = np.maximum(table.aspects, 1 / table.aspects) >= ELONGATED
    share = elongated.mean()
    if share < MANY_ELONGATED:
        return []
    title = f"{share:.0%} of boxes are {ELONGATED:g} times as long as wide, or more."
    advice = "Anchors reach about 2:1: prefer an anchor-free detector (RTMDet, YOLOX, DINO), or add longer anchors."
    return [Observation(title, advice, "shapes")]


def _together(table: BoxTable) -> list[Observation]:
    pairs = numbers.co_occurrence(numbers.class_presence(table))
    shares = numbers.conditional_shares(pairs)
    images = np.diag(pairs)
    # A class that nearly every image holds comes with any other; that says nothing about the two.
    common = images > 0.8 * len(table.file_names)
    mask = (shares >= TOGETHER) & (images >= TOGETHER_IMAGES)[:, None] & ~common[None, :]
    np.fill_diagonal(mask, False)
    found = [
        f"{table.classes[row]} with {table.classes[column]} ({shares[row, column]:.0%} of {images[row]:,} images)"
        for row, column in np.argwhere(mask)
    ]
    if not found:
        return []
    advice = "A detector may learn the company instead of the object: look at its false positives."
    return [Observation(f"Classes that come together: {counted(found)}.", advice, "together")]


def _middle(table: BoxTable) -> list[Observation]:
    boxes = table.boxes_xyxyn
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    share = (np.abs(centres - 0.5) <= 0.25).all(axis=1).mean()
    if share < MIDDLE_HEAVY:
        return []
    title = f"{share:.0%} of box centres lie in the middle quarter of the image."
    advice = "Random crops, shifts and mosaic keep a detector from counting on that."
    return [Observation(title, advice, "places", is_warning=False)]


def _images_without_boxes(table: BoxTable) -> list[Observation]:
    empty = int((numbers.boxes_per_image(table) == 0).sum())
    if not empty or not len(table.rows):
        return []
    title = f"{empty:,} of {len(table.file_names):,} images have no box."
    advice = "MMDetection leaves them out of training unless filter_empty_gt=False; kept, they teach what is not an object."
    return [Observation(title, advice, "counts", is_warning=False)]


def _image_sizes(table: BoxTable) -> list[Observation]:
    sizes = numbers.image_sizes(table)
    odd = [table.file_names[row] for row in numbers.odd_sizes(table)]
    if not odd:
        return []
    title = f"{some(len(odd), 'image')} of odd size or shape: {counted(odd)}."
    advice = f"There are {len(sizes):,} sizes; these are 4 times larger or smaller than the median, or longer than 3:1."
    return [Observation(title, advice, "images")]


def _differences(differences: Sequence[Difference]) -> list[Observation]:
    if not differences:
        return []
    real = [item for item in differences if item.verdict(len(differences)) == "differs"]
    if not real:
        title = "Train and test show no difference beyond chance, or only small ones."
        names = counted([item.feature for item in differences], limit=6)
        return [Observation(title, f"Compared: {names}.", "test", is_warning=False)]
    real.sort(key=lambda item: -item.gap)
    title = f"Train and test differ beyond chance: {counted([item.feature for item in real], limit=5)}."
    advice = (
        "A score on photos like train's may not hold on test. tools/make_folds.py --like TEST chooses the "
        "validation part most like the test set."
    )
    return [Observation(title, advice, "test")]
