"""Colours of classes: the same on every photo, chart and page."""

from __future__ import annotations

import colorsys

Rgb = tuple[int, int, int]

#: Colours that stay apart from each other and from most photos; classes beyond them get computed ones.
PALETTE: tuple[Rgb, ...] = (
    (230, 25, 75),
    (0, 130, 200),
    (245, 130, 48),
    (128, 0, 200),
    (60, 180, 75),
    (255, 225, 25),
    (70, 240, 240),
    (240, 50, 230),
    (170, 110, 40),
    (0, 128, 128),
)


def class_colour(label: int) -> Rgb:
    """Return the colour of a class, the same on every photo."""
    if label < len(PALETTE):
        return PALETTE[label]
    # Steps of the golden ratio never come back to a hue already used.
    red, green, blue = colorsys.hsv_to_rgb(label * 0.618034 % 1, 0.75, 0.95)
    return round(red * 255), round(green * 255), round(blue * 255)
