"""Copy-paste of rare classes: objects from other training photos, at a plausible size and place."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from mmcv.transforms import BaseTransform
from mmdet.registry import TRANSFORMS
from mmdet.structures.bbox import autocast_box_type
from mmdet.structures.mask import BitmapMasks, PolygonMasks
from mmengine.logging import print_log

from custom_modules.transforms.samples import box_array, seeded_generator
from sortline.data.annotations import CocoJson, category_names, check_categories, read_annotations
from sortline.data.cutouts import Patch, PatchCache, find_cutouts, rare_class_weights
from sortline.data.pasting import (
    blend,
    choose_place,
    feathered_box,
    overlap,
    paste_factor,
    resize_patch,
    soft_mask,
)
from sortline.errors import InputError, Problem, nearest
from sortline.pipeline.check.training import argument_problems

MIB = 2**20
RARE = "rare"


@TRANSFORMS.register_module()
class PasteObjects(BaseTransform):
    """Pastes objects of chosen classes, cut from other training photos, into a photo.

    An object with a segmentation is cut out along it; another is cut out with its box and a margin that fades into the
    photo. It takes about the same share of the photo as in its own, and is placed where it hides no other object.
    Objects that are cut off, tiny or covered by others are not used; see :func:`sortline.data.cutouts.find_cutouts`. If
    the sample has ``gt_masks``, only objects with a segmentation are pasted, and masks below them lose what is hidden.

    The transform belongs right after ``LoadAnnotations``. Its random numbers follow numpy's global seed. Sources:
    Ghiasi et al., Simple Copy-Paste, 2021; Dwibedi et al., Cut, Paste and Learn, 2017, who show that blending keeps
    detectors from learning the edges.

    Args:
        ann_file: COCO file of the training photos, set when the config is bound: of a fold its train part, so that no
            validation photo is ever read.
        data_root: Folder that ``ann_file`` and the file names in it are relative to; set when the config is bound.
        metainfo: Has ``classes``; set when the config is bound.
        prob: Probability that a photo gets objects.
        max_objects: Such a photo gets 1 to this many objects, as far as there is room for them.
        classes: ``"rare"``, a list of names with equal probability, or a weight by name.
        rare_thr: Share of the images below which a class is rare.
        scale_range: Smallest and largest factor on an object's natural size.
        max_share: Largest share of the photo's width and of its height that an object takes.
        min_side: Smallest width and height of an object in pixels, in its own photo and in the other.
        max_covered: Largest share of another object's box that may be covered.
        flip_prob: Probability that an object is mirrored.
        match_light: Share of the difference in brightness between object and place that is removed, from 0 to 1.
        cache_mib: Memory in each worker for objects read before, in MiB.

    Raises:
        InputError: The file can't be read or has other classes, or a setting is out of range; all problems together.
    """

    def __init__(
        self,
        ann_file: str | None = None,
        data_root: str = "",
        metainfo: Mapping[str, Any] | None = None,
        prob: float = 0.5,
        max_objects: int = 2,
        classes: str | Sequence[str] | Mapping[str, float] = RARE,
        rare_thr: float = 0.1,
        scale_range: Sequence[float] = (0.7, 1.3),
        max_share: float = 0.5,
        min_side: float = 12.0,
        max_covered: float = 0.2,
        flip_prob: float = 0.5,
        match_light: float = 0.5,
        cache_mib: float = 64.0,
    ) -> None:
        shares = dict(prob=prob, rare_thr=rare_thr, max_share=max_share, max_covered=max_covered)
        shares |= dict(flip_prob=flip_prob, match_light=match_light)
        settings = dict(max_objects=max_objects, scale_range=scale_range, min_side=min_side)
        problems = argument_problems("PasteObjects", {**shares, **settings})
        if not ann_file:
            remedy = "put the recipe beside a file of configs/_base_/datasets, whose ann_files.train it then reads"
            problems.append(Problem("PasteObjects.ann_file", "is not given", remedy))
        if problems:
            raise InputError(problems)
        path = os.path.join(data_root, str(ann_file))
        annotations = read_annotations(path)
        names = category_names(annotations)
        wanted = (metainfo or {}).get("classes") or names
        weights = rare_class_weights(annotations, rare_thr) if classes == RARE else _given_weights(classes)
        problems = check_categories(annotations, wanted, path) + _weight_problems(weights, names)
        if problems:
            raise InputError(problems)
        self.prob, self.max_objects, self.scale_range, self.max_share = prob, max_objects, scale_range, max_share
        self.min_side, self.max_covered, self.flip_prob, self.match_light = (
            min_side,
            max_covered,
            flip_prob,
            match_light,
        )
        self.weights = {names.index(name): weight for name, weight in weights.items()}
        self.cache = PatchCache(data_root, int(cache_mib * MIB))
        self._fill(annotations, names)

    def _fill(self, annotations: CocoJson, names: Sequence[str]) -> None:
        """Find the objects to choose from, and log how many there are of each class."""
        found = find_cutouts(annotations, self.min_side)
        self.cutouts = [cutout for cutout in found if cutout.label in self.weights]
        counts = np.bincount([cutout.label for cutout in self.cutouts], minlength=len(names))
        labels = [label for label in self.weights if counts[label]]
        total = sum(self.weights[label] for label in labels)
        pasted = self.prob * (1 + self.max_objects) / 2 * len(annotations["images"])
        self.draw_weights = {label: self.weights[label] / total for label in labels}
        self.numbers: dict[int, list[int]] = {label: [] for label in labels}
        for number, cutout in enumerate(self.cutouts):
            self.numbers[cutout.label].append(number)
        listed = ", ".join(
            f"{counts[label]} of {names[label]} (each about {pasted * weight / counts[label]:.1f} times an epoch)"
            for label, weight in self.draw_weights.items()
        )
        lacking = [names[label] for label in self.weights if label not in self.draw_weights]
        print_log(f"PasteObjects: {listed or 'no object is suitable: photos stay unchanged'}", "current")
        if lacking:
            names_lacking = ", ".join(lacking)
            text = f"PasteObjects: no object of {names_lacking} is complete, uncovered and large enough to be cut out"
            print_log(text, "current", logging.WARNING)

    @autocast_box_type()
    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Paste objects into the sample, or leave it unchanged."""
        rng = seeded_generator()
        if not self.draw_weights or rng.random() >= self.prob:
            return results
        results["img"] = results["img"].copy()
        for _ in range(int(rng.integers(1, self.max_objects, endpoint=True))):
            number = self._draw(rng, results.get("gt_masks") is not None)
            if number is not None:
                self._paste(results, number, rng)
        return results

    def _draw(self, rng: np.random.Generator, with_masks: bool) -> int | None:
        """Draw a class, then one of its objects; None if the class has no suitable one."""
        label = int(rng.choice(list(self.draw_weights), p=list(self.draw_weights.values())))
        own = self.numbers[label]
        if with_masks:
            own = [number for number in own if self.cutouts[number].segmentation is not None]
        return int(rng.choice(own)) if own else None

    def _paste(self, results: dict[str, Any], number: int, rng: np.random.Generator) -> None:
        """Paste one object if there is room for it."""
        cutout = self.cutouts[number]
        height, width = results["img"].shape[:2]
        x1, y1, x2, y2 = cutout.box_xyxy
        jitter, flip = rng.uniform(self.scale_range[0], self.scale_range[1]), rng.random() < self.flip_prob
        factor = paste_factor(
            (x2 - x1, y2 - y1), cutout.size_wh, (width, height), jitter, self.max_share, self.min_side
        )
        if factor is None:
            return
        patch = resize_patch(self.cache.get(number, cutout), factor, flip)
        left, top, right, bottom = patch.box_xyxy
        # One pixel is kept free for moving the patch to whole pixels: its box in the photo is then exactly its box in
        # the patch, moved.
        room = (width - 1, height - 1)
        place = choose_place((right - left, bottom - top), room, box_array(results), self.max_covered, rng)
        if place is not None:
            corner_xy = (math.ceil(place[0] - left), math.ceil(place[1] - top))
            add_patch(results, patch, corner_xy, cutout.label, self.match_light)

    def __repr__(self) -> str:
        settings = f"prob={self.prob}, max_objects={self.max_objects}, cutouts={len(self.cutouts)}"
        return f"{type(self).__name__}({settings}, weights={self.draw_weights})"


def add_patch(
    results: dict[str, Any], patch: Patch, corner_xy: tuple[int, int], label: int, match_light: float
) -> None:
    """Blend an object into a sample's photo and add its box, label and mask.

    Args:
        results: Sample after ``LoadAnnotations``; changed in place, including its photo.
        patch: The object, at its final size.
        corner_xy: Position of the patch's top left pixel; may be negative.
        label: Class of the object.
        match_light: See :func:`sortline.data.pasting.light_gain`.
    """
    height, width = patch.image.shape[:2]
    if patch.mask is None:
        alpha = feathered_box((width, height), patch.box_xyxy)
    else:
        alpha = soft_mask(patch.mask, patch.box_xyxy)
    blend(results["img"], patch.image, alpha, corner_xy, match_light)
    boxes = results["gt_bboxes"]
    box = torch.tensor([patch.box_xyxy]) + torch.tensor([*corner_xy, *corner_xy])
    results["gt_bboxes"] = type(boxes)(torch.cat([boxes.tensor, box.to(boxes.tensor)]))
    results["gt_bboxes_labels"] = np.append(results["gt_bboxes_labels"], np.int64(label))
    results["gt_ignore_flags"] = np.append(results["gt_ignore_flags"], False)
    if results.get("gt_masks") is not None and patch.mask is not None:
        _add_mask(results, patch.mask, corner_xy)


def _add_mask(results: dict[str, Any], mask: npt.NDArray[np.uint8], corner_xy: tuple[int, int]) -> None:
    """Remove what is hidden from the other masks and add the new one."""
    masks = results["gt_masks"]
    bitmap = masks.to_bitmap() if isinstance(masks, PolygonMasks) else masks
    shape = results["img"].shape[:2]
    pasted = np.zeros(shape, dtype=np.uint8)
    into, out_of = overlap(shape, mask.shape, corner_xy)
    pasted[into] = mask[out_of]
    others = bitmap.masks * (1 - pasted)
    results["gt_masks"] = BitmapMasks(np.concatenate([others, pasted[None]]), *shape)


def _given_weights(classes: str | Sequence[str] | Mapping[str, float]) -> dict[str, float]:
    if isinstance(classes, Mapping):
        return dict(classes)
    return dict.fromkeys([classes] if isinstance(classes, str) else classes, 1.0)


def _weight_problems(weights: Mapping[str, float], names: Sequence[str]) -> list[Problem]:
    where = "PasteObjects.classes"
    problems = [
        Problem(where, f"the annotation file has no class {name!r}", nearest(name, names) or f"it has {list(names)}")
        for name in weights
        if name not in names
    ]
    for name, weight in weights.items():
        if not isinstance(weight, int | float) or not 0 < weight < float("inf"):
            problems.append(Problem(f"{where}.{name}", f"the weight {weight!r} is not above 0", "leave the class out"))
    return problems
