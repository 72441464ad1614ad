"""Random fields, the grounds made of them, and the transparent picture that objects are drawn on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sortline.data.demo.painting import GROUNDS, Sketch, creases, facets, jittered, mirrored, tinted, value_noise


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


@pytest.mark.parametrize("ground", GROUNDS, ids=lambda ground: ground.__name__)
@pytest.mark.parametrize("size", [96, 201])
def test_a_ground_has_texture_and_no_wild_values(
    ground: Callable[[np.random.Generator, int], np.ndarray], size: int
) -> None:
    first, second = (ground(np.random.default_rng(seed), size) for seed in range(2))
    assert first.shape == (size, size, 3)
    assert first.dtype == np.float32
    assert first.std() > 3
    assert first.min() > -60
    assert first.max() < 330
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("shape", [(8, 8), (40, 130), (131, 41)])
def test_fields_have_the_shape_asked_for(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    for field in (value_noise(rng, *shape, 5, octaves=3), facets(rng, *shape, 9), creases(rng, *shape, 12)):
        assert field.shape == shape
        assert field.dtype == np.float32
        assert np.abs(field).max() < 4


def test_a_larger_cell_gives_a_smoother_field() -> None:
    def roughness(cell: float | tuple[float, float]) -> float:
        return float(np.abs(np.diff(value_noise(np.random.default_rng(0), 64, 64, cell), axis=1)).mean())

    assert roughness(2) > 2 * roughness(16)
    assert roughness((16, 2)) > 2 * roughness((2, 16))


def test_tinted_is_the_colour_itself_where_the_field_is_zero() -> None:
    picture = tinted(np.array([[0, 1, -1]], np.float32), (100, 50, 200), 0.1)
    assert picture[0] == pytest.approx(np.array([[100, 50, 200], [110, 55, 220], [90, 45, 180]]))


def test_jittered_stays_near_and_within_range() -> None:
    rng = np.random.default_rng(0)
    colours = np.array([jittered(rng, (250, 128, 4), 15) for _ in range(200)])
    assert colours.min() >= 0
    assert colours.max() <= 255
    assert np.abs(colours - (250, 128, 4)).max() <= 15 + 15 / 3
    assert colours.std(axis=0).min() > 1
