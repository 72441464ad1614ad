"""Random crops that leave no small part of an object, neither labelled nor unlabelled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from mmcv.transforms import BaseTransform
from mmdet.registry import TRANSFORMS
from mmdet.structures.bbox import autocast_box_type

from custom_modules.transforms.samples import box_array, crop_sample, seeded_generator
from sortline.data.overlaps import visible_share
from sortline.pipeline.check.training import NOT_WORTH_A_LABEL, refuse_arguments

TRIES = 30


def pick_window(
    size_wh: tuple[int, int],
    boxes_xyxy: npt.NDArray[np.float64],
    side_range: Sequence[float],
    min_visible: float,
    allow_empty: bool,
    rng: np.random.Generator,
) -> tuple[int, int, int, int] | None:
    """Draw windows until each object is either outside or sufficiently visible.

    Args:
        size_wh: Width and height of the photo in pixels.
        boxes_xyxy: Its objects, shape ``(N, 4)``, in pixels.
        side_range: Smallest and largest share of each side that a window has, drawn separately for width and height.
        min_visible: Smallest share of its box that an object in the window shows; all others are outside.
        allow_empty: Whether a window without objects is accepted for a photo that has some.
        rng: Random generator.

    Returns:
        Left, top, right, bottom in whole pixels; None if no window was accepted.
    """
    size, (smallest, largest) = np.array(size_wh), side_range
    for _ in range(TRIES):
        sides = np.maximum(np.rint(size * rng.uniform(smallest, largest, size=2)).astype(int), 1)
        start = rng.integers(0, size - sides, endpoint=True)
        window = (int(start[0]), int(start[1]), int(start[0] + sides[0]), int(start[1] + sides[1]))
        visible = visible_share(boxes_xyxy, window)
        inside, outside = visible >= min_visible, visible <= NOT_WORTH_A_LABEL
        if (inside | outside).all() and (allow_empty or inside.any() or not len(visible)):
            return window
    return None


@TRANSFORMS.register_module()
class CropKeepingObjects(BaseTransform):
    """Crops a photo at random so that each object is either outside or mostly visible.

    mmdet's RandomCrop labels what is left of a cut object, however little, and its MinIoURandomCrop drops boxes of
    objects that are still half in the picture. Here windows are drawn until neither happens; a photo for which 30
    windows fail, such as one full of large objects, is not cropped.

    Args:
        side_range: Smallest and largest share of width and of height that a crop has.
        min_visible: Smallest share of its box that an object in the crop shows.
        allow_empty: Whether a photo with objects may be cropped to a part without any.
        prob: Probability that a photo is cropped.

    Raises:
        InputError: A share is not above 0 and at most 1, or the probability is not from 0 to 1.
    """

    def __init__(
        self,
        side_range: Sequence[float] = (0.5, 1.0),
        min_visible: float = 0.6,
        allow_empty: bool = False,
        prob: float = 1.0,
    ) -> None:
        refuse_arguments("CropKeepingObjects", side_range=side_range, min_visible=min_visible, prob=prob)
        self.side_range, self.min_visible, self.allow_empty, self.prob = side_range, min_visible, allow_empty, prob

    @autocast_box_type()
    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Crop the sample, or leave it unchanged."""
        rng = seeded_generator()
        if rng.random() >= self.prob:
            return results
        height, width = results["img"].shape[:2]
        boxes = box_array(results)
        window = pick_window((width, height), boxes, self.side_range, self.min_visible, self.allow_empty, rng)
        if window is not None:
            crop_sample(results, window, NOT_WORTH_A_LABEL)
        return results

    def __repr__(self) -> str:
        settings = f"side_range={tuple(self.side_range)}, min_visible={self.min_visible}"
        return f"{type(self).__name__}({settings}, allow_empty={self.allow_empty}, prob={self.prob})"
