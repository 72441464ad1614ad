"""Charts: drawn from any table, in both forms, readable by machines and in the dark."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from sortline.data.describe import charts
from sortline.data.describe.split_differences import compare_counts
from sortline.data.describe.statistics import BoxTable
from sortline.reports import theme
from sortline.reports.palette import class_colour
from sortline.reports.theme import Chart

OF_BOXES = [
    charts.draw_class_counts,
    charts.draw_boxes_per_image,
    charts.draw_size_groups,
    charts.draw_sizes,
    charts.draw_aspects,
    charts.draw_places,
    charts.draw_places_by_class,
    charts.draw_co_occurrence,
]
BOX = (10.0, 20.0, 30.0, 15.0)


def texts(chart: Chart) -> list[str]:
    """List the words in a chart's SVG, which must be well-formed."""
    return [node.text or "" for node in ElementTree.fromstring(chart.svg).iter("{http://www.w3.org/2000/svg}text")]


def has_colour(chart: Chart, colour: tuple[int, int, int]) -> bool:
    pixels = np.asarray(Image.open(io.BytesIO(chart.png)).convert("RGB"))
    return bool((pixels == colour).all(axis=-1).any())


@pytest.mark.parametrize("draw", OF_BOXES, ids=lambda draw: draw.__name__)
def test_one_box_is_enough(draw: Callable[[BoxTable], Chart], make_table) -> None:
    chart = draw(make_table((0, 1, BOX), images=1))
    texts(chart)
    with Image.open(io.BytesIO(chart.png)) as picture:
        assert picture.format == "PNG"
        assert picture.width > 900
    assert chart.alt


def test_names_of_classes_are_text_that_does_no_harm(make_table) -> None:
    table = make_table((0, 0, BOX), (1, 1, BOX), (2, 2, BOX))
    table.classes[:] = ["<b>&amp;</b>", "$\\frac$", "유리"]
    assert {"<b>&amp;</b>", "$\\frac$", "유리"} <= set(texts(charts.draw_class_counts(table)))


def test_bars_carry_their_numbers_and_the_colours_of_the_classes(make_table) -> None:
    chart = charts.draw_class_counts(make_table(*[(0, 1, BOX)] * 1234, (1, 0, BOX), (2, 1, BOX), classes=2))
    assert {"1,235", "1", "2"} <= set(texts(chart))
    assert has_colour(chart, class_colour(0))
    assert has_colour(chart, class_colour(1))


def test_images_with_very_many_boxes_share_the_last_bar(make_table) -> None:
    chart = charts.draw_boxes_per_image(make_table(*[(0, 0, BOX)] * 90, (1, 0, BOX)))
    assert f"{charts.MOST_BARS}+" in texts(chart)
    assert "median 1" in texts(chart)


def test_shares_of_sizes_are_written(make_table) -> None:
    chart = charts.draw_size_groups(make_table(*[(0, 0, BOX)] * 3, (0, 0, (0.0, 0.0, 50.0, 50.0))))
    assert {"75%", "25%", "small", "all classes"} <= set(texts(chart))


def test_pairs_of_classes_are_counted_in_the_matrix(make_table) -> None:
    chart = charts.draw_co_occurrence(make_table((0, 0, BOX), (0, 1, BOX), (1, 0, BOX), (2, 0, BOX), classes=2))
    assert {"33%", "100%", "3"} <= set(texts(chart))


def test_the_rarest_classes_are_left_out_where_there_are_too_many(make_table, monkeypatch) -> None:
    monkeypatch.setattr(charts, "MOST_ROWS", 5)
    rows = [(0, label, BOX) for label in range(8) for _ in range(label)]
    shown = [text for text in texts(charts.draw_class_counts(make_table(*rows, classes=8))) if "class " in text]
    assert [name for name in shown if name != "images with the class"] == [
        f"class {label}" for label in (7, 6, 5, 4, 3)
    ]


def test_matrices_of_many_classes_have_no_numbers(make_table, monkeypatch) -> None:
    monkeypatch.setattr(charts, "MOST_PANELS", charts.MOST_NUMBERED + 1)
    rows = [(0, label, BOX) for label in range(30)]
    chart = charts.draw_co_occurrence(make_table(*rows, classes=30))
    assert len(texts(chart)) == 2 * (charts.MOST_NUMBERED + 1)


def test_train_and_test_have_their_colours(make_table) -> None:
    rng = np.random.default_rng(0)
    features = {split: {name: rng.normal(size=50) for name in "abcd"} for split in ("train", "test")}
    chart = charts.draw_photo_features(features)
    assert {"a", "b", "c", "d", "train", "test"} <= set(texts(chart))
    alone = charts.draw_photo_features({"train": features["train"]})
    assert "train" not in texts(alone)


def test_photos_that_are_all_the_same_are_drawn() -> None:
    chart = charts.draw_photo_features({"train": {name: np.full(3, 7.0) for name in "abcd"}})
    assert "a" in texts(chart)


def test_image_sizes_and_shares_of_classes(make_table) -> None:
    table = make_table((0, 0, BOX))
    table.sizes_wh[1] = (50, 40)
    assert "width (px)" in texts(charts.draw_image_sizes({"train": table, "test": table}))
    shares = [compare_counts("images with Paper", (1, 4), (2, 4))]
    assert "Paper" in texts(charts.draw_class_shares(shares))


def test_svg_follows_the_dark_setting_and_repeats(make_table) -> None:
    first, again = (charts.draw_sizes(make_table((0, 0, BOX))) for _ in range(2))
    assert first.svg == again.svg
    assert "prefers-color-scheme:dark" in first.svg
    body = first.svg[first.svg.index("</style>") :]
    assert theme.INK not in body
    assert "var(--ink)" in body
    assert "DejaVu Sans'; " not in body


def test_long_names_are_shortened_at_their_end() -> None:
    assert theme.short("a very long name of a class", 10) == "a very lo…"
    assert theme.short("two\nlines") == "two lines"
