"""Putting a photo together: what can be seen of an object decides its annotation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortline.data.demo.scene import (
    LEAST_VISIBLE,
    Light,
    Placed,
    compose,
    lay,
    overlap_with_photo,
    visible_box,
)
from sortline.data.demo.shapes import PAINTERS

SIZE = 80
NO_SHADOW = Light(angle=0, reach=0, strength=0, softness=0)


def slab(height: int, width: int, opacity: float = 1.0) -> np.ndarray:
    """Return a grey patch with its opacity."""
    patch = np.full((height, width, 4), 90.0 * opacity, np.float32)
    patch[..., 3] = opacity
    return patch


def placed(visible_rows: int, area_rows: int = 40) -> Placed:
    """Return an object 20 wide and ``area_rows`` tall, of which the upper ``visible_rows`` can be seen."""
    visible = np.zeros((SIZE, SIZE), np.bool_)
    visible[10 : 10 + visible_rows, 30:50] = True
    return Placed("Paper", 20 * area_rows, visible)


def test_a_box_is_the_extent_of_what_can_be_seen() -> None:
    assert visible_box(placed(visible_rows=40)) == (30, 10, 20, 40)
    assert visible_box(placed(visible_rows=25)) == (30, 10, 20, 25)


def test_an_object_hidden_too_much_is_not_annotated() -> None:
    just = int(40 * LEAST_VISIBLE)
    assert visible_box(placed(visible_rows=just)) == (30, 10, 20, just)
    assert visible_box(placed(visible_rows=just - 1)) is None
    assert visible_box(placed(visible_rows=0)) is None


def test_what_is_laid_on_top_hides_what_lies_beneath() -> None:
    picture = np.zeros((SIZE, SIZE, 3), np.float32)
    below = lay(picture, slab(40, 20), (10, 30), "Paper", [], NO_SHADOW)
    assert visible_box(below) == (30, 10, 20, 40)
    lay(picture, slab(40, 40), (30, 20), "Metal", [below], NO_SHADOW)
    assert visible_box(below) == (30, 10, 20, 20)


def test_what_lies_under_a_see_through_object_can_still_be_seen() -> None:
    picture = np.zeros((SIZE, SIZE, 3), np.float32)
    below = lay(picture, slab(40, 20), (10, 30), "Paper", [], NO_SHADOW)
    lay(picture, slab(60, 60, opacity=0.5), (0, 10), "Plastic bag", [below], NO_SHADOW)
    assert visible_box(below) == (30, 10, 20, 40)


def test_a_part_outside_the_photo_counts_as_hidden() -> None:
    picture = np.zeros((SIZE, SIZE, 3), np.float32)
    item = lay(picture, slab(40, 20), (-10, 30), "Paper", [], NO_SHADOW)
    assert item.area == 40 * 20
    assert visible_box(item) == (30, 0, 20, 30)
    assert visible_box(lay(picture, slab(40, 20), (-35, 30), "Paper", [], NO_SHADOW)) is None


@given(st.integers(-200, 200), st.integers(-200, 200), st.integers(1, 120), st.integers(1, 120))
def test_both_cuts_of_a_patch_have_the_same_shape(row: int, column: int, height: int, width: int) -> None:
    inside, part = overlap_with_photo((row, column), (height, width), SIZE)
    photo, patch = np.zeros((SIZE, SIZE)), np.zeros((height, width))
    assert photo[inside].shape == patch[part].shape
    visible_rows = max(min(row + height, SIZE) - max(row, 0), 0)
    visible_columns = max(min(column + width, SIZE) - max(column, 0), 0)
    assert photo[inside].size == visible_rows * visible_columns


@pytest.mark.parametrize("name", PAINTERS)
@pytest.mark.parametrize("size", [96, 200])
def test_a_photo_of_each_class_can_be_composed(name: str, size: int) -> None:
    photo = compose(np.random.default_rng(3), [name] * 3, size)
    assert photo.image.shape == (size, size, 3)
    assert photo.image.dtype == np.uint8
    assert photo.image.std() > 5
    assert len(photo.names) == len(photo.bboxes_xywh) <= 3
    assert set(photo.names) <= {name}


def test_a_photo_without_objects_shows_the_ground_alone() -> None:
    photo = compose(np.random.default_rng(0), [], 96)
    assert photo.names == []
    assert photo.image.shape == (96, 96, 3)
