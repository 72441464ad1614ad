"""Numbers of an annotation file, against hand-worked ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortline.data.describe import statistics as numbers
from sortline.data.describe.statistics import BoxTable, box_table

MakeTable = Callable[..., BoxTable]
BOX = (10.0, 20.0, 30.0, 15.0)


def test_a_file_becomes_columns_whatever_its_ids() -> None:
    content = {
        "images": [
            {"id": 7, "file_name": "b.jpg", "width": 40, "height": 30},
            {"id": 2, "file_name": "a.jpg", "width": 60, "height": 50},
        ],
        "categories": [{"id": 9, "name": "Glass"}, {"id": 4, "name": "Paper"}],
        "annotations": [
            {"id": 0, "image_id": 2, "category_id": 4, "bbox": [1, 2, 3, 4]},
            {"id": 1, "image_id": 7, "category_id": 9, "bbox": [5, 6, 7, 8], "iscrowd": 1},
        ],
    }
    found = box_table(content)
    assert found.classes == ["Glass", "Paper"]
    assert found.rows.tolist() == [1]
    assert found.labels.tolist() == [1]
    assert found.sizes_wh.tolist() == [[40, 30], [60, 50]]
    assert found.areas.tolist() == [3 * 4]
    assert found.crowds == 1


def test_counts_by_class_and_image(make_table: MakeTable) -> None:
    found = make_table((0, 1, BOX), (0, 1, BOX), (2, 0, BOX))
    assert numbers.boxes_per_class(found).tolist() == [1, 2, 0]
    assert numbers.boxes_per_image(found).tolist() == [2, 0, 1]
    assert numbers.class_order(found, 2) == [1, 0]


def test_two_boxes_of_a_class_are_one_image_together(make_table: MakeTable) -> None:
    found = make_table((0, 0, BOX), (0, 1, BOX), (0, 1, BOX), (1, 1, BOX), (2, 2, BOX))
    pairs = numbers.co_occurrence(numbers.class_presence(found))
    assert pairs.tolist() == [[1, 1, 0], [1, 2, 0], [0, 0, 1]]
    assert numbers.conditional_shares(pairs).tolist() == [[1, 1 / 1, 0], [1 / 2, 1, 0], [0, 0, 1]]


def test_a_class_without_images_has_no_share() -> None:
    assert numbers.conditional_shares(np.array([[0, 0], [0, 5]])).tolist() == [[0, 0], [0, 1]]


@pytest.mark.parametrize(
    ("side", "group"), [(31.9, "small"), (32.0, "medium"), (95.9, "medium"), (96.0, "large"), (400.0, "large")]
)
def test_the_limits_of_coco(side: float, group: str, make_table: MakeTable) -> None:
    counts = numbers.size_counts(make_table((0, 1, (0, 0, side, side)), side=500))
    expected = [[0, 0, 0]] * 3
    expected[1] = [int(name == group) for name in numbers.SIZE_NAMES]
    assert counts.tolist() == expected


def test_resizing_moves_boxes_between_the_groups(make_table: MakeTable) -> None:
    found = make_table((0, 0, (0, 0, 50, 50)))
    assert numbers.size_counts(found)[0].tolist() == [0, 1, 0]
    assert numbers.size_counts(found, scale=0.5)[0].tolist() == [1, 0, 0]
    assert numbers.size_counts(found, scale=2)[0].tolist() == [0, 0, 1]


def test_quantiles_a_class() -> None:
    values, labels = np.array([9.0, 1, 2, 3, 4, 5]), np.array([2, 0, 0, 0, 0, 0])
    found = numbers.quantiles_by_class(values, labels, 3)
    assert found[0].tolist() == pytest.approx([1 + 0.05 * 4, 2, 3, 4, 1 + 0.95 * 4])
    assert np.isnan(found[1]).all()
    assert found[2].tolist() == [9] * 5


def test_sides_and_aspects(make_table: MakeTable) -> None:
    found = make_table((0, 0, (0, 0, 40, 10)))
    assert found.sides.tolist() == [20]
    assert found.aspects.tolist() == [4]


def test_coverage_of_two_boxes() -> None:
    boxes = np.array([[0, 0, 0.5, 1], [0.25, 0, 1, 0.5]])
    assert (2 * numbers.coverage(boxes, 4)).tolist() == [[1, 2, 1, 1], [1, 2, 1, 1], [1, 1, 0, 0], [1, 1, 0, 0]]


def test_a_box_smaller_than_a_cell_covers_one() -> None:
    assert numbers.coverage(np.array([[0.3, 0.6, 0.31, 0.61]]), 2).tolist() == [[0, 0], [1, 0]]
    assert numbers.coverage(np.array([[1.0, 1.0, 1.0, 1.0]]), 2).tolist() == [[0, 0], [0, 1]]


def test_centres_fall_into_their_cells() -> None:
    boxes = np.array([[0, 0, 0.2, 0.2], [0.9, 0.9, 1, 1], [0.9, 0, 1, 0.2]])
    assert (3 * numbers.centre_density(boxes, 2)).tolist() == [[1, 1], [0, 1]]


def test_no_boxes_cover_nothing() -> None:
    assert not numbers.coverage(np.zeros((0, 4)), 3).any()
    assert not numbers.centre_density(np.zeros((0, 4)), 3).any()


corner = st.floats(0, 1, width=32)


@given(st.lists(st.tuples(corner, corner, corner, corner), min_size=1, max_size=8), st.integers(1, 12))
def test_coverage_is_that_of_painting_box_by_box(rows: list[tuple[float, ...]], cells: int) -> None:
    boxes = np.array([(min(a, c), min(b, d), max(a, c), max(b, d)) for a, b, c, d in rows])
    painted = np.zeros((cells, cells))
    for left, top, right, bottom in boxes * cells:
        first_x, first_y = min(int(left), cells - 1), min(int(top), cells - 1)
        painted[first_y : max(int(np.ceil(bottom)), first_y + 1), first_x : max(int(np.ceil(right)), first_x + 1)] += 1
    assert np.allclose(numbers.coverage(boxes, cells) * len(boxes), painted)


def test_sizes_of_images_come_by_number(make_table: MakeTable) -> None:
    found = make_table(images=3)
    found.sizes_wh[1] = (50, 40)
    assert numbers.image_sizes(found) == [((100, 100), 2), ((50, 40), 1)]


@pytest.mark.parametrize(
    ("size", "is_odd"), [((100, 110), False), ((40, 40), True), ((400, 401), True), ((190, 60), True)]
)
def test_images_of_odd_size(size: tuple[int, int], is_odd: bool, make_table: MakeTable) -> None:
    found = make_table(images=5)
    found.sizes_wh[3] = size
    assert numbers.odd_sizes(found).tolist() == ([3] if is_odd else [])
