"""Converts pixel values to integers from 0 to 255."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmdet.registry import TRANSFORMS


@TRANSFORMS.register_module()
class ClipToUint8(BaseTransform):
    """Rounds and clips pixel values to the range of a photo file.

    mmdet's PhotoMetricDistortion returns floats, some below 0 or above 255. Transforms after it, such as those of
    RandAugment and albumentations, accept integers only, and a detector sees no other values after training.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Convert the image."""
        results["img"] = np.clip(np.rint(results["img"]), 0, 255).astype(np.uint8)
        return results

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"
