"""Random fields and the grounds made of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sortline.data.demo.textures import GROUNDS, creases, facets, jittered, tinted, value_noise


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
