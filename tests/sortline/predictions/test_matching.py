import numpy as np
import pytest
from detection_cases import DETECTIONS, TRUTHS, make_results, make_truth, matches_of
from helpers import coco
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sortline.errors import InputError
from sortline.predictions.matching import JudgedBoxes, Matches, Truth, match, rows_of_ids, taking_order
from sortline.predictions.results import Results

BOX = [10, 10, 20, 20]
# Shifted by 5 of 20 pixels: IoU = 15 / (20 + 5) = 0.6; by 8: 12 / (20 + 8) = 0.43.
NEAR = [15, 10, 20, 20]
FAR = [18, 10, 20, 20]


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
    assert matches_of(truth, [found]).claims.tolist() == [expected]


def test_scores_play_no_part():
    matches = matches_of([(0, 0, BOX)], [(0, 0, NEAR, 0.1), (0, 0, BOX, 0.9), (0, 0, FAR, 1.0)])
    assert matches.claims.tolist() == [0, 0, -1]


def test_half_a_box_in_a_crowd_region_of_its_class_is_in_the_crowd():
    found = [(0, 0, [5, 10, 10, 10], 0.5), (0, 0, [4, 10, 10, 10], 0.5), (0, 1, BOX, 0.5), (1, 0, BOX, 0.5)]
    assert matches_of([(0, 0, BOX, 1)], found).in_crowd.tolist() == [True, False, False, False]


def test_ids_are_replaced_by_positions_in_the_files_order():
    assert rows_of_ids([30, -5, 7, 30], np.array([7, 30, -5])).tolist() == [1, 2, 0, 1]
    assert rows_of_ids([], np.array([7])).tolist() == []


@pytest.mark.parametrize("unknown", [8, -9, 2**62])
def test_unknown_ids_are_refused(unknown):
    with pytest.raises(ValueError, match=f"not listed: \\[{unknown}\\]"):
        rows_of_ids([7, unknown], np.array([7, 30]))


def found(*rows):
    """Make detections of image, category, shift to the right and score; the true box is 30 px wide."""
    boxes = [[4.0 + image % 7 + shift, 5.0, 30.0, 20.0] for image, _, shift, _ in rows]
    return Results.from_arrays([row[0] for row in rows], [row[1] for row in rows], boxes, [row[3] for row in rows])


def test_the_surest_box_takes_the_object_and_others_are_wrong():
    content = coco(images=3)
    matches = Matches.of(content, found((0, 0, 0, 0.5), (0, 0, 1, 0.9), (1, 0, 0, 0.7)))
    boxes = [box["category_id"] for box in content["annotations"]]
    assert matches.truth.to_find.tolist() == [boxes.count(entry["id"]) for entry in content["categories"]]
    assert matches.truth.class_names == [entry["name"] for entry in content["categories"]]
    judged = matches.by_class()
    assert judged[0].scores.tolist() == [0.9, 0.7, 0.5]
    assert judged[0].is_right.tolist() == [True, False, False]
    assert [len(entry.scores) for entry in judged] == [3, *[0] * 9]


def test_boxes_in_crowd_regions_are_neither():
    content = coco(images=1)
    content["annotations"][0]["iscrowd"] = 1
    matches = Matches.of(content, found((0, 0, 0, 0.9), (0, 0, 25, 0.8)))
    judged = matches.by_class()[0]
    assert matches.truth.to_find[0] == 0
    assert judged.scores.tolist() == [0.8]
    assert judged.is_right.tolist() == [False]


@pytest.mark.parametrize(
    ("scores", "ends"), [([], []), ([0.5], [0]), ([0.9, 0.9, 0.5, 0.5, 0.1], [1, 3, 4]), ([0.3, 0.3], [1])]
)
def test_cuts_lie_behind_the_last_box_of_a_score(scores, ends):
    judged = JudgedBoxes(np.array(scores, dtype=float), np.zeros(len(scores), dtype=bool))
    assert judged.cut_ends().tolist() == ends


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ((9, 0, BOX, 0.5), "does not list: ids 9"),
        ((0, 77, BOX, 0.5), "does not list: ids 77"),
        ((0, 0, BOX, np.nan), "have NaN or infinity"),
    ],
)
def test_detections_of_another_file_are_refused(row, expected):
    with pytest.raises(InputError, match=expected):
        matches_of([(0, 0, BOX)], [row])


@settings(deadline=None)
@given(TRUTHS, DETECTIONS, st.data())
def test_a_part_of_the_detections_needs_no_new_matching(truth, detections, data):
    matches = matches_of(truth, detections)
    keep = data.draw(hnp.arrays(bool, len(detections)))
    part, anew = matches.take(keep), match(matches.truth, matches.results.take(keep))
    for name in ("image_rows", "class_rows", "claims", "in_crowd", "order", "is_right", "counts"):
        assert getattr(part, name).tolist() == getattr(anew, name).tolist()


def test_images_with_predicted_labels_are_left_out():
    content = coco(images=2)
    content["images"][0]["pseudo"] = True
    matches, left_out = Matches.of(content, found((0, 0, 0, 0.9), (1, 1, 0, 0.8))).with_true_labels()
    assert left_out == 1
    assert matches.truth.image_ids.tolist() == matches.results.image_ids.tolist() == [1]
    assert matches.with_true_labels()[0] is matches


@settings(deadline=None)
@given(DETECTIONS)
def test_ties_are_taken_by_image_and_coordinates(detections):
    keys = [(-score, image, *box) for image, _, box, score in detections]
    assert [keys[row] for row in taking_order(make_results(*detections))] == sorted(keys)


def test_long_runs_of_ties_are_sorted():
    rng = np.random.default_rng(0)
    number = 5000
    columns = (
        rng.integers(0, 3, number),
        np.zeros(number),
        rng.integers(1, 5, (number, 4)),
        rng.integers(0, 2, number),
    )
    results = Results.from_arrays(*columns)
    expected = np.lexsort((*results.bboxes_xywh.T[::-1], results.image_ids, -results.scores))
    order = taking_order(results)
    assert sorted(order) == list(range(number))
    assert results.image_ids[order].tolist() == results.image_ids[expected].tolist()
    assert results.bboxes_xywh[order].tolist() == results.bboxes_xywh[expected].tolist()
