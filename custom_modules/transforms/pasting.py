"""How an object gets into a photo that it was not taken in: its size there, its place, its edge, its light."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from custom_modules.transforms.object_bank import Patch
from custom_modules.transforms.samples import visible_share

FloatArray = npt.NDArray[np.float64]
PLACE_TRIES = 20
#: An object is enlarged to no more than this times its own pixels: beyond, it is visibly blurred.
MAX_ENLARGING = 1.5
#: Bounds of the factor by which an object is made brighter or darker.
LIGHT_RANGE = (0.7, 1.4)


def paste_factor(
    box_wh: Sequence[float],
    photo_wh: Sequence[float],
    target_wh: Sequence[float],
    jitter: float,
    max_share: float,
    min_side: float,
) -> float | None:
    """Decide at which size an object is pasted: the share of the photo that it has in its own, times a jitter.

    >>> paste_factor((40, 20), (400, 400), (200, 200), jitter=1.2, max_share=0.5, min_side=4)
    0.6

    Args:
        box_wh: Width and height of the object in its own photo, in pixels.
        photo_wh: Width and height of that photo.
        target_wh: Width and height of the photo to paste into.
        jitter: Factor on the natural size.
        max_share: Largest share of the target's width and of its height.
        min_side: Smallest width and height in the target, in pixels.

    Returns:
        Factor on the object's own pixels; None where no size will do.
    """
    natural = float(np.sqrt(np.prod(target_wh) / np.prod(photo_wh)))
    largest = min(max_share * target / side for target, side in zip(target_wh, box_wh, strict=True))
    factor = min(natural * jitter, largest, MAX_ENLARGING)
    return factor if factor * min(box_wh) >= min_side else None


def resize_patch(patch: Patch, factor: float, flip: bool) -> Patch:
    """Scale a patch to whole pixels, and mirror it if asked; its box is scaled with it."""
    height, width = patch.image.shape[:2]
    new_wh = (max(round(width * factor), 1), max(round(height * factor), 1))
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    image = cv2.resize(patch.image, new_wh, interpolation=way)
    mask = None if patch.mask is None else cv2.resize(patch.mask, new_wh, interpolation=cv2.INTER_NEAREST)
    x1, y1, x2, y2 = np.array(patch.box_xyxy) * np.tile(np.array(new_wh) / (width, height), 2)
    if flip:
        x1, x2 = new_wh[0] - x2, new_wh[0] - x1
        image = np.ascontiguousarray(image[:, ::-1])
        mask = None if mask is None else np.ascontiguousarray(mask[:, ::-1])
    return Patch(image, (float(x1), float(y1), float(x2), float(y2)), mask)


def choose_place(
    box_wh: Sequence[float],
    target_wh: Sequence[float],
    boxes_xyxy: FloatArray,
    max_covered: float,
    rng: np.random.Generator,
) -> tuple[float, float] | None:
    """Draw places for a box until one covers no other box too much.

    Args:
        box_wh: Width and height of the box to place, in pixels.
        target_wh: Width and height of the photo.
        boxes_xyxy: Boxes that are there, shape ``(N, 4)``, in pixels.
        max_covered: Share of each of them that may be covered.
        rng: Source of the draws.

    Returns:
        Left and top in pixels, so that the box is inside the photo; None when no place was good.
    """
    room = np.array(target_wh, dtype=np.float64) - np.array(box_wh)
    if (room < 0).any():
        return None
    for _ in range(PLACE_TRIES):
        left, top = rng.uniform(0.0, 1.0, 2) * room
        if (visible_share(boxes_xyxy, (left, top, left + box_wh[0], top + box_wh[1])) <= max_covered).all():
            return float(left), float(top)
    return None


def feathered_box(size_wh: tuple[int, int], box_xyxy: Sequence[float]) -> FloatArray:
    """Make an alpha that is 1 in a box and fades to 0 at the edges of the patch, like a raised cosine.

    A patch that ends with its box on one side, as at a photo's edge, ends there without fading.

    Args:
        size_wh: Width and height of the patch in pixels.
        box_xyxy: The box in the patch's pixels.

    Returns:
        Shape ``(height, width)``, from 0 to 1.
    """
    width, height = size_wh
    columns = _fade(width, box_xyxy[0], box_xyxy[2])
    return np.outer(_fade(height, box_xyxy[1], box_xyxy[3]), columns)


def _fade(length: int, start: float, end: float) -> FloatArray:
    """Return 1 for pixels that touch ``start`` to ``end``, and less towards 0 and ``length``."""
    centers = np.arange(length) + 0.5
    before = np.clip((np.floor(start) - centers) / max(np.floor(start), 1.0), 0.0, 1.0)
    after = np.clip((centers - np.ceil(end)) / max(length - np.ceil(end), 1.0), 0.0, 1.0)
    return np.asarray(0.5 + 0.5 * np.cos(np.pi * np.maximum(before, after)))


def soft_mask(mask: npt.NDArray[np.uint8], box_xyxy: Sequence[float]) -> FloatArray:
    """Blur the edge of a mask by a fiftieth of the object's mean side, at least half a pixel."""
    sigma = max(0.02 * (box_xyxy[2] - box_xyxy[0] + box_xyxy[3] - box_xyxy[1]) / 2, 0.5)
    return np.asarray(cv2.GaussianBlur(mask.astype(np.float64), (0, 0), sigma))


def light_gain(patch: npt.NDArray[np.uint8], place: npt.NDArray[np.uint8], strength: float) -> float:
    """Return the factor that brings a patch's brightness nearer to that of the place it goes to.

    Args:
        patch: Pixels to paste.
        place: Pixels that they replace.
        strength: 0 for none of the difference, 1 for all of it.

    Returns:
        A factor from 0.7 to 1.4.
    """
    ratio = (float(place.mean()) + 1.0) / (float(patch.mean()) + 1.0)
    return float(np.clip(ratio**strength, *LIGHT_RANGE))


def blend(
    image: npt.NDArray[np.uint8],
    patch: npt.NDArray[np.uint8],
    alpha: FloatArray,
    corner_xy: tuple[int, int],
    strength: float,
) -> None:
    """Lay a patch over an image.

    Args:
        image: Shape ``(H, W, 3)``; changed in place.
        patch: Shape ``(h, w, 3)``; what lies beyond the image is left out.
        alpha: Opacity of the patch from 0 to 1, shape ``(h, w)``.
        corner_xy: Left and top of the patch in the image; may be negative.
        strength: How far its brightness is matched, see :func:`light_gain`.
    """
    into, out_of = overlap(image.shape[:2], patch.shape[:2], corner_xy)
    below, above, opacity = image[into], patch[out_of], alpha[out_of][..., None]
    gain = light_gain(above, below, strength)
    mixed = opacity * np.clip(above * gain, 0, 255) + (1.0 - opacity) * below
    image[into] = np.rint(mixed).astype(np.uint8)


def overlap(
    image_hw: Sequence[int], patch_hw: Sequence[int], corner_xy: tuple[int, int]
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return the rows and columns of an image, and those of a patch, where the two lie over each other."""
    into, out_of = [], []
    for length, own, start in zip(image_hw, patch_hw, corner_xy[::-1], strict=True):
        first, last = max(start, 0), min(start + own, length)
        into.append(slice(first, last))
        out_of.append(slice(first - start, last - start))
    return (into[0], into[1]), (out_of[0], out_of[1])
