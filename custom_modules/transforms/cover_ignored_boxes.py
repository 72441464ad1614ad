"""Hides ignored boxes from detectors that can't ignore boxes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from mmcv.transforms import BaseTransform
from mmdet.registry import TRANSFORMS

# The value with which mmdet pads images.
GREY = (114.0, 114.0, 114.0)


def cover(
    image: npt.NDArray[Any],
    covered_xyxy: Sequence[Sequence[float]],
    visible_xyxy: Sequence[Sequence[float]],
    color: Sequence[float],
) -> npt.NDArray[Any]:
    """Paint over boxes, except where other boxes overlap them.

    Args:
        image: Shape ``(H, W, 3)``.
        covered_xyxy: Left, top, right, bottom in pixels of the boxes to paint over.
        visible_xyxy: The same for the boxes that stay visible.
        color: One value for each channel.

    Returns:
        A painted copy; the image itself if there is nothing to paint.
    """
    mask = np.zeros(image.shape[:2], dtype=bool)
    for boxes, value in ((covered_xyxy, True), (visible_xyxy, False)):
        for left, top, right, bottom in boxes:
            rows = slice(max(int(np.floor(top)), 0), max(int(np.ceil(bottom)), 0))
            mask[rows, max(int(np.floor(left)), 0) : max(int(np.ceil(right)), 0)] = value
    if not mask.any():
        return image
    painted = image.copy()
    painted[mask] = np.asarray(color, dtype=image.dtype)
    return painted


@TRANSFORMS.register_module()
class CoverIgnoredBoxes(BaseTransform):
    """Paints ignored boxes (crowd regions) grey and removes them, so that no detector learns from them.

    The assigners of RTMDet, YOLOX and DINO don't use ignored boxes, those of ATSS and Faster R-CNN only with
    ``ignore_iof_thr`` above 0; without this transform an ignored object counts as background. The transform belongs
    between ``LoadImageFromFile`` and ``LoadAnnotations``. What lies in a box that is not ignored stays visible.

    Args:
        color: Colour to paint with, one value for each channel.
    """

    def __init__(self, color: Sequence[float] = GREY) -> None:
        self.color = tuple(color)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Paint the image and remove the ignored boxes from its ``instances``."""
        instances = results.get("instances", [])
        kept = [instance for instance in instances if not instance.get("ignore_flag")]
        ignored = [instance["bbox"] for instance in instances if instance.get("ignore_flag")]
        image = cover(results["img"], ignored, [instance["bbox"] for instance in kept], self.color)
        return {**results, "img": image, "instances": kept}

    def __repr__(self) -> str:
        return f"{type(self).__name__}(color={self.color})"
