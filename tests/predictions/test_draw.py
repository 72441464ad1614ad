"""Boxes drawn on photos."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from custom_modules.errors import InputError
from custom_modules.predictions.draw import (
    choose_images,
    class_colour,
    comparison_sheet,
    draw_boxes,
    draw_results,
    font_size,
    line_width,
    true_boxes,
)
from custom_modules.predictions.results import Results

CLASSES = ["Paper", "Metal", "Glass"]
GREY = 120


def grey_photo(height: int = 200, width: int = 300) -> np.ndarray:
    return np.full((height, width, 3), GREY, np.uint8)


def annotations(boxes: list[tuple[int, int]] = ((0, 0), (1, 1), (2, 2)), images: int = 3) -> dict[str, Any]:
    """Make a file of ``images`` photos with a box for each (image, category) pair; category ids start at 10."""
    return {
        "images": [{"id": i, "file_name": f"test/{i:04d}.jpg", "width": 300, "height": 200} for i in range(images)],
        "categories": [{"id": 10 + i, "name": name} for i, name in enumerate(CLASSES)],
        "annotations": [
            {"id": n, "image_id": image, "category_id": 10 + label, "bbox": [100.0, 80.0, 60.0, 50.0]}
            for n, (image, label) in enumerate(boxes)
        ],
    }


def detections(score: float = 0.9, image_id: int = 0) -> Results:
    return Results.from_arrays([image_id], [11], [[100, 80, 60, 50]], [score])


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    (tmp_path / "in" / "test").mkdir(parents=True)
    for index in range(3):
        Image.fromarray(grey_photo()).save(tmp_path / "in" / "test" / f"{index:04d}.jpg")
    return tmp_path / "in"


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


def test_every_photo_of_the_file_is_drawn_under_its_own_name(photos: Path, tmp_path: Path) -> None:
    count = draw_results(annotations(), detections(), photos, tmp_path / "out")
    assert count == 3
    names = sorted(path.name for path in (tmp_path / "out" / "test").iterdir())
    assert names == ["0000.jpg", "0001.jpg", "0002.jpg"]
    changed = [np.ptp(np.asarray(Image.open(tmp_path / "out" / "test" / name)).astype(int)) > 60 for name in names]
    assert changed == [True, False, False]


def test_boxes_below_the_threshold_are_left_out(photos: Path, tmp_path: Path) -> None:
    draw_results(annotations(), detections(score=0.29), photos, tmp_path / "out", score_thr=0.3)
    assert np.ptp(np.asarray(Image.open(tmp_path / "out" / "test" / "0000.jpg"))) < 10


def test_photos_are_never_drawn_over(photos: Path) -> None:
    with pytest.raises(InputError, match="holds the photos themselves"):
        draw_results(annotations(), detections(), photos, photos / "test" / "..")


def test_a_sheet_is_a_png_with_a_row_for_two_photos(photos: Path, tmp_path: Path) -> None:
    sizes = {}
    for count in (1, 2, 3):
        comparison_sheet(annotations(), detections(), photos, tmp_path / "sheet.png", photos=count)
        with Image.open(tmp_path / "sheet.png") as sheet:
            assert sheet.format == "PNG"
            sizes[count] = sheet.size
    assert sizes[2][0] == sizes[1][0]
    assert sizes[2][1] > sizes[1][1]
    assert sizes[3][0] > sizes[2][0]
    assert sizes[3][1] == sizes[2][1]


def test_a_sheet_shows_what_was_annotated_and_what_was_predicted(photos: Path, tmp_path: Path) -> None:
    def colours_in_halves(results: Results) -> list[bool]:
        out = tmp_path / "sheet.png"
        comparison_sheet(annotations([(0, 0)], images=1), results, photos, out, photos=1)
        sheet = np.asarray(Image.open(out).convert("RGB"))[80:-60]
        half = sheet.shape[1] // 2
        found = []
        for part, label in ((sheet[:, :half], 0), (sheet[:, half:], 1)):
            found.append(bool((part == class_colour(label)).all(axis=-1).any()))
        return found

    assert colours_in_halves(detections()) == [True, True]
    assert colours_in_halves(Results.empty()) == [True, False]


def test_a_sheet_without_annotations_or_detections_can_be_drawn(photos: Path, tmp_path: Path) -> None:
    comparison_sheet(annotations([]), Results.empty(), photos, tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").stat().st_size > 0


def test_an_absent_photo_is_named_and_nothing_is_written(photos: Path, tmp_path: Path) -> None:
    (photos / "test" / "0001.jpg").unlink()
    with pytest.raises(InputError, match=r"0001\.jpg: no such image"):
        comparison_sheet(annotations(), detections(), photos, tmp_path / "sheet.png")
    assert not (tmp_path / "sheet.png").exists()


def test_an_unreadable_photo_is_named(photos: Path, tmp_path: Path) -> None:
    path = photos / "test" / "0001.jpg"
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(InputError, match=r"0001\.jpg: is not a readable image"):
        draw_results(annotations(), detections(), photos, tmp_path / "out")


def test_no_photos_are_refused(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least 1"):
        comparison_sheet(annotations(), detections(), photos, tmp_path / "sheet.png", photos=0)


def test_chosen_photos_show_all_classes_between_them() -> None:
    crowd = [(0, 0)] * 5 + [(1, 0)] * 5 + [(2, 0), (3, 1), (4, 2), (4, 0)]
    content = annotations(crowd, images=6)
    chosen = choose_images(content, true_boxes(content), 2)
    assert [image["id"] for image in chosen] == [3, 4]
    assert len(choose_images(content, true_boxes(content), 99)) == 6
