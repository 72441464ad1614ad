import numpy as np
import pytest
from detection_cases import make_results, make_truth

from sortline.predictions.matching import Truth, match, rows_of_ids

BOX = [10, 10, 20, 20]
# Shifted by 5 of 20 pixels: IoU = 15 / (20 + 5) = 0.6; by 8: 12 / (20 + 8) = 0.43.
NEAR = [15, 10, 20, 20]
FAR = [18, 10, 20, 20]


def claim(truth, *found):
    return match(Truth.of(make_truth(*truth)), make_results(*found))


def test_the_columns_are_sorted_by_image_and_keep_the_files_order_within():
    truth = Truth.of(make_truth((2, 0, BOX), (0, 1, FAR, 1), (2, 3, NEAR), images=3))
    assert truth.image_rows.tolist() == [0, 2, 2]
    assert truth.class_rows.tolist() == [1, 0, 3]
    assert truth.bboxes_xywh.tolist() == [FAR, BOX, NEAR]
    assert truth.is_crowd.tolist() == [True, False, False]
    assert truth.starts.tolist() == [0, 1, 1, 3]


@pytest.mark.parametrize(
    ("truth", "found", "expected"),
    [
        pytest.param([(0, 0, BOX)], (0, 0, BOX, 0.5), 0, id="found"),
        pytest.param([(0, 0, BOX)], (0, 0, FAR, 0.5), -1, id="IoU 0.43"),
        pytest.param([(0, 0, BOX)], (0, 0, [10, 10, 20, 10], 0.5), 0, id="IoU of exactly 0.5"),
        pytest.param([(0, 0, BOX)], (1, 0, BOX, 0.5), -1, id="another image"),
        pytest.param([(0, 0, BOX)], (0, 1, BOX, 0.5), -1, id="another class"),
        pytest.param([(0, 0, NEAR), (0, 0, BOX)], (0, 0, BOX, 0.5), 1, id="the one overlapped most"),
        pytest.param([(0, 0, BOX), (0, 0, BOX)], (0, 0, BOX, 0.5), 0, id="the first of equal ones"),
        pytest.param([(0, 0, BOX, 1)], (0, 0, BOX, 0.5), -1, id="a crowd region can't be taken"),
        # Their areas vanish in floats: 0 / 0 is no overlap.
        pytest.param([(0, 0, [1, 1, 1e-200, 1e-200])], (0, 0, [1, 1, 1e-200, 1e-200], 0.5), -1, id="no area"),
    ],
)
def test_a_detection_claims_the_box_that_it_overlaps_most(truth, found, expected):
    assert claim(truth, found).claims.tolist() == [expected]


def test_scores_play_no_part():
    matches = claim([(0, 0, BOX)], (0, 0, NEAR, 0.1), (0, 0, BOX, 0.9), (0, 0, FAR, 1.0))
    assert matches.claims.tolist() == [0, 0, -1]


def test_half_a_box_in_a_crowd_region_of_its_class_is_in_the_crowd():
    found = [(0, 0, [5, 10, 10, 10], 0.5), (0, 0, [4, 10, 10, 10], 0.5), (0, 1, BOX, 0.5), (1, 0, BOX, 0.5)]
    assert claim([(0, 0, BOX, 1)], *found).in_crowd.tolist() == [True, False, False, False]


def test_ids_are_replaced_by_positions_in_the_files_order():
    assert rows_of_ids([30, -5, 7, 30], np.array([7, 30, -5])).tolist() == [1, 2, 0, 1]
    assert rows_of_ids([], np.array([7])).tolist() == []


@pytest.mark.parametrize("unknown", [8, -9, 2**62])
def test_unknown_ids_are_refused(unknown):
    with pytest.raises(ValueError, match=f"not listed: \\[{unknown}\\]"):
        rows_of_ids([7, unknown], np.array([7, 30]))
