import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortline.data.overlaps import duplicate_boxes, overlapping_pairs, repeats_of_kept

boxes = st.lists(
    st.tuples(*[st.integers(0, 4)] * 2, *[st.integers(1, 12)] * 2, st.integers(0, 2), st.integers(0, 1)), max_size=30
)


def iou(one, other):
    """IoU of two boxes as left, top, width, height."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    overlap = max(width, 0) * max(height, 0)
    return overlap / (one[2] * one[3] + other[2] * other[3] - overlap)


def columns(rows):
    table = np.array(rows, dtype=np.float64).reshape(-1, 6)
    return table[:, 4].astype(np.int64), table[:, 5].astype(np.int64), table[:, :4]


@given(boxes, st.sampled_from([0.3, 0.5, 0.7, 0.9]))
def test_pairs_are_those_of_comparing_all_with_all(rows, iou_thr):
    images, _, bboxes_xywh = columns(rows)
    expected = [
        [first, second]
        for first in range(len(rows))
        for second in range(first + 1, len(rows))
        if images[first] == images[second] and iou(rows[first], rows[second]) > iou_thr + 1e-12
    ]
    assert overlapping_pairs(images, bboxes_xywh, iou_thr + 1e-12).tolist() == expected


@given(boxes)
def test_what_stays_repeats_nothing_and_what_goes_repeats_what_stays(rows):
    images, categories, bboxes_xywh = columns(rows)
    repeats, _ = duplicate_boxes(images, categories, bboxes_xywh, 0.6)
    kept = np.flatnonzero(repeats < 0)
    again, _ = duplicate_boxes(images[kept], categories[kept], bboxes_xywh[kept], 0.6)
    assert (again < 0).all()
    for row in np.flatnonzero(repeats >= 0):
        other = repeats[row]
        assert other < row
        assert repeats[other] < 0
        assert (images[row], categories[row]) == (images[other], categories[other])
        assert iou(rows[row], rows[other]) > 0.6


@pytest.mark.parametrize(
    ("second", "repeats", "conflicts"),
    [
        ((0, 0, 100, 91, 0, 0), 0, -1),  # IoU 91 / 100
        ((0, 0, 100, 90, 0, 0), -1, -1),  # IoU 90 / 100 is not over 0.9
        ((0, 0, 100, 100, 0, 1), -1, 0),
        ((0, 0, 100, 100, 1, 0), -1, -1),
    ],
)
def test_same_class_repeats_and_another_class_conflicts(second, repeats, conflicts):
    found = duplicate_boxes(*columns([(0, 0, 100, 100, 0, 0), second]), 0.9)
    assert [column.tolist() for column in found] == [[-1, repeats], [-1, conflicts]]


def test_thousands_of_equal_boxes_make_no_pairs():
    repeats, conflicts = duplicate_boxes(*columns([(1, 2, 30, 40, 0, 0)] * 5000), 0.9)
    assert repeats.tolist() == [-1] + [0] * 4999
    assert (conflicts < 0).all()


def test_a_chain_loses_every_other_box():
    pairs = np.array([[0, 1], [1, 2], [2, 3]])
    assert repeats_of_kept(4, pairs).tolist() == [-1, 0, -1, 2]
