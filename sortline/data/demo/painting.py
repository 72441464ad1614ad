"""What the demo photos are painted with: random fields, the grounds made of them, and sketches of objects.

Fields are float32 of shape ``(height, width)``, pictures float32 of shape ``(height, width, 3)``, RGB from 0
to 255. Everything random comes from the generator passed in. Points of a sketch are given in units of the object's
height: x to the right from 0 to the sketch's width, y down from 0 to 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Colour = tuple[float, float, float]


def value_noise(
    rng: np.random.Generator, height: int, width: int, cell: float | tuple[float, float], octaves: int = 1
) -> Array:
    """Draw a smooth random field, about -1 to 1.

    Args:
        rng: Source of randomness.
        height: Rows of the field.
        width: Columns of the field.
        cell: Pixels between two independent values; a pair (rows, columns) for a field with a grain.
        octaves: Layers, each of half the cell and half the weight of the one before.
    """
    rows, columns = cell if isinstance(cell, tuple) else (cell, cell)
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        step_y, step_x = max(rows / 2**octave, 1.0), max(columns / 2**octave, 1.0)
        grid = rng.random((math.ceil(height / step_y) + 1, math.ceil(width / step_x) + 1), np.float32)
        layer = cv2.resize(grid * 2 - 1, (width, height), interpolation=cv2.INTER_CUBIC)
        total += layer * np.float32(0.5**octave)
    return total / np.float32(2 - 0.5 ** (octaves - 1))


def facets(rng: np.random.Generator, height: int, width: int, count: int) -> Array:
    """Draw the light on a crumpled sheet, about -1 to 1: ``count`` flat facets, each tilted its own way."""
    # At half the resolution: four times as fast, and the creases come out soft.
    rows, columns = (height + 1) // 2, (width + 1) // 2
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32) / np.float32(max(rows, columns))
    seeds = rng.random((count, 2), np.float32) * np.array([y.max(), x.max()], np.float32)
    tones = rng.uniform(-0.6, 0.6, count).astype(np.float32)
    slopes = rng.uniform(-3, 3, (count, 2)).astype(np.float32)
    nearest = np.full((rows, columns), np.inf, np.float32)
    light = np.zeros((rows, columns), np.float32)
    for (seed_y, seed_x), tone, (slope_y, slope_x) in zip(seeds, tones, slopes, strict=True):
        dy, dx = y - seed_y, x - seed_x
        distance = dy * dy + dx * dx
        closer = distance < nearest
        np.copyto(nearest, distance, where=closer)
        np.copyto(light, tone + slope_y * dy + slope_x * dx, where=closer)
    return cv2.resize(light, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.float32, copy=False)


def creases(rng: np.random.Generator, height: int, width: int, cell: float) -> Array:
    """Draw the thin bright ridges of a wrinkled film, 0 to 1."""
    ridge = 1 - np.abs(value_noise(rng, height, width, cell, octaves=2)) * 3
    return np.clip(ridge, 0, 1).astype(np.float32) ** 2


def threefold(field: Array) -> Array:
    """Repeat a field for red, green and blue: numpy takes ten times as long to broadcast along a last axis of 3."""
    return cv2.merge([field, field, field]).astype(np.float32, copy=False)


def tinted(field: Array, colour: Colour, contrast: float) -> Array:
    """Colour a field: ``colour`` where it is 0, lighter or darker by ``contrast`` where it is 1 or -1."""
    light = 1 + np.float32(contrast) * field
    return cv2.merge([light * np.float32(channel) for channel in colour]).astype(np.float32, copy=False)


def jittered(rng: np.random.Generator, colour: Colour, amount: float = 14) -> Colour:
    """Make a colour a little lighter or darker, by at most ``amount``, and shift its hue by a third of that."""
    change = rng.uniform(-amount, amount) + rng.uniform(-amount / 3, amount / 3, 3)
    red, green, blue = np.clip(np.asarray(colour) + change, 0, 255)
    return float(red), float(green), float(blue)


def grit(rng: np.random.Generator, size: int) -> Array:
    """Draw a field without any smoothness, of mean 0 and deviation 1."""
    return rng.standard_normal((size, size), np.float32)


def wood(rng: np.random.Generator, size: int) -> Array:
    """Planks with a grain along them and dark joints between them."""
    colour = jittered(rng, [(166, 122, 80), (128, 88, 58), (196, 160, 116)][rng.integers(3)])
    grain = value_noise(rng, size, size, (size / 60, size / 1.5), octaves=2)
    field = grain * 0.7 + value_noise(rng, size, size, (1, 24)) * 0.25
    plank = max(int(size * rng.uniform(0.16, 0.3)), 2)
    tones = rng.uniform(-0.5, 0.5, size // plank + 1).astype(np.float32)
    field += tones[np.arange(size) // plank][:, None]
    field[::plank] = -2.2
    field[1::plank] -= 0.7
    picture = tinted(field, colour, 0.2)
    return picture if rng.random() < 0.5 else np.ascontiguousarray(picture.transpose(1, 0, 2))


def concrete(rng: np.random.Generator, size: int) -> Array:
    """Grey, blotched and pitted, with a crack now and then."""
    field = value_noise(rng, size, size, size / 4, octaves=4) + grit(rng, size) * np.float32(0.15)
    pits = rng.random((size, size), np.float32) > 0.996
    field -= cv2.dilate(pits.astype(np.float32), np.ones((2, 2), np.uint8)) * 0.8
    for _ in range(rng.integers(0, 3)):
        steps = rng.normal(0, size / 40, (24, 2)).cumsum(axis=0) + np.linspace(0, size, 24)[:, None]
        path = (steps + rng.uniform(-size / 2, size / 2, 2) * [1, -1]).astype(np.int32)
        cv2.polylines(field, [path], False, -1.6, 1, cv2.LINE_AA)
    return tinted(field, jittered(rng, (152, 150, 146), 12), 0.16)


def grass(rng: np.random.Generator, size: int) -> Array:
    """Blades leaning this way and that, light over dark."""
    colour = jittered(rng, (66, 92, 42), 18)
    picture = tinted(value_noise(rng, size, size, size / 6, octaves=5), colour, 0.35)
    count = size * size // 60
    roots = rng.uniform(0, size, (count, 2))
    lean = np.stack([rng.normal(0, size / 60, count), -rng.uniform(size / 60, size / 18, count)], axis=1)
    blades = np.rint(np.stack([roots, roots + lean], axis=1)).astype(np.int32)
    # Shade by shade, not blade by blade: a call for each would take longer than all the rest of a photo.
    for part in np.array_split(blades, 16):
        shade = np.asarray(colour) * rng.uniform(0.7, 1.7) + rng.uniform(-8, 8, 3)
        cv2.polylines(picture, list(part), False, shade.tolist(), 1, cv2.LINE_AA)
    return picture


def sand(rng: np.random.Generator, size: int) -> Array:
    """Fine grain over soft ripples."""
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / np.float32(size)
    angle, waves = float(rng.uniform(0, math.pi)), float(rng.uniform(5, 12))
    bend = value_noise(rng, size, size, size / 4) * 0.12
    ripple = np.sin((x * math.cos(angle) + y * math.sin(angle) + bend) * np.float32(2 * math.pi * waves))
    field = ripple * np.float32(rng.uniform(0.1, 0.6)) + grit(rng, size) * np.float32(0.5)
    return tinted(field, jittered(rng, (198, 174, 130)), 0.12)


def tiles(rng: np.random.Generator, size: int) -> Array:
    """Square tiles, each of its own tone, with grout between them."""
    colour = jittered(rng, [(188, 184, 176), (150, 104, 84), (120, 138, 150)][rng.integers(3)])
    pitch = max(int(size * rng.uniform(0.18, 0.34)), 4)
    offset = rng.integers(pitch, size=2)
    row, column = (np.arange(size) + offset[0]) // pitch, (np.arange(size) + offset[1]) // pitch
    tones = rng.uniform(-0.6, 0.6, (row.max() + 1, column.max() + 1)).astype(np.float32)
    field = tones[row][:, column] + value_noise(rng, size, size, size / 12, octaves=3) * 0.6
    picture = tinted(field, colour, 0.13)
    grout = np.asarray(jittered(rng, (92, 88, 84)), np.float32)
    joint = max(pitch // 24, 1)
    picture[(np.arange(size) + offset[0]) % pitch < joint] = grout
    picture[:, (np.arange(size) + offset[1]) % pitch < joint] = grout
    return picture


def asphalt(rng: np.random.Generator, size: int) -> Array:
    """Dark, coarse and speckled."""
    field = value_noise(rng, size, size, 2) * 0.9 + value_noise(rng, size, size, size / 3, octaves=2) * 0.5
    field += (rng.random((size, size), np.float32) > 0.985) * np.float32(1.2)
    return tinted(field, jittered(rng, (86, 86, 90), 10), 0.22)


GROUNDS: tuple[Callable[[np.random.Generator, int], Array], ...] = (wood, concrete, grass, sand, tiles, asphalt)


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
