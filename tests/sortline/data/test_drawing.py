"""Boxes drawn on photos."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers import coco
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sortline.data.drawing import (
    draw_boxes,
    font_size,
    legend_strip,
    line_width,
    outline_boxes,
    true_boxes,
    write_image,
)
from sortline.data.photos import read_photo
from sortline.errors import InputError
from sortline.reports.palette import class_colour

CLASSES = ["Paper", "Metal", "Glass"]
GREY = 120


def grey_photo(height: int = 200, width: int = 300) -> np.ndarray:
    return np.full((height, width, 3), GREY, np.uint8)


def test_the_line_runs_along_the_inside_of_the_box_in_the_class_colour() -> None:
    drawn = draw_boxes(grey_photo(), [[100, 80, 160, 130]], [1], CLASSES)
    for x, y in ((100, 100), (159, 100), (130, 80), (130, 129)):
        assert tuple(drawn[y, x]) == class_colour(1)
    for x, y in ((99, 100), (160, 100), (130, 130), (130, 105)):
        assert tuple(drawn[y, x]) == (GREY, GREY, GREY)


def test_the_photo_given_is_left_alone() -> None:
    photo = grey_photo()
    drawn = draw_boxes(photo, [[10, 10, 90, 90]], [0], CLASSES)
    assert (photo == GREY).all()
    assert drawn.shape == photo.shape
    assert drawn.dtype == np.uint8
    assert drawn.flags.writeable


def test_no_boxes_change_nothing() -> None:
    assert (draw_boxes(grey_photo(), [], [], CLASSES, []) == GREY).all()


def test_the_tag_stands_above_the_box_where_there_is_room_and_inside_where_not() -> None:
    height = font_size((300, 200)) + 2
    above = draw_boxes(grey_photo(), [[100, 80, 160, 130]], [0], CLASSES)
    assert (above[80 - height : 80, 100:110] != GREY).any()
    inside = draw_boxes(grey_photo(), [[100, 0, 160, 130]], [0], CLASSES)
    assert (inside[2:height, 103:120] == class_colour(0)).all(axis=-1).any()


def test_a_tag_at_the_right_edge_moves_left_as_a_whole() -> None:
    free = draw_boxes(grey_photo(), [[100, 80, 112, 130]], [0], CLASSES)
    edge = draw_boxes(grey_photo(), [[288, 80, 300, 130]], [0], CLASSES)
    rows = slice(60, 78)
    columns_free = (free[rows] != GREY).any(axis=(0, 2)).sum()
    columns_edge = (edge[rows] != GREY).any(axis=(0, 2)).sum()
    assert columns_free == columns_edge > 12


def test_scores_are_written_and_the_surest_box_lies_on_top() -> None:
    boxes = [[100, 80, 160, 130], [100, 80, 160, 130]]
    drawn = draw_boxes(grey_photo(), boxes, [0, 1], CLASSES, [0.9, 0.4])
    assert tuple(drawn[105, 100]) == class_colour(0)
    without = draw_boxes(grey_photo(), boxes[:1], [0], CLASSES)
    with_score = draw_boxes(grey_photo(), boxes[:1], [0], CLASSES, [0.9])
    assert (with_score != GREY).sum() > (without != GREY).sum()


@given(
    st.lists(st.tuples(*[st.floats(-500, 900, width=32)] * 4), max_size=6),
    st.integers(8, 90),
    st.integers(8, 90),
)
@settings(max_examples=40, deadline=None)
def test_any_box_on_any_photo_can_be_drawn(
    boxes: list[tuple[float, float, float, float]], height: int, width: int
) -> None:
    drawn = draw_boxes(grey_photo(height, width), boxes, [0] * len(boxes), ["A class of a very long name"])
    assert drawn.shape == (height, width, 3)


@pytest.mark.parametrize("box", [[-50, -50, -1, -1], [300, 10, 400, 40], [np.nan, 0, 10, 10], [50, 50, 20, 60]])
def test_a_box_that_is_not_in_the_photo_is_not_drawn(box: list[float]) -> None:
    assert (draw_boxes(grey_photo(), [box], [0], CLASSES) == GREY).all()


def test_lines_and_letters_grow_with_the_photo() -> None:
    assert line_width((1024, 1024)) > line_width((300, 200)) >= 1
    assert font_size((1024, 1024)) > font_size((300, 200))
    assert len({class_colour(label) for label in range(60)}) == 60


@pytest.mark.parametrize(
    ("labels", "scores", "message"),
    [([0, 1], None, "different lengths"), ([0], [0.1, 0.2], "different lengths"), ([3], None, "3 classes")],
)
def test_columns_that_do_not_fit_are_refused(labels: list[int], scores: list[float] | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        draw_boxes(grey_photo(), [[0, 0, 10, 10]], labels, CLASSES, scores)


def test_a_grey_or_float_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="RGB image of uint8"):
        draw_boxes(grey_photo().astype(np.float32), [], [], CLASSES)


def test_outlines_have_no_tags() -> None:
    picture = Image.fromarray(grey_photo())
    outline_boxes(picture, np.array([[100.0, 80, 160, 130]]), np.array([2]), thickness=2)
    changed = (np.asarray(picture) != GREY).any(axis=-1)
    assert changed.sum() == 60 * 50 - 56 * 46
    assert (np.asarray(picture)[changed] == class_colour(2)).all()


def test_true_boxes_come_by_image_as_corners_and_positions() -> None:
    content = coco(images=2)
    content["categories"] = [{"id": 7 + index, "name": name} for index, name in enumerate(CLASSES)]
    for annotation in content["annotations"]:
        annotation.update(image_id=1, category_id=9, bbox=[10.0, 20.0, 30.0, 15.0])
    found = true_boxes(content)
    assert found[0].boxes_xyxy.shape == (0, 4)
    assert found[1].boxes_xyxy.tolist() == [[10, 20, 10 + 30, 20 + 15]] * 2
    assert found[1].labels.tolist() == [2, 2]
    assert found[1].scores is None


def test_a_legend_takes_more_lines_where_it_is_narrow() -> None:
    wide, narrow = legend_strip(CLASSES, 600), legend_strip(CLASSES, 120)
    assert wide.width == 600
    assert narrow.height > wide.height
    colours = {tuple(pixel) for row in np.asarray(narrow) for pixel in row}
    assert {class_colour(label) for label in range(3)} <= colours


def test_an_image_that_can_not_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="cannot write mode"):
        write_image(tmp_path / "a.jpg", Image.new("RGBA", (4, 4)), "JPEG")
    assert list(tmp_path.iterdir()) == []
