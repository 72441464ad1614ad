import numpy as np
import pytest
from helpers import coco
from hypothesis import given, settings
from hypothesis import strategies as st

from sortline.predictions.box_pairs import MOVED, RELABELLED, UNCHANGED, pair_boxes
from sortline.predictions.results import Results

ANNOTATIONS = coco("test", images=3, boxes=False)


def boxes(*rows):
    """Rows are image, class, box, score."""
    return Results.from_arrays(*(list(zip(*rows, strict=True)) or [[], [], [], []]))


def pairs_of(new, old):
    """List the pairs as new row, old row and kind, by new row."""
    pairs = pair_boxes(new, old, ANNOTATIONS)
    order = np.argsort(pairs.new_rows)
    return [tuple(row) for row in np.stack([pairs.new_rows, pairs.old_rows, pairs.kinds], axis=1)[order].tolist()]


BOX = [10, 10, 20, 10]


@pytest.mark.parametrize(
    ("new", "old", "kind"),
    [
        ((0, 1, BOX, 0.5), (0, 1, BOX, 0.1), UNCHANGED),
        ((0, 1, [10.009, 10, 20, 10], 0.5), (0, 1, BOX, 0.5), UNCHANGED),
        ((0, 1, [10.011, 10, 20, 10], 0.5), (0, 1, BOX, 0.5), MOVED),
        # Of 20 px of width 40 / 3 px shared: IoU (20 - d) / (20 + d) is 1/2 for d = 20 / 3.
        ((0, 1, [10 + 6.66, 10, 20, 10], 0.5), (0, 1, BOX, 0.5), MOVED),
        ((0, 1, [10 + 6.67, 10, 20, 10], 0.5), (0, 1, BOX, 0.5), None),
        ((0, 2, BOX, 0.5), (0, 1, BOX, 0.5), RELABELLED),
        ((0, 2, [10 + 6.67, 10, 20, 10], 0.5), (0, 1, BOX, 0.5), None),
        ((1, 1, BOX, 0.5), (0, 1, BOX, 0.5), None),
        # Thinner than the tolerance: unchanged, though the two share no area.
        ((0, 1, [0, 0, 0.002, 10], 0.5), (0, 1, [0.004, 0, 0.002, 10], 0.5), UNCHANGED),
    ],
)
def test_kinds_of_pairs(new, old, kind):
    assert pairs_of(boxes(new), boxes(old)) == ([] if kind is None else [(0, 0, kind)])


def test_ious_are_given():
    pairs = pair_boxes(boxes((0, 1, [15, 10, 20, 10], 0.5)), boxes((0, 1, BOX, 0.5)), ANNOTATIONS)
    assert pairs.ious == pytest.approx([(20 - 5) / (20 + 5)])


def test_the_same_class_comes_before_a_better_place():
    new = boxes((0, 1, BOX, 0.5))
    old = boxes((0, 2, BOX, 0.9), (0, 1, [12, 10, 20, 10], 0.1))
    assert pairs_of(new, old) == [(0, 1, MOVED)]


def test_the_highest_iou_is_taken_first():
    new = boxes((0, 1, [13, 10, 20, 10], 0.9), (0, 1, [11, 10, 20, 10], 0.1))
    old = boxes((0, 1, BOX, 0.5))
    assert pairs_of(new, old) == [(1, 0, MOVED)]


def test_equal_boxes_pair_by_score():
    new = boxes((0, 1, BOX, 0.2), (0, 1, BOX, 0.8))
    old = boxes((0, 1, BOX, 0.9), (0, 1, BOX, 0.3))
    assert pairs_of(new, old) == [(0, 1, UNCHANGED), (1, 0, UNCHANGED)]


def test_an_unknown_image_is_an_error():
    with pytest.raises(ValueError, match="not listed"):
        pair_boxes(boxes((7, 1, BOX, 0.5)), boxes(), ANNOTATIONS)


GRID = st.integers(0, 8).map(float)
SIZE = st.integers(1, 6).map(float)
ROW = st.tuples(
    st.integers(0, 2), st.integers(0, 2), st.tuples(GRID, GRID, SIZE, SIZE), st.sampled_from([0.0, 0.25, 0.5, 1.0])
)
ROWS = st.lists(ROW, max_size=12)


@settings(max_examples=60, deadline=None)
@given(ROWS, ROWS, st.randoms(use_true_random=False))
def test_pairs_are_one_to_one_of_one_image_and_independent_of_row_order(new_rows, old_rows, random):
    new, old = boxes(*new_rows), boxes(*old_rows)
    pairs = pair_boxes(new, old, ANNOTATIONS)
    assert len(set(pairs.new_rows.tolist())) == len(set(pairs.old_rows.tolist())) == len(pairs.kinds)
    assert (new.image_ids[pairs.new_rows] == old.image_ids[pairs.old_rows]).all()
    same_class = new.category_ids[pairs.new_rows] == old.category_ids[pairs.old_rows]
    assert (same_class == (pairs.kinds != RELABELLED)).all()
    random.shuffle(new_rows)
    shuffled = boxes(*new_rows)
    again = pair_boxes(shuffled, old, ANNOTATIONS)
    assert sorted(again.kinds.tolist()) == sorted(pairs.kinds.tolist())
    assert shuffled.scores[again.new_rows].sum() == new.scores[pairs.new_rows].sum()


@settings(max_examples=60, deadline=None)
@given(ROWS)
def test_equal_sets_pair_whole(rows):
    pairs = pair_boxes(boxes(*rows), boxes(*rows[::-1]), ANNOTATIONS)
    assert pairs.kinds.tolist() == [UNCHANGED] * len(rows)
    scores = [row[3] for row in rows]
    assert [scores[row] for row in pairs.new_rows] == [scores[::-1][row] for row in pairs.old_rows]
