"""Mixup of two photos at the size of the first, for any pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmdet.datasets.transforms import CachedMixUp
from mmdet.registry import TRANSFORMS
from mmdet.structures.bbox import autocast_box_type

from sortline.pipeline.check.training import refuse_arguments


@TRANSFORMS.register_module()
class OwnSizeMixUp(CachedMixUp):
    """Blends another photo into a photo, both half transparent and with their boxes.

    mmdet's CachedMixUp scales the other photo to a fixed size, which has to be that of the pipeline. Here it is fitted
    into the first photo, at 0.5 to 1 times its size: nothing is cut off, and the transform works before any resize. The
    other photo comes from a cache, so no MultiImageMixDataset is needed.

    Args:
        prob: Probability that a photo is mixed with another.
        ratio_range: Smallest and largest size of the other photo, as a share of the size that would fill the first.
        max_cached_images: Number of photos that each worker keeps.
        pad_val: Value of the pixels beside a smaller photo.

    Raises:
        InputError: The range is out of bounds.
    """

    flip_ratio: float

    def __init__(
        self,
        prob: float = 0.5,
        ratio_range: Sequence[float] = (0.5, 1.0),
        max_cached_images: int = 10,
        pad_val: float = 114.0,
    ) -> None:
        refuse_arguments("OwnSizeMixUp", ratio_range=ratio_range)
        super().__init__(
            prob=prob,
            ratio_range=ratio_range,
            max_cached_images=max_cached_images,
            pad_val=pad_val,
            random_pop=False,  # so that the cache depends on the samples before only, also in a resumed run
        )
        self.flip_chance = self.flip_ratio

    @autocast_box_type()
    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Mix the sample with a cached one, or leave it unchanged."""
        height, width = results["img"].shape[:2]
        self.dynamic_scale = (width, height)
        # CachedMixUp flips masks within the photo, but pixels and boxes within the padded photo: with masks, no flips.
        # https://github.com/open-mmlab/mmdetection/blob/v3.3.0/mmdet/datasets/transforms/transforms.py
        self.flip_ratio = 1.0 if "gt_masks" in results else self.flip_chance
        return super().transform(results)

    def __repr__(self) -> str:
        settings = f"prob={self.prob}, ratio_range={tuple(self.ratio_range)}"
        return f"{type(self).__name__}({settings}, max_cached_images={self.max_cached_images})"
