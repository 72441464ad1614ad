"""Mosaic of four photos at the size of one, for any pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmdet.datasets.transforms import CachedMosaic, Resize
from mmdet.registry import TRANSFORMS
from mmdet.structures.bbox import autocast_box_type

from custom_modules.transforms.samples import crop_sample, seeded_generator
from sortline.pipeline.check.training import refuse_arguments


def mosaic_window(
    size_wh: tuple[int, int], side: int, zoom: float, center_xyn: Sequence[float]
) -> tuple[int, int, int, int]:
    """Choose the window to show of a square canvas on which four photos meet in the centre.

    >>> mosaic_window((100, 80), side=100, zoom=0.5, center_xyn=(0.5, 0.5))
    (0, 20, 200, 180)

    Args:
        size_wh: Width and height of the result in pixels.
        side: Half the side of the canvas in pixels.
        zoom: Scale at which the window is shown, at least 0.5; 1 shows a window of ``size_wh``.
        center_xyn: Where in the window the photos meet, as shares of its sides.

    Returns:
        Left, top, right, bottom in pixels, inside the canvas.
    """
    lengths = [min(round(length / zoom), 2 * side) for length in size_wh]
    starts = [round(side - share * length) for share, length in zip(center_xyn, lengths, strict=True)]
    left, top = (min(max(start, 0), 2 * side - length) for start, length in zip(starts, lengths, strict=True))
    return left, top, left + lengths[0], top + lengths[1]


@TRANSFORMS.register_module()
class OwnSizeMosaic(CachedMosaic):
    """Joins four photos and shows a window of the size of the first, at 0.5 to 1 times their scale.

    mmdet's CachedMosaic makes pictures of twice its ``img_scale``, which a later crop has to reduce; until its cache is
    full it returns photos unchanged, and the crop then removes half of them. Here a sample keeps its size, so that the
    transform works before any resize. The other three photos come from a cache: each sample loads one photo only, and
    no MultiImageMixDataset is needed.

    Args:
        prob: Probability that a photo becomes part of a mosaic.
        ratio_range: Smallest and largest scale of the photos, from 0.5, which shows all of them, to 1.
        center_range: Where in the picture the photos meet, as a share of each side.
        min_visible: Objects lose their label if at most this share of their box is left.
        max_cached_images: Number of photos that each worker keeps.
        pad_val: Value of the pixels beside photos of other shapes.

    Raises:
        InputError: A range is out of bounds.
    """

    def __init__(
        self,
        prob: float = 1.0,
        ratio_range: Sequence[float] = (0.5, 1.0),
        center_range: Sequence[float] = (0.25, 0.75),
        min_visible: float = 0.1,
        max_cached_images: int = 20,
        pad_val: float = 114.0,
    ) -> None:
        ranges = dict(ratio_range=ratio_range, center_range=center_range)
        refuse_arguments("OwnSizeMosaic", **ranges, min_visible=min_visible)
        # The photos meet in the centre of the canvas; the window decides where that is in the picture. The oldest photo
        # leaves the cache first, so that the cache depends on the samples before only, also in a resumed run.
        super().__init__(
            center_ratio_range=(1.0, 1.0),
            pad_val=pad_val,
            prob=prob,
            max_cached_images=max_cached_images,
            random_pop=False,
        )
        self.ratio_range, self.center_range, self.min_visible = ratio_range, center_range, min_visible

    @autocast_box_type()
    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Make the sample part of a mosaic, or leave it unchanged."""
        height, width = results["img"].shape[:2]
        side = max(width, height)
        # The canvas is square: for others, CachedMosaic shifts masks into (width, height) instead of (height, width).
        # https://github.com/open-mmlab/mmdetection/blob/v3.3.0/mmdet/datasets/transforms/transforms.py
        self.img_scale = (side, side)
        mixed = super().transform(results)
        if mixed["img"].shape[:2] == (height, width):
            return mixed
        rng = seeded_generator()
        center = rng.uniform(self.center_range[0], self.center_range[1], size=2).tolist()
        zoom = rng.uniform(self.ratio_range[0], self.ratio_range[1])
        window = mosaic_window((width, height), side, zoom, center)
        crop_sample(mixed, window, self.min_visible)
        return Resize(scale=(width, height), keep_ratio=False).transform(mixed)

    def __repr__(self) -> str:
        ranges = f"ratio_range={tuple(self.ratio_range)}, center_range={tuple(self.center_range)}"
        return f"{type(self).__name__}(prob={self.prob}, {ranges}, max_cached_images={self.max_cached_images})"
