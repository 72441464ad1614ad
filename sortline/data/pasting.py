"""How an object is put into another photo: its size there, its place, its edge, its brightness."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from sortline.arrays import FloatArray, UInt8Array
from sortline.data.cutouts import Patch
from sortline.data.overlaps import visible_share

PLACE_TRIES = 20
#: An object is enlarged to at most this factor on its own pixels: beyond, it is visibly blurred.
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
    """Return the scale of an object to paste: it takes the same share of the photo as in its own, times a jitter.

    >>> paste_factor((40, 20), (400, 400), (200, 200), jitter=1.2, max_share=0.5, min_side=4)
    0.6

    Args:
        box_wh: Width and height of the object in its own photo, in pixels.
        photo_wh: Width and height of its own photo.
        target_wh: Width and height of the photo to paste into.
        jitter: Factor on the natural size.
        max_share: Largest share of the target's width and of its height.
        min_side: Smallest width and height in the target, in pixels.

    Returns:
        Factor on the object's own pixels; None where no size fits.
    """
    natural = float(np.sqrt(np.prod(target_wh) / np.prod(photo_wh)))
    largest = min(max_share * target / side for target, side in zip(target_wh, box_wh, strict=True))
    factor = min(natural * jitter, largest, MAX_ENLARGING)
    return factor if factor * min(box_wh) >= min_side else None


def resize_patch(patch: Patch, factor: float, flip: bool) -> Patch:
    """Scale a patch to whole pixels and optionally mirror it; its box is scaled with it."""
    height, width = patch.image.shape[:2]
    new_wh = (max(round(width * factor), 1), max(round(height * factor), 1))
    interpolation = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    image: UInt8Array = np.asarray(cv2.resize(patch.image, new_wh, interpolation=interpolation), np.uint8)
    mask: UInt8Array | None = None
    if patch.mask is not None:
        mask = np.asarray(cv2.resize(patch.mask, new_wh, interpolation=cv2.INTER_NEAREST), np.uint8)
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
    """Draw places for a box until one covers no other box by too much.

    Args:
        box_wh: Width and height of the box to place, in pixels.
        target_wh: Width and height of the photo.
        boxes_xyxy: Boxes of the photo, shape ``(N, 4)``, in pixels.
        max_covered: Largest share of each of them that may be covered.
        rng: Random generator.

    Returns:
        Left and top in pixels, the whole box inside the photo; None if no place was found.
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
    """Return an alpha that is 1 in a box and falls to 0 at the edges of the patch along a raised cosine.

    Where the patch has no margin around the box, as at a photo's edge, it does not fade.

    Args:
        size_wh: Width and height of the patch in pixels.
        box_xyxy: The box in the patch's pixels.

    Returns:
        Shape ``(height, width)``, from 0 to 1.
    """
    width, height = size_wh
    columns = _fade(width, box_xyxy[0], box_xyxy[2])
    alpha: FloatArray = np.outer(_fade(height, box_xyxy[1], box_xyxy[3]), columns).astype(np.float64)
    return alpha


def _fade(length: int, start: float, end: float) -> FloatArray:
    """Return 1 for pixels that touch ``start`` to ``end``, and less towards 0 and ``length``."""
    centers = np.arange(length) + 0.5
    before = np.clip((np.floor(start) - centers) / max(np.floor(start), 1.0), 0.0, 1.0)
    after = np.clip((centers - np.ceil(end)) / max(length - np.ceil(end), 1.0), 0.0, 1.0)
    return np.asarray(0.5 + 0.5 * np.cos(np.pi * np.maximum(before, after)))


def soft_mask(mask: UInt8Array, box_xyxy: Sequence[float]) -> FloatArray:
    """Blur the edge of a mask by 2% of the object's mean side, at least half a pixel."""
    sigma = max(0.02 * (box_xyxy[2] - box_xyxy[0] + box_xyxy[3] - box_xyxy[1]) / 2, 0.5)
    return np.asarray(cv2.GaussianBlur(mask.astype(np.float64), (0, 0), sigma))


def light_gain(patch: UInt8Array, place: UInt8Array, strength: float) -> float:
    """Return the factor that brings a patch's brightness nearer to that of its place.

    Args:
        patch: Pixels to paste.
        place: Pixels that they replace.
        strength: Share of the difference to remove, from 0 to 1.

    Returns:
        A factor from 0.7 to 1.4.
    """
    ratio = (float(place.mean()) + 1.0) / (float(patch.mean()) + 1.0)
    return float(np.clip(ratio**strength, *LIGHT_RANGE))


def blend(
    image: UInt8Array,
    patch: UInt8Array,
    alpha: FloatArray,
    corner_xy: tuple[int, int],
    strength: float,
) -> None:
    """Blend a patch into an image.

    Args:
        image: Shape ``(H, W, 3)``; changed in place.
        patch: Shape ``(h, w, 3)``; what lies outside the image is left out.
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
    """Return rows and columns of an image, and those of a patch, where the two overlap."""
    into, out_of = [], []
    for length, own, start in zip(image_hw, patch_hw, corner_xy[::-1], strict=True):
        first, last = max(start, 0), min(start + own, length)
        into.append(slice(first, last))
        out_of.append(slice(first - start, last - start))
    return (into[0], into[1]), (out_of[0], out_of[1])
