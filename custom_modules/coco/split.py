"""Hold out a part of an annotation file's images for validation."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from custom_modules.coco.annotations import CocoJson, image_rows
from custom_modules.errors import InputError, Problem

# Images compared at each step: enough for a good pick, few enough that 100,000 images split in seconds.
CANDIDATES = 64


def holdout_split(annotations: CocoJson, fraction: float, seed: int) -> tuple[CocoJson, CocoJson]:
    """Split a file's images into a training and a validation part with like shares of every class.

    Images are held out one at a time: of some drawn at random, the one that brings each class's held-out
    boxes nearest to its share. The last image with boxes of a class always stays in the training part, so
    a class with boxes in one image only has none to be scored on.

    Args:
        annotations: A file read by :func:`~custom_modules.coco.annotations.read_annotations`.
        fraction: Share of the images to hold out, above 0 and below 1; at least one image is.
        seed: The same file, fraction and seed give the same split.

    Returns:
        The training and the validation part: ids, file names, order and every other key as in the file.

    Raises:
        InputError: ``fraction`` is out of range, there is only one image, or no image can be held out
            because each holds the only boxes of some class.
    """
    if not 0 < fraction < 1:
        raise InputError(Problem("fraction", f"{fraction} is not between 0 and 1", "0.2 holds out a fifth"))
    total = len(annotations["images"])
    if total < 2:
        raise InputError(Problem("split", "one image can't be split in two parts", "add images"))
    wanted = min(max(round(fraction * total), 1), total - 1)
    held_out = _pick_held_out(_boxes_per_class(annotations), wanted, np.random.default_rng(seed))
    if not held_out.any():
        what = "no image can be held out: each holds the only boxes of some class"
        raise InputError(Problem("split", what, "add images, or give a validation file of its own"))
    return _part(annotations, ~held_out), _part(annotations, held_out)


def _boxes_per_class(annotations: CocoJson) -> npt.NDArray[np.int64]:
    """Count each image's boxes of each class, shape ``(images, classes)``; crowd regions don't count."""
    rows = image_rows(annotations)
    columns = {category["id"]: column for column, category in enumerate(annotations["categories"])}
    counts = np.zeros((len(rows), len(columns)), dtype=np.int64)
    for annotation in annotations["annotations"]:
        if not annotation.get("iscrowd", 0):
            counts[rows[annotation["image_id"]], columns[annotation["category_id"]]] += 1
    return counts


def _pick_held_out(counts: npt.NDArray[np.int64], wanted: int, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Choose up to ``wanted`` images, leaving every class at least one image.

    Args:
        counts: Boxes of each image and class, shape ``(N, C)``.
        wanted: Number of images to choose.
        rng: Source of the random draws.

    Returns:
        Mask of the chosen images, shape ``(N,)``.
    """
    totals = counts.sum(axis=0)
    images_left = (counts > 0).sum(axis=0)
    held_boxes = np.zeros(counts.shape[1])
    pool = rng.permutation(len(counts))
    chosen = np.zeros(len(counts), dtype=bool)
    for step in range(1, wanted + 1):
        spots = np.unique(rng.integers(len(pool), size=CANDIDATES)) if len(pool) > CANDIDATES else slice(None)
        for candidates in (pool[spots], pool):
            # The last image of a class must stay.
            free = candidates[~((counts[candidates] > 0) & (images_left == 1)).any(axis=1)]
            if len(free):
                break
        else:
            break
        share = totals * (step / len(counts))
        distances = (((held_boxes + counts[free] - share) / np.maximum(totals, 1)) ** 2).sum(axis=1)
        best = free[np.argmin(distances)]
        chosen[best] = True
        held_boxes += counts[best]
        images_left = images_left - (counts[best] > 0)
        pool = pool[pool != best]
    return chosen


def _part(annotations: CocoJson, mask: npt.NDArray[np.bool_]) -> CocoJson:
    """Keep the images that ``mask`` marks, with their annotations."""
    images = [image for image, keep in zip(annotations["images"], mask, strict=True) if keep]
    ids = {image["id"] for image in images}
    kept = [annotation for annotation in annotations["annotations"] if annotation["image_id"] in ids]
    return {**annotations, "images": images, "annotations": kept}
