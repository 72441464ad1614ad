"""Thresholds of a wanted precision, worked by hand, and what few boxes are worth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from sortline.predictions.pseudo_labelling.precision import (
    JudgedBoxes,
    Threshold,
    choose_thresholds,
    fewest_boxes,
    threshold_at,
    threshold_of_precision,
    wilson_lower,
)

Z2 = 1.6448536269514722**2
BOX = [10, 10, 20, 20]
FAR = [40, 10, 20, 20]


def boxes(*runs: tuple[int, bool, float]) -> JudgedBoxes:
    """Judged boxes of runs ``(how many, whether right, score)``."""
    counts = [count for count, _, _ in runs]
    scores = np.repeat([score for _, _, score in runs], counts)
    return JudgedBoxes(scores, np.repeat([right for _, right, _ in runs], counts))


def test_one_of_one_is_not_certainty():
    assert wilson_lower(1, 1) == pytest.approx(1 / (1 + Z2))
    assert wilson_lower([25, 0], [25, 7]).tolist() == pytest.approx([25 / (25 + Z2), 0])


@given(st.integers(1, 200), st.data())
def test_the_bound_is_wilsons(boxes_, data):
    right = data.draw(st.integers(0, boxes_))
    # One side at 95% is the lower end of both sides at 90%.
    reference = binomtest(right, boxes_).proportion_ci(0.90, method="wilson").low
    assert wilson_lower(right, boxes_) == pytest.approx(reference, abs=1e-9)


def test_the_lowest_cut_that_reaches_the_precision_counts():
    # 40 right ones, 10 wrong, 100 right, 50 wrong: the lowest cut passes the wrong ten.
    judged = boxes((40, True, 0.9), (10, False, 0.8), (100, True, 0.7), (50, False, 0.4))
    assert wilson_lower(40, 50) < 0.85 < wilson_lower(140, 150)
    assert threshold_of_precision(judged, 0.85) == Threshold(0.7, 150, 140)
    assert threshold_of_precision(judged, 0.6) == Threshold(0.4, 200, 140)
    assert threshold_of_precision(judged, 0.93) == Threshold(0.9, 40, 40)


def test_the_number_tells_the_kept_scores_from_the_cut_ones_with_few_decimals():
    judged = boxes((30, True, 0.73519), (30, False, 0.71234))
    assert threshold_of_precision(judged, 0.9).score_thr == 0.73


def test_below_the_lowest_score_nothing_is_known():
    assert threshold_of_precision(boxes((30, True, 0.73519)), 0.9).score_thr == 0.73519


def test_boxes_of_one_score_are_kept_or_cut_together():
    judged = JudgedBoxes(np.full(40, 0.5), np.arange(40) < 30)
    assert threshold_of_precision(judged, 0.9).score_thr is None


@pytest.mark.parametrize(
    ("judged", "expected"),
    [
        (boxes((24, True, 0.9)), Threshold(None, 24, 24)),
        (boxes((25, True, 0.9)), Threshold(0.9, 25, 25)),
        (boxes((1, True, 0.9)), Threshold(None, 1, 1)),
        (boxes(), Threshold(None, 0, 0)),
        (boxes((5, False, 0.9)), Threshold(None, 1 * 5, 0)),
    ],
)
def test_few_boxes_ensure_little(judged, expected):
    assert fewest_boxes(0.9) == 25
    assert threshold_of_precision(judged, 0.9) == expected


def test_no_precision_is_found_on_fewer_than_ten_boxes():
    assert wilson_lower(9, 9) > 0.5
    assert threshold_of_precision(boxes((9, True, 0.9)), 0.5).score_thr is None
    assert threshold_of_precision(boxes((10, True, 0.9)), 0.5).score_thr == 0.9
    assert fewest_boxes(0.5) == 10


@given(
    st.lists(st.tuples(st.sampled_from([0.1, 0.3, 0.5, 0.7]), st.booleans()), max_size=80),
    st.floats(0.05, 0.95),
)
def test_what_is_kept_has_the_precision_and_no_lower_score_would_have(rows, precision):
    rows.sort(key=lambda row: -row[0])
    judged = JudgedBoxes(np.array([s for s, _ in rows]), np.array([r for _, r in rows], dtype=bool))
    found = threshold_of_precision(judged, precision)
    reached = []
    for score in (0.1, 0.3, 0.5, 0.7):
        at = threshold_at(judged, score)
        if at.boxes and at.boxes >= 10 and at.lower_bound >= precision:
            reached.append(at)
    if found.score_thr is None:
        assert reached == []
    else:
        assert threshold_at(judged, found.score_thr).boxes == found.boxes == max(at.boxes for at in reached)
        assert found.lower_bound >= precision


def test_a_fixed_threshold_goes_before_the_precision():
    judged = {"a": boxes((30, True, 0.9)), "b": boxes((3, True, 0.9), (1, False, 0.5))}
    chosen = choose_thresholds(["a", "b"], {"b": 0.4}, judged, 0.9)
    assert chosen == {"a": Threshold(0.9, 30, 30), "b": Threshold(0.4, 4, 3)}
    assert chosen["b"].precision == 3 / 4
    assert choose_thresholds(["a", "b"], {"b": 0.4}, {}, None) == {"a": Threshold(None), "b": Threshold(0.4)}
