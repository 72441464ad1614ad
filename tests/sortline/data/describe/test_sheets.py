"""Sample photos with drawn boxes."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sortline.data.describe.sheets import (
    LINE,
    MOST_TILES,
    TILE_HEIGHT,
    class_sheets,
    crowded_sheet,
    extreme_sheet,
    pick_boxes,
    sheet_jpeg,
)
from sortline.reports.palette import class_colour

GREY = 120
ALL = np.ones(3, dtype=bool)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three grey photos of the tile's own size, so that a pixel of the photo is a pixel of the tile."""
    for row in range(3):
        Image.new("RGB", (TILE_HEIGHT, TILE_HEIGHT), (GREY,) * 3).save(tmp_path / f"{row}.jpg", quality=100)
    return tmp_path


def coloured(picture: np.ndarray, label: int) -> np.ndarray:
    return (picture == class_colour(label)).all(axis=-1)


def test_boxes_are_spread_over_the_sizes_of_the_class(make_table) -> None:
    rows = [(image, 0, (0.0, 0.0, 1.0 + image, 1.0)) for image in range(40)]
    table = make_table(*rows, images=40)
    picked = pick_boxes(table, 0, 4, np.ones(40, dtype=bool), np.random.default_rng(0))
    assert [int(area - 1) // 10 for area in table.areas[picked]] == [0, 1, 2, 3]


def test_an_image_gives_one_box_a_class(make_table) -> None:
    table = make_table(*[(0, 0, (0.0, 0.0, 5.0 + n, 5.0)) for n in range(6)], (1, 0, (0.0, 0.0, 9.0, 9.0)))
    picked = pick_boxes(table, 0, 8, ALL, np.random.default_rng(0))
    assert sorted(table.rows[picked].tolist()) == [0, 1]


def test_unusable_images_and_absent_classes_give_none(make_table) -> None:
    table = make_table((0, 0, (0.0, 0.0, 5.0, 5.0)))
    assert len(pick_boxes(table, 0, 3, ~ALL, np.random.default_rng(0))) == 0
    assert len(pick_boxes(table, 1, 3, ALL, np.random.default_rng(0))) == 0


def test_a_sheet_shows_the_boxes_of_its_class_around_the_object(make_table, photos: Path) -> None:
    table = make_table(
        (0, 0, (50.0, 60.0, 40.0, 30.0)), (0, 1, (100.0, 100.0, 20.0, 20.0)), side=TILE_HEIGHT, classes=2
    )
    first, second = class_sheets(table, photos, ALL, 4, seed=0)
    (tile,) = first.tiles
    line = 2 * LINE
    mine = coloured(tile.picture, 0)
    assert mine.sum() == (40 + 2 * line) * (30 + 2 * line) - 40 * 30
    assert not mine[60:90, 50:90].any()
    assert mine[60 - line : 60, 50:90].all()
    assert not coloured(tile.picture, 1).any()
    assert (tile.caption, tile.file_name) == ("40 x 30 px", "0.jpg")
    assert (first.title, first.label, second.label) == ("class 0", 0, 1)


def test_others_of_the_class_have_a_thinner_line(make_table, photos: Path) -> None:
    table = make_table((0, 0, (20.0, 20.0, 40.0, 40.0)), (0, 0, (120.0, 120.0, 40.0, 40.0)), side=TILE_HEIGHT)
    (sheet,) = class_sheets(table, photos, ALL, 1, seed=0)
    mine = coloured(sheet.tiles[0].picture, 0)
    expected = {(40 + 2 * line) ** 2 - 40**2 for line in (LINE, 2 * LINE)}
    assert {int(mine[:100, :100].sum()), int(mine[100:, 100:].sum())} == expected
    assert sheet.tiles[0].caption == "40 x 40 px, 1 of 2"


def test_a_photo_of_another_size_than_the_file_says_keeps_its_boxes_in_place(make_table, photos: Path) -> None:
    table = make_table((0, 0, (25.0, 30.0, 20.0, 15.0)), side=TILE_HEIGHT // 2)
    (sheet,) = class_sheets(table, photos, ALL, 1, seed=0)
    assert not coloured(sheet.tiles[0].picture, 0)[60:90, 50:90].any()
    assert coloured(sheet.tiles[0].picture, 0)[59, 50:90].all()


def test_the_same_seed_gives_the_same_photos(make_table, photos: Path) -> None:
    table = make_table(*[(row, 0, (0.0, 0.0, 50.0, 50.0)) for row in range(3)], side=TILE_HEIGHT)
    names = [
        [tile.file_name for sheet in class_sheets(table, photos, ALL, 1, seed) for tile in sheet.tiles]
        for seed in (0, 0, 1, 2, 3, 4)
    ]
    assert names[0] == names[1]
    assert len({name for (name,) in names}) > 1


def test_many_classes_share_the_room(make_table, photos: Path) -> None:
    classes = 100
    rows = [(row, label, (0.0, 0.0, 50.0, 50.0)) for row in range(3) for label in range(classes)]
    sheets = class_sheets(make_table(*rows, classes=classes, side=TILE_HEIGHT), photos, ALL, 8, seed=0)
    assert sum(len(sheet.tiles) for sheet in sheets) == classes <= MOST_TILES


def test_crowded_photos_come_by_their_number_of_boxes(make_table, photos: Path) -> None:
    box = (20.0, 20.0, 40.0, 40.0)
    table = make_table((0, 0, box), (2, 0, box), (2, 1, (100.0, 100.0, 50.0, 50.0)), side=TILE_HEIGHT)
    sheet = crowded_sheet(table, photos, ALL, 5)
    assert [tile.caption for tile in sheet.tiles] == ["2 boxes", "1 box"]
    assert coloured(sheet.tiles[0].picture, 0).any()
    assert coloured(sheet.tiles[0].picture, 1).any()


def test_extremes_are_those_of_readable_photos(make_table, make_scan, photos: Path) -> None:
    scan = make_scan(problems={0: "absent"}, brightness=[0, 20, 200], sharpness=[0, 5, 9], contrast=[0, 7, 8])
    sheet = extreme_sheet(make_table(), photos, scan, 1)
    assert [(tile.caption, tile.file_name) for tile in sheet.tiles] == [
        ("darkest (20)", "1.jpg"),
        ("brightest (200)", "2.jpg"),
        ("least sharp (5)", "1.jpg"),
        ("least contrast (7)", "1.jpg"),
    ]


def test_a_sheet_becomes_a_jpeg_as_wide_as_its_tiles(make_table, photos: Path) -> None:
    table = make_table(*[(row, 0, (0.0, 0.0, 50.0, 50.0)) for row in range(3)], side=TILE_HEIGHT)
    (sheet,) = class_sheets(table, photos, ALL, 3, seed=0)
    with Image.open(io.BytesIO(sheet_jpeg(sheet))) as picture:
        assert picture.format == "JPEG"
        assert picture.width > 3 * TILE_HEIGHT
