"""Rotation by multiples of 90 degrees, which keeps boxes exact."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmdet.registry import TRANSFORMS
from mmdet.structures.bbox import autocast_box_type
from mmdet.structures.mask import BitmapMasks, PolygonMasks

from custom_modules.transforms.samples import record_homography, seeded_generator
from sortline.pipeline.check.training import refuse_arguments


def turn_boxes(boxes_xyxy: torch.Tensor, width: int) -> torch.Tensor:
    """Rotate boxes with their photo by 90 degrees counterclockwise: the right side becomes the top.

    >>> turn_boxes(torch.tensor([[0.0, 1.0, 4.0, 3.0]]), width=10)
    tensor([[ 1.,  6.,  3., 10.]])

    Args:
        boxes_xyxy: Left, top, right, bottom in pixels, shape ``(N, 4)``.
        width: Width of the photo before the rotation.
    """
    left, top, right, bottom = boxes_xyxy.unbind(dim=-1)
    return torch.stack([top, width - right, bottom, width - left], dim=-1)


def turn_masks(masks: BitmapMasks | PolygonMasks) -> BitmapMasks | PolygonMasks:
    """Rotate masks by 90 degrees counterclockwise."""
    if isinstance(masks, BitmapMasks):
        turned = np.ascontiguousarray(np.rot90(masks.masks, axes=(1, 2)))
        return BitmapMasks(turned, masks.width, masks.height)
    polygons = [[_turn_polygon(part, masks.width) for part in parts] for parts in masks.masks]
    return PolygonMasks(polygons, masks.width, masks.height)


def _turn_polygon(points: np.ndarray, width: int) -> np.ndarray:
    """Rotate ``[x0, y0, x1, y1, ...]`` by 90 degrees counterclockwise."""
    turned = np.empty_like(points)
    turned[0::2], turned[1::2] = points[1::2], width - points[0::2]
    return turned


@TRANSFORMS.register_module()
class RandomRotate90(BaseTransform):
    """Rotates photo, boxes and masks by 90, 180 or 270 degrees with equal probability.

    For photos taken from above. Unlike rotation by other angles it invents no pixels and keeps boxes tight. With
    ``RandomFlip(prob=0.5)`` and the default ``prob`` all eight orientations of a photo are equally likely. For training
    only: ``scale_factor``, which maps predictions back to the photo, is that of the photo before the rotation.

    Args:
        prob: Probability that a photo is rotated.

    Raises:
        InputError: The probability is not from 0 to 1.
    """

    def __init__(self, prob: float = 0.75) -> None:
        refuse_arguments("RandomRotate90", prob=prob)
        self.prob = prob

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Rotate the sample, or leave it unchanged."""
        rng = seeded_generator()
        if rng.random() < self.prob:
            for _ in range(int(rng.integers(1, 4))):
                self.turn(results)
        return results

    @autocast_box_type()
    def turn(self, results: dict[str, Any]) -> dict[str, Any]:
        """Rotate a sample once by 90 degrees counterclockwise, in place."""
        width = results["img"].shape[1]
        results["img"] = np.ascontiguousarray(np.rot90(results["img"]))
        results["img_shape"] = results["img"].shape[:2]
        if results.get("gt_bboxes") is not None:
            boxes = results["gt_bboxes"]
            results["gt_bboxes"] = type(boxes)(turn_boxes(boxes.tensor, width))
        if results.get("gt_masks") is not None:
            results["gt_masks"] = turn_masks(results["gt_masks"])
        if results.get("gt_seg_map") is not None:
            results["gt_seg_map"] = np.ascontiguousarray(np.rot90(results["gt_seg_map"]))
        record_homography(results, [[0, 1, 0], [-1, 0, width], [0, 0, 1]])
        return results

    def __repr__(self) -> str:
        return f"{type(self).__name__}(prob={self.prob})"
