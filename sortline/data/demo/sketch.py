"""What the objects of the demo photos are drawn on, and how their outlines are made.

Points are given in units of the object's height: x to the right from 0 to the sketch's width, y down from 0 to 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from sortline.data.demo.textures import Array, Colour, threefold, tinted, value_noise

Point = tuple[float, float]


class Sketch:
    """A transparent picture that is painted on layer by layer.

    Attributes:
        rgb: Colour times opacity, 0 to 255, shape ``(height, width, 3)``.
        alpha: Opacity, 0 to 1, shape ``(height, width)``.

    Args:
        height: Pixels that the unit of length takes.
        width: The sketch's width, in units of its height.
    """

    def __init__(self, height: int, width: float) -> None:
        self.unit = height
        self.rgb: Array = np.zeros((height, max(round(height * width), 1), 3), np.float32)
        self.alpha: Array = np.zeros(self.rgb.shape[:2], np.float32)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns, in pixels."""
        return self.alpha.shape[0], self.alpha.shape[1]

    def polygon(self, points: Sequence[Point] | npt.NDArray[np.floating]) -> Array:
        """Return the smooth-edged mask of a polygon, 0 to 1."""
        mask = np.zeros(self.shape, np.uint8)
        # Sixteenths of a pixel; minus a half, as OpenCV counts from the first pixel's centre.
        corners = np.rint((np.asarray(points) * self.unit - 0.5) * 16).astype(np.int32)
        cv2.fillPoly(mask, [corners], 255, cv2.LINE_AA, shift=4)
        return mask.astype(np.float32) / np.float32(255)

    def box(self, left: float, top: float, right: float, bottom: float) -> Array:
        """Return the mask of an upright rectangle."""
        return self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)])

    def ellipse(self, x: float, y: float, radius_x: float, radius_y: float) -> Array:
        """Return the mask of an upright ellipse around ``(x, y)``."""
        turn = np.linspace(0, 2 * math.pi, 40, endpoint=False)
        return self.polygon(np.stack([x + radius_x * np.cos(turn), y + radius_y * np.sin(turn)], axis=1))

    def stroke(self, points: Sequence[Point] | npt.NDArray[np.floating], thickness: float) -> Array:
        """Return the mask of a line through ``points``, ``thickness`` units wide and at least a pixel."""
        mask = np.zeros(self.shape, np.uint8)
        path = np.rint((np.asarray(points) * self.unit - 0.5) * 16).astype(np.int32)
        cv2.polylines(mask, [path], False, 255, max(round(thickness * self.unit), 1), cv2.LINE_AA, shift=4)
        return mask.astype(np.float32) / np.float32(255)

    def rim(self, mask: Array, thickness: float) -> Array:
        """Return the inner border of a mask, ``thickness`` units wide and at least a pixel."""
        pixels = max(int(thickness * self.unit), 1)
        inner = cv2.erode(mask, np.ones((3, 3), np.uint8), iterations=pixels).astype(np.float32, copy=False)
        return mask - inner

    def paint(self, mask: Array, colour: Colour | Array, opacity: float = 1.0) -> None:
        """Lay a colour, or a picture of the sketch's size, over what is there."""
        rows = touched_rows(mask)
        if rows is None:
            return
        cover = mask[rows] * np.float32(opacity)
        clear = 1 - cover
        self.alpha[rows] = self.alpha[rows] * clear + cover
        layer = colour[rows] * threefold(cover) if isinstance(colour, np.ndarray) else tinted(cover - 1, colour, 1)
        self.rgb[rows] = self.rgb[rows] * threefold(clear) + layer

    def shade(self, light: Array | float, mask: Array | None = None) -> None:
        """Multiply the colours by ``light``, within ``mask`` if one is given."""
        rows = touched_rows(mask) if mask is not None else slice(None)
        if rows is None:
            return
        factor = np.broadcast_to(np.asarray(light, np.float32), self.shape)[rows]
        if mask is not None:
            factor = 1 + (factor - 1) * mask[rows]
        self.rgb[rows] *= threefold(factor)

    def shine(self, mask: Array, strength: float) -> None:
        """Add white light within ``mask``, without making anything less transparent."""
        rows = touched_rows(mask)
        if rows is not None:
            self.rgb[rows] += threefold(mask[rows] * self.alpha[rows] * np.float32(255 * strength))

    def noise(self, rng: np.random.Generator, cell: float, octaves: int = 1) -> Array:
        """Draw :func:`value_noise` of the sketch's size; ``cell`` in units of the height."""
        return value_noise(rng, *self.shape, max(cell * self.unit, 1), octaves)

    def roundness(self, left: float, right: float, gloss: float) -> Array:
        """Return the light on an upright cylinder between ``left`` and ``right``, with a highlight of ``gloss``."""
        x = (np.arange(self.shape[1], dtype=np.float32) / np.float32(self.unit) - left) / np.float32(right - left)
        body = 0.5 + 0.62 * np.sin(np.clip(x, 0, 1) * np.float32(math.pi)) ** 0.7
        highlight = gloss * np.exp(-(((x - 0.3) / 0.09) ** 2)) + 0.4 * gloss * np.exp(-(((x - 0.8) / 0.05) ** 2))
        return np.tile((body + highlight).astype(np.float32), (self.shape[0], 1))


def touched_rows(mask: Array) -> slice | None:
    """Return the rows from the first to the last that a mask touches: most layers cover little of a sketch."""
    rows = np.flatnonzero(mask.any(axis=1))
    return slice(int(rows[0]), int(rows[-1]) + 1) if len(rows) else None


def blob(rng: np.random.Generator, centre: Point, radius: Point, roughness: float, corners: int) -> list[Point]:
    """Return the corners of a rough ellipse; ``roughness`` is the largest share that a corner moves inwards."""
    turns = np.linspace(0, 2 * math.pi, corners, endpoint=False) + rng.uniform(0, 1.5 / corners, corners)
    reach = 1 - rng.uniform(0, roughness, corners)
    return [
        (centre[0] + radius[0] * r * math.cos(turn), centre[1] + radius[1] * r * math.sin(turn))
        for turn, r in zip(turns.tolist(), reach.tolist(), strict=True)
    ]


def mirrored(half: Sequence[Point], width: float) -> list[Point]:
    """Complete the right half of an outline, listed from top to bottom, by its mirror image."""
    return [*half, *((width - x, y) for x, y in reversed(half))]
