"""The objects of the demo photos: ten classes of recycling trash, each drawn in several forms.

A painter draws one object upright on a transparent sketch; scale, rotation, light and shadow come when the
photo is put together.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np

from sortline.data.demo.painting import Array, Colour, Sketch, blob, creases, facets, jittered, mirrored, tinted

WHITE: Colour = (244, 244, 240)
DARK: Colour = (38, 38, 42)
SILVER: Colour = (196, 200, 206)
BRIGHTS: tuple[Colour, ...] = (
    (206, 44, 46),
    (36, 92, 186),
    (38, 142, 80),
    (240, 176, 34),
    (120, 62, 150),
    (232, 108, 38),
    (40, 160, 176),
)


def crumple(sketch: Sketch, rng: np.random.Generator, depth: float, count: int, mask: Array | None = None) -> None:
    """Shade a sketch as a crumpled sheet."""
    sketch.shade(1 + depth * facets(rng, *sketch.shape, count), mask)


def printed_lines(sketch: Sketch, rng: np.random.Generator, area: tuple[float, float, float, float]) -> None:
    """Print lines of text within ``area``: left, top, right, bottom."""
    left, top, right, bottom = area
    pitch = rng.uniform(0.055, 0.085)
    ink = jittered(rng, (90, 90, 100), 20)
    for y in np.arange(top, bottom, pitch).tolist():
        end = right if rng.random() < 0.75 else rng.uniform(left + 0.3 * (right - left), right)
        sketch.paint(sketch.box(left, y, end, y + pitch * 0.4), ink, 0.55)


def bright(rng: np.random.Generator) -> Colour:
    """Pick the colour of a label, a cap or a print."""
    return jittered(rng, BRIGHTS[rng.integers(len(BRIGHTS))], 18)


def crumpled_paper(rng: np.random.Generator, height: int) -> Sketch:
    """A ball of paper, white or ruled."""
    width = rng.uniform(0.8, 1.25)
    sketch = Sketch(height, width)
    outline = blob(rng, (width / 2, 0.5), (width / 2, 0.5), 0.22, int(rng.integers(9, 15)))
    sketch.paint(sketch.polygon(outline), jittered(rng, (226, 222, 212), 14))
    crumple(sketch, rng, 0.3, 26)
    crumple(sketch, rng, 0.16, 60)
    return sketch


def paper_sheet(rng: np.random.Generator, height: int) -> Sketch:
    """A printed sheet with a picture or a headline, a folded corner and creases."""
    width = rng.uniform(0.68, 0.85)
    sketch = Sketch(height, width)
    fold = rng.uniform(0.08, 0.22)
    sheet = sketch.polygon([(0, 0), (width - fold, 0), (width, fold), (width, 1), (0, 1)])
    sketch.paint(sheet, jittered(rng, [(236, 234, 226), (224, 214, 190), (206, 210, 212)][rng.integers(3)], 10))
    if rng.random() < 0.5:
        sketch.paint(sketch.box(0.08, 0.1, width * 0.7, 0.2), bright(rng), 0.75)
    printed_lines(sketch, rng, (0.09, 0.28, width - 0.09, 0.92))
    crumple(sketch, rng, 0.12, 9, sheet)
    sketch.paint(sketch.polygon([(width - fold, 0), (width, fold), (width - fold, fold)]), (186, 182, 174))
    return sketch


def cardboard(rng: np.random.Generator, height: int) -> Sketch:
    """A torn piece of brown corrugated board, taped or printed."""
    width = rng.uniform(0.8, 1.5)
    sketch = Sketch(height, width)
    inset = rng.uniform(0, 0.12, 8)
    corners = [
        (inset[0], inset[1]),
        (width - inset[2], inset[3]),
        (width - inset[4], 1 - inset[5]),
        (inset[6], 1 - inset[7]),
    ]
    board = sketch.polygon(corners)
    sketch.paint(board, jittered(rng, (184, 142, 98), 16))
    y = np.arange(sketch.shape[0], dtype=np.float32)[:, None] / np.float32(sketch.unit)
    flutes = np.sin(y * np.float32(2 * math.pi * rng.uniform(18, 26))) * np.ones((1, sketch.shape[1]), np.float32)
    sketch.shade(1 + 0.05 * flutes + 0.07 * sketch.noise(rng, 0.2, 3))
    crease = rng.uniform(0.3, 0.7) * width
    sketch.shade(0.82, sketch.box(crease, 0, width, 1))
    if rng.random() < 0.6:
        middle = rng.uniform(0.3, 0.6)
        tape = sketch.box(0, middle, width, middle + 0.13) * board
        sketch.paint(tape, (214, 190, 140), 0.75)
    return sketch


def gable_carton(rng: np.random.Generator, height: int) -> Sketch:
    """A milk carton: front and side, a sloping roof and the fin on top, a band of colour and a badge."""
    front, side = rng.uniform(0.36, 0.44), rng.uniform(0.12, 0.2)
    width = front + side
    sketch = Sketch(height, width)
    roof, fin = 0.3, 0.09
    paper, colour = jittered(rng, WHITE, 8), bright(rng)
    face = sketch.box(0, roof, front, 1)
    flank = sketch.polygon([(front, roof), (width, roof - 0.03), (width, 0.96), (front, 1)])
    sketch.paint(np.maximum(face, flank), paper)
    base = rng.uniform(0.55, 0.75)
    sketch.paint(sketch.polygon([(0, base), (front, base), (width, base - 0.03), (width, 1), (0, 1)]), colour)
    sketch.paint(sketch.ellipse(front / 2, rng.uniform(0.48, 0.56), front * 0.3, front * 0.3), bright(rng))
    sketch.shade(0.72, flank)
    sketch.paint(sketch.polygon([(0, roof), (0.05, fin), (width - 0.08, fin), (front, roof)]), colour)
    gable = sketch.polygon([(front, roof), (width - 0.08, fin), (width, roof - 0.03)])
    sketch.paint(gable, jittered(rng, (176, 174, 168)))
    sketch.paint(sketch.box(0.05, 0, width - 0.08, fin + 0.01), paper)
    sketch.shade(0.86, sketch.box(0.05, fin * 0.6, width - 0.08, fin + 0.01))
    if rng.random() < 0.35:
        sketch.paint(sketch.ellipse(front * 0.55, (roof + fin) / 2, 0.075, 0.06), WHITE)
    sketch.shade(1 + 0.07 * sketch.noise(rng, 0.3, 2))
    return sketch


def paper_cup(rng: np.random.Generator, height: int) -> Sketch:
    """A paper cup: wide rim, narrow foot, a printed sleeve."""
    width, foot = 0.78, 0.12
    sketch = Sketch(height, width)
    body = sketch.polygon([(0.02, 0.08), (width - 0.02, 0.08), (width - foot, 1), (foot, 1)])
    sketch.paint(body, jittered(rng, WHITE, 8))
    top, bottom = rng.uniform(0.28, 0.36), rng.uniform(0.7, 0.8)
    sleeve = jittered(rng, (158, 112, 70)) if rng.random() < 0.4 else bright(rng)
    sketch.paint(sketch.box(0, top, width, bottom) * body, sleeve)
    sketch.paint(sketch.ellipse(width / 2, 0.53, 0.13, 0.13), jittered(rng, WHITE))
    sketch.shade(sketch.roundness(0, width, 0.06))
    sketch.paint(sketch.ellipse(width / 2, 0.085, width / 2, 0.085), jittered(rng, WHITE, 6))
    sketch.paint(sketch.ellipse(width / 2, 0.09, width / 2 - 0.04, 0.06), (150, 128, 104))
    return sketch


def drink_can(rng: np.random.Generator, height: int) -> Sketch:
    """A drink can with a coloured print, silver ends and a tab; a dented one now and then."""
    width = 0.56
    sketch = Sketch(height, width)
    colour = bright(rng)
    dent = rng.uniform(0, 0.09) if rng.random() < 0.5 else 0.0
    middle = rng.uniform(0.4, 0.65)
    upper = [(width - 0.05, 0.05), (width, 0.1), (width - dent * 0.4, middle - 0.12)]
    lower = [(width - dent, middle), (width, middle + 0.16), (width, 0.9), (width - 0.06, 0.99)]
    body = sketch.polygon(mirrored([*upper, *lower], width))
    sketch.paint(body, SILVER)
    sketch.paint(sketch.box(0, 0.13, width, 0.88) * body, colour)
    slant = rng.uniform(-0.25, 0.25)
    wave = [(0, 0.45 + slant), (width, 0.45 - slant), (width, 0.6 - slant), (0, 0.6 + slant)]
    sketch.paint(sketch.polygon(wave) * body, jittered(rng, WHITE) if rng.random() < 0.6 else bright(rng))
    sketch.shade(sketch.roundness(0, width, 0.75))
    if dent:
        sketch.shade(0.66, sketch.polygon([(0, middle - 0.07), (width, middle - 0.02), (0, middle + 0.03)]) * body)
    sketch.paint(sketch.ellipse(width / 2, 0.075, width / 2 - 0.03, 0.075), SILVER)
    sketch.paint(sketch.ellipse(width / 2, 0.08, width / 2 - 0.07, 0.052), (150, 154, 160))
    sketch.paint(sketch.ellipse(width / 2 + 0.02, 0.085, 0.07, 0.03), (226, 228, 232))
    return sketch


def tin_can(rng: np.random.Generator, height: int) -> Sketch:
    """A ribbed tin with a wide open end, bare or with a paper band."""
    width = rng.uniform(0.7, 0.95)
    sketch = Sketch(height, width)
    body = sketch.polygon(mirrored([(width - 0.01, 0.12), (width - 0.01, 0.94), (width - 0.05, 1)], width))
    sketch.paint(body, jittered(rng, (186, 186, 184)))
    if rng.random() < 0.4:
        sketch.paint(sketch.box(0, 0.3, width, 0.85) * body, bright(rng))
    sketch.shade(sketch.roundness(0, width, 0.7))
    for y in np.arange(0.34, 0.86, 0.075).tolist():
        sketch.shade(0.74, sketch.box(0, y, width, y + 0.025))
        sketch.shade(1.16, sketch.box(0, y + 0.025, width, y + 0.05))
    sketch.paint(sketch.ellipse(width / 2, 0.13, width / 2, 0.13), (218, 220, 222))
    sketch.paint(sketch.ellipse(width / 2, 0.135, width / 2 - 0.04, 0.1), jittered(rng, (96, 96, 98)))
    sketch.paint(sketch.ellipse(width / 2, 0.17, width / 2 - 0.12, 0.06), (140, 142, 146))
    return sketch


def glass_bottle(rng: np.random.Generator, height: int) -> Sketch:
    """A green or brown bottle with a long neck, see-through, with sharp highlights."""
    width = rng.uniform(0.28, 0.36)
    sketch = Sketch(height, width)
    middle, neck = width / 2, rng.uniform(0.045, 0.06)
    shoulder = rng.uniform(0.32, 0.42)
    half = [
        (middle + neck * 1.25, 0),
        (middle + neck * 1.25, 0.04),
        (middle + neck, 0.05),
        (middle + neck, shoulder - 0.12),
        (middle + neck * 1.5, shoulder - 0.06),
        (width - 0.012, shoulder + 0.03),
        (width, shoulder + 0.08),
        (width, 0.97),
        (width - 0.03, 1),
    ]
    body = sketch.polygon(mirrored(half, width))
    tint = [(34, 92, 44), (104, 56, 18), (58, 110, 66), (74, 38, 14)][rng.integers(4)]
    sketch.paint(body, jittered(rng, tint, 12), rng.uniform(0.78, 0.9))
    edge = sketch.rim(body, 1 / 50)
    sketch.shade(0.55, edge)
    if rng.random() < 0.6:
        label = sketch.box(0, rng.uniform(0.52, 0.6), width, rng.uniform(0.76, 0.86)) * body
        sketch.paint(label, jittered(rng, (228, 214, 176)) if rng.random() < 0.6 else bright(rng))
    sketch.shade(sketch.roundness(-0.02, width + 0.02, 0.1))
    sketch.shine(sketch.box(width * 0.2, shoulder + 0.09, width * 0.28, 0.94) * body, 0.5)
    sketch.shine(sketch.box(middle - neck * 0.5, 0.07, middle - neck * 0.2, shoulder - 0.1), 0.5)
    sketch.shine(sketch.box(width * 0.84, shoulder + 0.12, width * 0.88, 0.8) * body, 0.28)
    return sketch


def glass_jar(rng: np.random.Generator, height: int) -> Sketch:
    """A squat green-edged jar with a screw thread and thick walls."""
    width = rng.uniform(0.66, 0.8)
    sketch = Sketch(height, width)
    half = [(width - 0.09, 0), (width - 0.09, 0.16), (width, 0.26), (width, 0.94), (width - 0.06, 1)]
    body = sketch.polygon(mirrored(half, width))
    sketch.paint(body, jittered(rng, (122, 158, 136), 12), 0.6)
    edge = sketch.rim(body, 1 / 24)
    sketch.paint(edge, jittered(rng, (40, 96, 66)), 0.75)
    for y in (0.03, 0.08, 0.13):
        sketch.paint(sketch.stroke([(0.1, y + 0.01), (width - 0.1, y)], 0.02), (58, 112, 84), 0.8)
    if rng.random() < 0.5:
        sketch.paint(sketch.box(0.03, 0.42, width - 0.03, 0.78), jittered(rng, (228, 214, 176)))
    sketch.shine(sketch.box(width * 0.16, 0.3, width * 0.24, 0.9), 0.6)
    sketch.shine(sketch.box(width * 0.8, 0.34, width * 0.84, 0.7), 0.4)
    return sketch


def plastic_bottle(rng: np.random.Generator, height: int) -> Sketch:
    """A clear bluish bottle: coloured cap, ribs, a wrap-around label."""
    width = rng.uniform(0.34, 0.42)
    sketch = Sketch(height, width)
    middle, neck = width / 2, 0.07
    waist = rng.uniform(0, 0.035)
    half = [
        (middle + neck, 0.08),
        (middle + neck * 1.05, 0.13),
        (width - 0.02, 0.3),
        (width, 0.36),
        (width - waist, 0.55),
        (width, 0.72),
        (width, 0.95),
        (width - 0.04, 1),
    ]
    body = sketch.polygon(mirrored(half, width))
    sketch.paint(body, jittered(rng, (190, 216, 232), 12), rng.uniform(0.5, 0.66))
    edge = sketch.rim(body, 1 / 60)
    sketch.paint(edge, (128, 160, 188), 0.75)
    for y in np.arange(0.76, 0.96, 0.06).tolist():
        sketch.paint(sketch.box(0, y, width, y + 0.018) * body, (120, 152, 184), 0.55)
    if rng.random() < 0.75:
        sketch.paint(sketch.box(0, 0.4, width, rng.uniform(0.58, 0.7)) * body, bright(rng), 0.92)
    sketch.shade(sketch.roundness(-0.06, width + 0.06, 0.0))
    sketch.shine(sketch.box(width * 0.22, 0.33, width * 0.3, 0.95) * body, 0.45)
    sketch.shine(sketch.stroke([(middle + 0.01, 0.16), (width * 0.8, 0.28)], 0.02) * body, 0.4)
    sketch.paint(sketch.box(middle - neck - 0.012, 0, middle + neck + 0.012, 0.085), bright(rng))
    return sketch


def plastic_cup(rng: np.random.Generator, height: int) -> Sketch:
    """A clear take-away cup with a domed lid, a straw and the rest of a drink."""
    width = 0.56
    sketch = Sketch(height, width)
    colour = bright(rng)
    lean = rng.uniform(-0.12, 0.16)
    sketch.paint(sketch.stroke([(width / 2 + lean, 0.0), (width / 2, 0.5)], 0.035), colour)
    body = sketch.polygon([(0.01, 0.28), (width - 0.01, 0.28), (width - 0.09, 1), (0.09, 1)])
    sketch.paint(body, jittered(rng, (202, 220, 230), 10), 0.5)
    level = rng.uniform(0.6, 0.85)
    drink = [(146, 92, 52), (220, 120, 70), (236, 226, 200), (150, 190, 90)][rng.integers(4)]
    sketch.paint(sketch.box(0, level, width, 1) * body, jittered(rng, drink), 0.7)
    dome = sketch.ellipse(width / 2, 0.29, width / 2 - 0.01, 0.16) * sketch.box(0, 0, width, 0.29)
    sketch.paint(dome, (214, 230, 238), 0.5)
    sketch.paint(sketch.box(0, 0.27, width, 0.305), (166, 192, 210), 0.9)
    sketch.shade(sketch.roundness(-0.08, width + 0.08, 0.0))
    sketch.shine(sketch.polygon([(0.11, 0.34), (0.16, 0.34), (0.19, 0.95), (0.15, 0.95)]), 0.5)
    return sketch


def granules(sketch: Sketch, rng: np.random.Generator, depth: float) -> None:
    """Give a sketch the beads of foam."""
    sketch.shade(1 + depth * (sketch.noise(rng, 0.022) - np.clip(sketch.noise(rng, 0.045) * 4 - 2.6, 0, 1)))


def foam_block(rng: np.random.Generator, height: int) -> Sketch:
    """A white block of packaging foam: top and two sides, a broken corner, a hollow."""
    width = rng.uniform(1.1, 1.6)
    sketch = Sketch(height, width)
    ridge, depth = rng.uniform(0.3, 0.7) * width, rng.uniform(0.3, 0.42)
    back, fore = rng.uniform(0.1, 0.25), rng.uniform(0.55, 0.68)
    top = sketch.polygon([(0, back + 0.1), (ridge, 0), (width, back + 0.05), (width - ridge, fore)])
    left = sketch.polygon([(0, back + 0.1), (width - ridge, fore), (width - ridge, 1), (0, back + 0.1 + depth)])
    low = back + 0.05 + depth
    right = sketch.polygon([(width - ridge, fore), (width, back + 0.05), (width, low), (width - ridge, 1)])
    white = jittered(rng, (242, 244, 246), 6)
    sketch.paint(left, white)
    sketch.shade(0.82)
    sketch.paint(right, (0.68 * white[0], 0.68 * white[1], 0.68 * white[2]))
    sketch.paint(top, white)
    if rng.random() < 0.5:
        hollow = sketch.ellipse(width * 0.5, (back + fore) * 0.45, width * 0.17, 0.1) * top
        sketch.shade(0.74, hollow)
    granules(sketch, rng, 0.14)
    bite = sketch.polygon(blob(rng, (width, back + 0.2), (0.14, 0.18), 0.4, 9))
    sketch.alpha, sketch.rgb = sketch.alpha * (1 - bite), sketch.rgb * (1 - bite[..., None])
    return sketch


def foam_tray(rng: np.random.Generator, height: int) -> Sketch:
    """A food tray of foam: raised rim, sunken floor."""
    width = rng.uniform(1.2, 1.6)
    sketch = Sketch(height, width)

    def rounded(inset: float) -> Array:
        cut = 0.14 - inset * 0.4
        return sketch.polygon(
            mirrored(
                [
                    (width - inset - cut, inset),
                    (width - inset, inset + cut),
                    (width - inset, 1 - inset - cut),
                    (width - inset - cut, 1 - inset),
                ],
                width,
            )
        )

    sketch.paint(rounded(0.0), jittered(rng, (240, 242, 244), 6))
    sketch.shade(0.84, rounded(0.08))
    sketch.shade(1.12, rounded(0.15))
    sketch.shade(0.8, sketch.box(0, 0, width, 0.24) * rounded(0.12))
    for x in np.arange(0.3, width - 0.25, 0.16).tolist():
        sketch.shade(0.88, sketch.box(x, 0.3, x + 0.05, 0.72))
    granules(sketch, rng, 0.12)
    return sketch


def plastic_bag(rng: np.random.Generator, height: int) -> Sketch:
    """A thin, wrinkled carrier bag with two handles, see-through at its edges."""
    width = rng.uniform(0.75, 1.05)
    sketch = Sketch(height, width)
    belly = blob(rng, (width / 2, 0.64), (width / 2, 0.36), 0.12, 14)
    bag = sketch.polygon(belly)
    for side in (-1, 1):
        x = width / 2 + side * width * rng.uniform(0.2, 0.26)
        lean = side * width * rng.uniform(0.0, 0.14)
        loop = [(x - 0.1, 0.46), (x + lean - 0.07, 0.12), (x + lean, 0.05), (x + lean + 0.07, 0.12), (x + 0.1, 0.46)]
        bag = np.maximum(bag, sketch.stroke(loop, 0.075))
    film = [(226, 230, 234), (52, 54, 62), (112, 156, 214), (228, 158, 176), (140, 200, 150)]
    kind = rng.choice(len(film), p=[0.45, 0.18, 0.15, 0.12, 0.1])
    finish_film(sketch, rng, bag, jittered(rng, film[kind], 12))
    if rng.random() < 0.4:
        sketch.paint(sketch.ellipse(width / 2, 0.66, 0.14, 0.1) * bag, bright(rng), 0.6)
    return sketch


def loose_film(rng: np.random.Generator, height: int) -> Sketch:
    """A torn, flat piece of bag without handles, much wrinkled."""
    width = rng.uniform(1.0, 1.5)
    sketch = Sketch(height, width)
    outline = blob(rng, (width / 2, 0.5), (width / 2, 0.5), 0.4, int(rng.integers(10, 16)))
    film = [(228, 232, 236), (56, 58, 66), (120, 164, 218)][rng.choice(3, p=[0.6, 0.2, 0.2])]
    finish_film(sketch, rng, sketch.polygon(outline), jittered(rng, film, 12))
    return sketch


def finish_film(sketch: Sketch, rng: np.random.Generator, mask: Array, colour: Colour) -> None:
    """Paint a film and its wrinkles."""
    folds = sketch.noise(rng, 0.22, 2)
    sketch.paint(mask, tinted(folds, colour, 0.22), rng.uniform(0.6, 0.78))
    sketch.shade(0.82, sketch.rim(mask, 1 / 70))
    sketch.shine(creases(rng, *sketch.shape, max(sketch.unit * 0.2, 2)), 0.34)
    sketch.shine(creases(rng, *sketch.shape, max(sketch.unit * 0.1, 2)), 0.14)


def cell_battery(rng: np.random.Generator, height: int) -> Sketch:
    """A round cell: nub, a bright end band, a dark sleeve with its plus sign."""
    width = rng.uniform(0.28, 0.38)
    sketch = Sketch(height, width)
    middle = width / 2
    sketch.paint(sketch.box(middle - width * 0.18, 0, middle + width * 0.18, 0.08), SILVER)
    sketch.paint(sketch.box(0, 0.055, width, 1), jittered(rng, DARK, 8))
    band = [(206, 122, 48), (222, 176, 40), (36, 120, 190), (196, 40, 44)][rng.integers(4)]
    border = rng.uniform(0.32, 0.42)
    sketch.paint(sketch.box(0, 0.055, width, border), jittered(rng, band))
    sketch.paint(sketch.box(0, border, width, border + 0.03), jittered(rng, (226, 222, 210)))
    sketch.paint(sketch.box(0, 0.95, width, 1), SILVER)
    cross = width * 0.22
    sketch.paint(sketch.box(middle - cross, 0.2, middle + cross, 0.225), WHITE)
    sketch.paint(sketch.box(middle - 0.012, 0.2125 - cross, middle + 0.012, 0.2125 + cross), WHITE)
    printed_lines(sketch, rng, (width * 0.2, 0.55, width * 0.8, 0.85))
    sketch.shade(sketch.roundness(-0.01, width + 0.01, 0.4))
    return sketch


def block_battery(rng: np.random.Generator, height: int) -> Sketch:
    """A nine-volt block with its two terminals."""
    width = 0.56
    sketch = Sketch(height, width)
    for x, radius in ((0.15, 0.075), (0.41, 0.095)):
        sketch.paint(sketch.box(x - radius, 0, x + radius, 0.12), SILVER)
        sketch.shade(0.7, sketch.box(x - radius * 0.5, 0, x + radius * 0.5, 0.12))
    sketch.paint(sketch.box(0, 0.1, width, 1), jittered(rng, DARK, 8))
    band = [(206, 122, 48), (222, 176, 40), (36, 120, 190), (196, 40, 44)][rng.integers(4)]
    sketch.paint(sketch.box(0, 0.13, width, rng.uniform(0.34, 0.45)), jittered(rng, band))
    printed_lines(sketch, rng, (0.08, 0.58, width - 0.08, 0.9))
    sketch.shade(1 + 0.12 * sketch.noise(rng, 0.5))
    sketch.shine(sketch.box(0.05, 0.14, 0.09, 0.98), 0.25)
    return sketch


def woven(sketch: Sketch, rng: np.random.Generator, mask: Array) -> None:
    """Dye a cloth: plain, striped or checked, soft folds over a fine weave."""
    cloth = [(62, 76, 116), (150, 58, 66), (196, 186, 166), (88, 112, 88), (92, 92, 98), (214, 150, 160)]
    sketch.paint(mask, jittered(rng, cloth[rng.integers(len(cloth))], 16))
    pattern, pitch = rng.integers(3), rng.uniform(0.1, 0.18)
    trim = jittered(rng, (222, 218, 208))
    if pattern >= 1:
        for y in np.arange(0.04, 1, pitch).tolist():
            sketch.paint(sketch.box(0, y, 2, y + pitch * 0.4) * mask, trim, 0.8 if pattern == 1 else 0.4)
    if pattern == 2:
        for x in np.arange(0.04, 2, pitch).tolist():
            sketch.paint(sketch.box(x, 0, x + pitch * 0.4, 1) * mask, trim, 0.4)
    sketch.shade(1 + 0.26 * sketch.noise(rng, 0.3, 2) + 0.08 * sketch.noise(rng, 0.01))


def shirt(rng: np.random.Generator, height: int) -> Sketch:
    """A T-shirt, sleeves out."""
    width = rng.uniform(1.0, 1.15)
    sketch = Sketch(height, width)
    middle = width / 2
    drop = rng.uniform(0.3, 0.4)
    half = [
        (middle + 0.13, 0.02),
        (width - 0.2, 0.08),
        (width, drop),
        (width - 0.16, drop + 0.1),
        (width - 0.24, drop - 0.02),
        (width - rng.uniform(0.2, 0.26), 1),
    ]
    woven(sketch, rng, sketch.polygon(mirrored(half, width)))
    neck = sketch.ellipse(middle, 0.02, 0.13, 0.09)
    sketch.shade(0.45, neck)
    sketch.shade(1.25, sketch.ellipse(middle, 0.02, 0.165, 0.125) - neck)
    return sketch


def trousers(rng: np.random.Generator, height: int) -> Sketch:
    """A pair of trousers, legs a little apart."""
    width = rng.uniform(0.62, 0.8)
    sketch = Sketch(height, width)
    middle, spread = width / 2, rng.uniform(0.02, 0.08)
    leg = [(width - 0.13, 0), (width - 0.08, 0.2), (width, 1), (width - 0.24, 1), (middle + spread, 0.4)]
    woven(sketch, rng, sketch.polygon(mirrored([*leg, (middle, 0.36)], width)))
    sketch.shade(0.7, sketch.box(0, 0.05, width, 0.075))
    sketch.shade(0.75, sketch.stroke([(middle, 0.07), (middle, 0.36)], 0.015))
    return sketch


def sock(rng: np.random.Generator, height: int) -> Sketch:
    """A sock with a cuff, heel and toe of another colour."""
    width = rng.uniform(0.66, 0.8)
    sketch = Sketch(height, width)
    leg = rng.uniform(0.3, 0.36)
    outline = [
        (0, 0),
        (leg, 0),
        (leg + 0.01, 0.5),
        (width - 0.08, 0.66),
        (width, 0.78),
        (width - 0.03, 0.92),
        (width - 0.14, 1),
        (0.2, 0.96),
        (0.05, 0.86),
        (0, 0.7),
    ]
    foot = sketch.polygon(outline)
    woven(sketch, rng, foot)
    trim = bright(rng)
    cuff, heel = sketch.box(0, 0, width, 0.1), sketch.ellipse(0.05, 0.86, 0.17, 0.17)
    for part in (cuff, heel, sketch.ellipse(width, 0.86, 0.2, 0.24)):
        sketch.paint(part * foot, trim, 0.85)
    return sketch


def scrap_heap(rng: np.random.Generator, height: int) -> Sketch:
    """Scraps that nobody sorts: dark crumpled pieces, sticks and a stub in one heap."""
    width = rng.uniform(0.9, 1.3)
    sketch = Sketch(height, width)
    stains = [(96, 66, 50), (70, 66, 60), (128, 92, 56), (110, 50, 44), (92, 92, 70), (60, 52, 58)]
    for _ in range(rng.integers(4, 7)):
        radius = (rng.uniform(0.22, 0.36) * width, rng.uniform(0.2, 0.34))
        centre = (rng.uniform(radius[0], width - radius[0]), rng.uniform(radius[1], 1 - radius[1]))
        piece = sketch.polygon(blob(rng, centre, radius, 0.35, int(rng.integers(7, 12))))
        sketch.shade(1 - 0.35 * cv2.GaussianBlur(piece, (0, 0), max(height * 0.03, 1)))
        sketch.paint(piece, jittered(rng, stains[rng.integers(len(stains))], 16))
        crumple(sketch, rng, 0.4, 14, piece)
    for _ in range(rng.integers(1, 4)):
        start, end = rng.uniform(0.1, 0.9, 2) * (width, 1), rng.uniform(0.1, 0.9, 2) * (width, 1)
        sketch.paint(sketch.stroke([tuple(start), tuple(end)], 0.03), jittered(rng, (206, 176, 120)))
    return sketch


def snack_wrapper(rng: np.random.Generator, height: int) -> Sketch:
    """A torn, dirty snack wrapper with zigzag ends and a foil back."""
    width = rng.uniform(0.6, 0.8)
    sketch = Sketch(height, width)
    teeth = 9
    x = np.linspace(0, width, teeth)
    zigzag = np.where(np.arange(teeth) % 2, 0.05, 0.0)
    outline = [*zip(x, zigzag, strict=True), *zip(x[::-1], 1 - zigzag[::-1], strict=True)]
    mask = sketch.polygon(outline)
    sketch.paint(mask, bright(rng))
    sketch.paint(sketch.polygon(blob(rng, (width / 2, 0.5), (width * 0.42, 0.2), 0.2, 10)), bright(rng))
    for top in (0.0, 0.9):
        sketch.paint(sketch.box(0, top, width, top + 0.1) * mask, (168, 166, 160))
    stain = np.clip(sketch.noise(rng, 0.25, 2) * 2.5, 0, 1) * mask
    sketch.paint(stain, (84, 62, 44), 0.75)
    crumple(sketch, rng, 0.4, 24)
    return sketch


Painter = Callable[[np.random.Generator, int], Sketch]

#: The forms of each class, each with its share.
PAINTERS: dict[str, tuple[tuple[Painter, float], ...]] = {
    "General trash": ((scrap_heap, 0.65), (snack_wrapper, 0.35)),
    "Paper": ((crumpled_paper, 0.4), (paper_sheet, 0.35), (cardboard, 0.25)),
    "Paper pack": ((gable_carton, 0.65), (paper_cup, 0.35)),
    "Metal": ((drink_can, 0.65), (tin_can, 0.35)),
    "Glass": ((glass_bottle, 0.75), (glass_jar, 0.25)),
    "Plastic": ((plastic_bottle, 0.65), (plastic_cup, 0.35)),
    "Styrofoam": ((foam_block, 0.6), (foam_tray, 0.4)),
    "Plastic bag": ((plastic_bag, 0.7), (loose_film, 0.3)),
    "Battery": ((cell_battery, 0.8), (block_battery, 0.2)),
    "Clothing": ((shirt, 0.5), (trousers, 0.25), (sock, 0.25)),
}


def draw_object(rng: np.random.Generator, name: str, height: int) -> Sketch:
    """Draw one object of the class ``name``, ``height`` pixels tall."""
    painters, shares = zip(*PAINTERS[name], strict=True)
    painter: Painter = painters[rng.choice(len(painters), p=shares)]
    return painter(rng, height)
