"""One demo photo: objects thrown on a ground, lit, half hidden by each other, and the boxes of what can be seen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from sortline.data.demo.painting import GROUNDS, Array, Sketch, threefold, tinted, value_noise
from sortline.data.demo.shapes import draw_object

Mask = npt.NDArray[np.bool_]

#: Typical height of an object as a share of the photo's side, and how a class differs from it.
COMMON_HEIGHT = 0.33
CLASS_SCALE = {"Battery": 0.66, "Clothing": 1.25, "Plastic bag": 1.15, "Styrofoam": 0.8, "Glass": 1.2, "Plastic": 1.1}

#: An object of which less can be seen is left without annotation: nobody could say what it is.
LEAST_VISIBLE = 0.3
#: The smallest side of an annotated box, as a share of the photo's side.
LEAST_SIDE = 1 / 40
#: Opacity from which a pixel belongs to an object, and from which it hides what lies beneath.
SOLID, HIDING = 0.25, 0.7


def film() -> npt.NDArray[np.uint8]:
    """Return the brightness recorded for light from 0 up: bright paper and foam keep their shape, nothing is cut."""
    light = np.arange(1024)
    excess = np.maximum(light - 215, 0)
    recorded: npt.NDArray[np.uint8] = (light - excess + 40 * excess / (40 + excess)).astype(np.uint8)
    return recorded


FILM = film()


@dataclass(frozen=True)
class Photo:
    """A drawn photo and its annotations.

    Attributes:
        image: RGB, shape ``(size, size, 3)``.
        names: Class of each annotated object.
        bboxes_xywh: Its visible extent in absolute pixels, in the same order.
    """

    image: npt.NDArray[np.uint8]
    names: list[str]
    bboxes_xywh: list[tuple[float, float, float, float]]


@dataclass(frozen=True)
class Light:
    """The light of one photo.

    Attributes:
        angle: Direction in which shadows fall, in radians.
        reach: Length of a shadow, as a share of the object's size.
        strength: How much light a shadow takes, 0 to 1.
        softness: Blur of a shadow's edge, as a share of the photo's side.
    """

    angle: float
    reach: float
    strength: float
    softness: float


@dataclass
class Placed:
    """An object that lies in the photo.

    Attributes:
        name: Its class.
        area: Pixels of its whole shape, what lies outside the photo included.
        visible: Where it can be seen, shape ``(size, size)``.
    """

    name: str
    area: int
    visible: Mask


def compose(rng: np.random.Generator, names: Sequence[str], size: int) -> Photo:
    """Draw a photo of ``size`` by ``size`` pixels that shows objects of the classes ``names``.

    An object hidden or cut off too far is drawn but not annotated, as in hand-labelled photos.
    """
    picture = GROUNDS[rng.integers(len(GROUNDS))](rng, size)
    light = Light(
        rng.uniform(0, 2 * math.pi), rng.uniform(0.03, 0.14), rng.uniform(0.25, 0.6), rng.uniform(0.006, 0.025)
    )
    pile = rng.uniform(0.3, 0.7, 2) * size if rng.random() < 0.4 else None
    placed: list[Placed] = []
    for name in names:
        patch = throw(rng, draw_object(rng, name, object_height(rng, name, len(names), size)))
        corner = find_place(rng, patch[..., 3], placed, size, pile)
        placed.append(lay(picture, patch, corner, name, placed, light))
    annotated = [(item.name, box) for item in placed if (box := visible_box(item)) is not None]
    return Photo(finish(rng, picture), [name for name, _ in annotated], [box for _, box in annotated])


def object_height(rng: np.random.Generator, name: str, count: int, size: int) -> int:
    """Choose an object's height in pixels: objects are smaller in a crowded photo."""
    crowd = 1.25 - 0.055 * count
    spread = float(np.clip(rng.lognormal(0, 0.3), 0.55, 1.8))
    return max(round(size * COMMON_HEIGHT * CLASS_SCALE.get(name, 1.0) * crowd * spread), 8)


def throw(rng: np.random.Generator, sketch: Sketch) -> Array:
    """Turn an object to any angle, tilt it a little, and light it from one side.

    Returns:
        Colour times opacity and the opacity, shape ``(height, width, 4)``.
    """
    rows, columns = sketch.shape
    corners = np.array([(0, 0), (columns, 0), (columns, rows), (0, rows)], np.float64)
    tilted = (corners - corners.mean(axis=0)) * (1 + rng.uniform(-0.1, 0.1, (4, 2)))
    angle = rng.uniform(0, 2 * math.pi)
    turn = np.array([(math.cos(angle), -math.sin(angle)), (math.sin(angle), math.cos(angle))])
    target = tilted @ turn.T
    target -= target.min(axis=0) - 1
    width, height = np.ceil(target.max(axis=0) + 1).astype(int).tolist()
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), target.astype(np.float32))
    sketch.shade(1 + 0.14 * slope(rng.uniform(0, 2 * math.pi), rows, columns))
    layers = cv2.merge([sketch.rgb, sketch.alpha])
    return cv2.warpPerspective(layers, matrix, (width, height), flags=cv2.INTER_LINEAR).astype(np.float32, copy=False)


def slope(angle: float, height: int, width: int) -> Array:
    """Return a plane that rises from -1 to 1 in the direction of ``angle``."""
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None]
    return (x * math.cos(angle) + y * math.sin(angle)).astype(np.float32) / np.float32(math.sqrt(2))


def find_place(
    rng: np.random.Generator, alpha: Array, placed: Sequence[Placed], size: int, pile: npt.NDArray[np.float64] | None
) -> tuple[int, int]:
    """Choose where a patch goes; most often it leaves what lies there recognisable.

    Returns:
        Row and column of the patch's top left corner; it may lie outside the photo.
    """
    careless = rng.random() < 0.1
    corner = (0, 0)
    for _ in range(16):
        centre = rng.uniform(0.06, 0.94, 2) * size if pile is None else np.clip(rng.normal(pile, size * 0.24), 0, size)
        corner = (int(centre[0]) - alpha.shape[0] // 2, int(centre[1]) - alpha.shape[1] // 2)
        inside, part = overlap_with_photo(corner, alpha.shape, size)
        hides = alpha[part] > HIDING
        if careless or all(left_visible(item, inside, hides) > 0.5 * item.area for item in placed):
            break
    return corner


def left_visible(item: Placed, inside: tuple[slice, slice], hides: Mask) -> int:
    """Count the pixels of an object that stay visible under a mask laid ``inside`` the photo."""
    return int(np.count_nonzero(item.visible)) - int(np.count_nonzero(item.visible[inside] & hides))


def overlap_with_photo(
    corner: tuple[int, int], shape: tuple[int, ...], size: int
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Cut a patch to the photo: return the same pixels as slices of the photo and as slices of the patch."""
    inside, part = [], []
    for start, length in zip(corner, shape, strict=False):
        low, high = max(start, 0), max(min(start + length, size), 0)
        inside.append(slice(low, max(high, low)))
        part.append(slice(low - start, max(high, low) - start))
    return (inside[0], inside[1]), (part[0], part[1])


def lay(
    picture: Array, patch: Array, corner: tuple[int, int], name: str, placed: Sequence[Placed], light: Light
) -> Placed:
    """Lay a patch and its shadow into ``picture``, and take what it hides from the objects beneath."""
    cast_shadow(picture, patch[..., 3], corner, light)
    inside, part = overlap_with_photo(corner, patch.shape, len(picture))
    rgb, alpha = patch[part][..., :3], patch[part][..., 3]
    picture[inside] = picture[inside] * threefold(1 - alpha) + rgb
    for item in placed:
        item.visible[inside] &= alpha <= HIDING
    visible = np.zeros(picture.shape[:2], np.bool_)
    visible[inside] = alpha > SOLID
    return Placed(name, int(np.count_nonzero(patch[..., 3] > SOLID)), visible)


def cast_shadow(picture: Array, alpha: Array, corner: tuple[int, int], light: Light) -> None:
    """Darken ``picture`` where the light does not reach behind an object."""
    size = len(picture)
    blur = max(light.softness * size, 0.6)
    margin = math.ceil(2 * blur)
    # A blurred shadow has no detail to lose at a lower resolution, where blurring costs next to nothing.
    padded, coarse = np.pad(alpha, margin), max(int(blur), 1)
    small = cv2.resize(padded, None, fx=1 / coarse, fy=1 / coarse, interpolation=cv2.INTER_AREA)
    shadow = cv2.resize(cv2.GaussianBlur(small, (0, 0), blur / coarse), padded.shape[::-1])
    length = light.reach * min(alpha.shape)
    row = corner[0] - margin + round(length * math.sin(light.angle))
    column = corner[1] - margin + round(length * math.cos(light.angle))
    inside, part = overlap_with_photo((row, column), shadow.shape, size)
    if shadow[part].size:
        picture[inside] *= threefold(1 - np.float32(light.strength) * shadow[part])


def visible_box(item: Placed) -> tuple[float, float, float, float] | None:
    """Return the extent ``(x, y, width, height)`` of what can be seen of an object, or None if it's too little."""
    if np.count_nonzero(item.visible) < LEAST_VISIBLE * item.area or item.area == 0:
        return None
    rows, columns = np.flatnonzero(item.visible.any(axis=1)), np.flatnonzero(item.visible.any(axis=0))
    height, width = int(rows[-1] - rows[0]) + 1, int(columns[-1] - columns[0]) + 1
    if min(height, width) < LEAST_SIDE * len(item.visible):
        return None
    return float(columns[0]), float(rows[0]), float(width), float(height)


def finish(rng: np.random.Generator, picture: Array) -> npt.NDArray[np.uint8]:
    """Take the photo, which uses up ``picture``: uneven, tinted light, a passing shadow, some noise and blur."""
    size = len(picture)
    exposure = rng.uniform(0.72, 1.14) * (1 + rng.uniform(0, 0.25) * slope(rng.uniform(0, 7), size, size))
    if rng.random() < 0.3:
        shade = np.clip(value_noise(rng, size, size, size / 1.5) * 3, -1, 1)
        exposure = exposure * (1 - rng.uniform(0.08, 0.2) * (1 + shade))
    warmth = rng.uniform(-0.07, 0.07)
    picture *= tinted(exposure.astype(np.float32) - 1, (1 + warmth, 1.0, 1 - warmth), 1)
    picture += threefold(rng.standard_normal((size, size), np.float32) * np.float32(rng.uniform(1, 4.5)))
    photo = np.take(FILM, np.clip(picture, 0, len(FILM) - 1, out=picture).astype(np.uint16))
    if rng.random() < 0.5:
        photo = cv2.GaussianBlur(photo, (0, 0), rng.uniform(0.4, 0.9) * size / 320).astype(np.uint8, copy=False)
    return photo
