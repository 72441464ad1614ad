"""Objects cut from training photos, to be pasted into others: which ones are suitable, and their pixels."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from hotcoco import mask as coco_mask

from sortline.arrays import BoolArray, FloatArray, UInt8Array
from sortline.data.annotations import CocoJson, is_weighted
from sortline.data.photos import read_photo

#: Share of an object's box that other objects may cover: they would be pasted too, without a label.
MAX_FOREIGN = 0.1
#: Boxes this close to the photo's edge, in pixels, count as cut off by it.
EDGE = 2.0
#: Width of the margin cut out around a box, as a share of the box's mean side: the pasted object fades over it.
MARGIN = 0.15


@dataclass(frozen=True)
class Cutout:
    """Where in which photo an object lies.

    Attributes:
        file_name: Of the photo.
        size_wh: Width and height of the photo in pixels.
        box_xyxy: Left, top, right, bottom in pixels.
        label: Position of its class.
        segmentation: Polygons or run lengths in COCO's form; None where the file has none.
    """

    file_name: str
    size_wh: tuple[int, int]
    box_xyxy: tuple[float, float, float, float]
    label: int
    segmentation: Any = None


@dataclass(frozen=True)
class Patch:
    """An object's pixels.

    Attributes:
        image: BGR as in mmdet's pipelines, shape ``(H, W, 3)``.
        box_xyxy: The object's box in the patch's pixels.
        mask: Where the object is, 0 or 1, shape ``(H, W)``; None where only its box is known.
    """

    image: UInt8Array
    box_xyxy: tuple[float, float, float, float]
    mask: UInt8Array | None

    @property
    def nbytes(self) -> int:
        """Memory of the pixels in bytes."""
        return self.image.nbytes + (0 if self.mask is None else self.mask.nbytes)


def find_cutouts(annotations: CocoJson, min_side: float) -> list[Cutout]:
    """List the objects that can be pasted elsewhere.

    Crowd regions, pseudo labels with a weight, objects smaller than ``min_side`` and objects cut off by the photo's
    edge are left out; so are objects without a mask whose box another box covers by more than a tenth.

    Args:
        annotations: Content of a valid COCO file.
        min_side: Smallest width and height in pixels.
    """
    labels = {category["id"]: label for label, category in enumerate(annotations["categories"])}
    by_image: dict[int, list[dict[str, Any]]] = {image["id"]: [] for image in annotations["images"]}
    for row in annotations["annotations"]:
        by_image[row["image_id"]].append(row)
    found = []
    for image in annotations["images"]:
        rows = by_image[image["id"]]
        boxes = np.array([row["bbox"] for row in rows], np.float64).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        size_wh = (image["width"], image["height"])
        for index in np.flatnonzero(_fit(boxes, size_wh, min_side)).tolist():
            row = rows[index]
            segmentation = row.get("segmentation") or None
            crowded = segmentation is None and _foreign_share(boxes, index) > MAX_FOREIGN
            if crowded or row.get("iscrowd") or is_weighted(row):
                continue
            box = tuple(boxes[index].tolist())
            found.append(Cutout(image["file_name"], size_wh, box, labels[row["category_id"]], segmentation))
    return found


def _fit(boxes_xyxy: FloatArray, size_wh: tuple[int, int], min_side: float) -> BoolArray:
    """Return which boxes are large enough and not cut off by the photo's edge, shape ``(N,)``."""
    sides = boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]
    inside = (boxes_xyxy[:, :2] >= EDGE).all(axis=1) & (boxes_xyxy[:, 2:] <= np.array(size_wh) - EDGE).all(axis=1)
    return np.asarray((sides >= min_side).all(axis=1) & inside)


def _foreign_share(boxes_xyxy: FloatArray, index: int) -> float:
    """Return the largest share of a box that another one covers."""
    box, others = boxes_xyxy[index], np.delete(boxes_xyxy, index, axis=0)
    corners = np.hstack([np.maximum(others[:, :2], box[:2]), np.minimum(others[:, 2:], box[2:])])
    shared = np.prod(np.maximum(corners[:, 2:] - corners[:, :2], 0.0), axis=1)
    return float(shared.max(initial=0.0) / np.prod(box[2:] - box[:2]))


def read_patch(cutout: Cutout, image_root: str | Path) -> Patch:
    """Cut an object from its photo, with a margin around it.

    Raises:
        InputError: The photo is absent, or a training run can't load it.
    """
    photo = read_photo(image_root, {"file_name": cutout.file_name})[..., ::-1]
    height, width = photo.shape[:2]
    x1, y1, x2, y2 = cutout.box_xyxy
    margin = MARGIN * (x2 - x1 + y2 - y1) / 2
    left, top = max(int(x1 - margin), 0), max(int(y1 - margin), 0)
    right, bottom = min(int(np.ceil(x2 + margin)), width), min(int(np.ceil(y2 + margin)), height)
    mask = None
    if cutout.segmentation is not None:
        mask = decode_segmentation(cutout.segmentation, (width, height))[top:bottom, left:right].copy()
    return Patch(photo[top:bottom, left:right].copy(), (x1 - left, y1 - top, x2 - left, y2 - top), mask)


def decode_segmentation(segmentation: Any, size_wh: tuple[int, int]) -> UInt8Array:
    """Convert COCO polygons or run lengths to a mask of 0 and 1, shape ``(height, width)``."""
    width, height = size_wh
    if isinstance(segmentation, list):
        runs = coco_mask.merge(coco_mask.frPyObjects(segmentation, height, width))
    elif isinstance(segmentation["counts"], list):
        runs = coco_mask.frPyObjects(segmentation, height, width)
    else:
        runs = segmentation
    return np.asarray(coco_mask.decode(runs), dtype=np.uint8)


class PatchCache:
    """Reads patches on demand and keeps those used last, within a limit of memory.

    Args:
        image_root: Folder that file names are relative to.
        limit_bytes: Memory for pixels; one patch is kept, whatever its size.
    """

    def __init__(self, image_root: str | Path, limit_bytes: int) -> None:
        self.image_root, self.limit_bytes = image_root, limit_bytes
        self.patches: OrderedDict[int, Patch] = OrderedDict()
        self.nbytes = 0

    def get(self, number: int, cutout: Cutout) -> Patch:
        """Return the pixels of a cutout; ``number`` identifies it in the cache."""
        if number not in self.patches:
            self.patches[number] = read_patch(cutout, self.image_root)
            self.nbytes += self.patches[number].nbytes
        self.patches.move_to_end(number)
        while self.nbytes > self.limit_bytes and len(self.patches) > 1:
            self.nbytes -= self.patches.popitem(last=False)[1].nbytes
        return self.patches[number]


def rare_class_weights(annotations: CocoJson, rare_thr: float) -> dict[str, float]:
    """Weight the classes that few images have, as repeat factor sampling does (Gupta et al., LVIS, 2019).

    A class in a share ``f`` of the images below ``rare_thr`` would be repeated ``sqrt(rare_thr / f)`` times. Its weight
    is the number of objects that this adds: each object of a very rare class is pasted more often, but not so often
    that a few cutouts fill every photo.

    Args:
        annotations: Content of a valid COCO file.
        rare_thr: Share of the images below which a class is rare.

    Returns:
        Weight above 0 by name of each rare class that has objects.
    """
    names = {category["id"]: category["name"] for category in annotations["categories"]}
    rows = [row for row in annotations["annotations"] if not row.get("iscrowd")]
    objects: dict[str, int] = dict.fromkeys(names.values(), 0)
    for row in rows:
        objects[names[row["category_id"]]] += 1
    images: dict[str, set[int]] = {}
    for row in rows:
        images.setdefault(names[row["category_id"]], set()).add(row["image_id"])
    shares = {name: len(ids) / len(annotations["images"]) for name, ids in images.items()}
    return {
        name: (float(np.sqrt(rare_thr / share)) - 1.0) * objects[name]
        for name, share in shares.items()
        if share < rare_thr
    }
