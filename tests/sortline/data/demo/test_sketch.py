"""The transparent picture that objects are drawn on."""

from __future__ import annotations

import numpy as np
import pytest

from sortline.data.demo.sketch import Sketch, mirrored


def test_paint_lays_colour_over_colour() -> None:
    sketch = Sketch(10, 1.0)
    sketch.paint(sketch.box(0, 0, 1, 1), (100, 0, 0))
    sketch.paint(sketch.box(0, 0, 1, 1), (0, 200, 0), opacity=0.25)
    assert sketch.rgb[5, 5] == pytest.approx([100 * 0.75, 200 * 0.25, 0])
    assert sketch.alpha[5, 5] == pytest.approx(1)


def test_paint_on_nothing_keeps_its_opacity() -> None:
    sketch = Sketch(10, 1.0)
    sketch.paint(sketch.box(0, 0.5, 1, 1), (100, 0, 0), opacity=0.4)
    assert sketch.alpha[8, 5] == pytest.approx(0.4)
    assert sketch.alpha[2, 5] == 0
    sketch.shade(0.5, sketch.box(0, 0, 0.5, 1))
    assert sketch.rgb[8, 2] == pytest.approx([100 * 0.4 * 0.5, 0, 0])
    assert sketch.rgb[8, 8] == pytest.approx([100 * 0.4, 0, 0])


def test_a_layer_that_misses_the_sketch_changes_nothing() -> None:
    sketch = Sketch(10, 1.0)
    sketch.paint(sketch.box(2, 2, 3, 3), (100, 0, 0))
    assert sketch.alpha.max() == 0


def test_masks_cover_the_area_of_their_shape() -> None:
    sketch = Sketch(100, 1.5)
    assert sketch.shape == (100, 150)
    assert sketch.box(0.2, 0.3, 1.2, 0.7).sum() == pytest.approx(100 * 40, rel=0.06)
    assert sketch.ellipse(0.75, 0.5, 0.6, 0.3).sum() == pytest.approx(np.pi * 60 * 30, rel=0.06)
    assert sketch.stroke([(0.2, 0.5), (1.2, 0.5)], 0.1).sum() == pytest.approx(100 * 10 + np.pi * 5**2, rel=0.2)


def test_a_rim_is_the_border_of_its_mask() -> None:
    sketch = Sketch(100, 1.0)
    box = sketch.box(0.1, 0.1, 0.9, 0.9)
    rim = sketch.rim(box, 0.05)
    assert rim[50, 12] == 1
    assert rim[50, 50] == 0
    assert rim.sum() == pytest.approx(80 * 80 - 70 * 70, rel=0.05)


def test_shine_lightens_without_covering() -> None:
    sketch = Sketch(10, 1.0)
    sketch.paint(sketch.box(0, 0, 1, 1), (100, 100, 100), opacity=0.5)
    sketch.shine(sketch.box(0, 0, 1, 1), 0.2)
    assert sketch.rgb[5, 5] == pytest.approx([100 * 0.5 + 255 * 0.2 * 0.5] * 3)
    assert sketch.alpha[5, 5] == pytest.approx(0.5)


def test_a_round_body_is_darker_at_its_edges() -> None:
    light = Sketch(50, 1.0).roundness(0, 1, gloss=0)
    assert light[0, 25] > 2 * light[0, 0]
    assert (light == light[0]).all()


def test_mirrored_completes_an_outline() -> None:
    assert mirrored([(0.75, 0.0), (1.0, 1.0)], 1.0) == [(0.75, 0.0), (1.0, 1.0), (0.0, 1.0), (0.25, 0.0)]
