import doctest
import re

import numpy as np
import pytest
from detection_cases import DETECTIONS, TRUTHS, make_results, make_truth, matches_of
from helpers import coco
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sortline.predictions import score as score_module
from sortline.predictions.coco_metrics import evaluate_coco
from sortline.predictions.matching import Matches
from sortline.predictions.results import Results
from sortline.predictions.score import RECALLS, average_precision, format_scores, mean_precisions, pr_curves, score


def class_0(truth, results):
    return score(matches_of(truth, results)).classes[0]


BOX = [10, 10, 20, 20]
# Shifted by 5 of 20 pixels: IoU = 15 / (20 + 5) = 0.6; by 8: 12 / (20 + 8) = 0.43.
NEAR = [15, 10, 20, 20]
FAR = [18, 10, 20, 20]
ELSEWHERE = [40, 10, 20, 20]


@pytest.mark.parametrize(
    ("is_right", "ground_truths", "expected"),
    [
        ([], 3, 0),
        ([False, False], 1, 0),
        ([True], 1, 1),
        ([True], 2, 1 / 2),
        ([False, True], 1, 1 / 2),
        ([True, False, True], 2, 1 / 2 * 1 + 1 / 2 * 2 / 3),
        # The second right detection has precision 2/4, the third 3/5: the envelope lifts the former.
        ([True, False, False, True, True], 3, 1 / 3 * 1 + 1 / 3 * 3 / 5 + 1 / 3 * 3 / 5),
        ([False, True, True, True, False], 4, 3 / 4 * 3 / 4),
    ],
)
def test_average_precision_is_the_area_under_the_envelope(is_right, ground_truths, expected):
    assert average_precision(np.array(is_right, dtype=bool), ground_truths) == pytest.approx(expected)


def test_the_example_of_its_docstring():
    assert doctest.testmod(score_module, extraglobs={"np": np}).failed == 0


@settings(deadline=None)
@given(hnp.arrays(bool, st.integers(0, 30)), st.integers(0, 10))
def test_average_precision_equals_the_devkits_loop(is_right, missed):
    ground_truths = int(is_right.sum()) + missed
    if ground_truths == 0:
        return
    right = np.cumsum(is_right)
    recall = [0, *(right / ground_truths), 1]
    precision = [0, *(right / np.arange(1, len(right) + 1)), 0]
    for position in range(len(precision) - 2, -1, -1):
        precision[position] = max(precision[position], precision[position + 1])
    area = sum((recall[i + 1] - recall[i]) * precision[i + 1] for i in range(len(recall) - 1))
    assert average_precision(is_right, ground_truths) == pytest.approx(area)


@pytest.mark.parametrize(
    ("truth", "results", "expected"),
    [
        pytest.param([(0, 0, BOX)], [(0, 0, BOX, 0.5)], 1, id="found"),
        pytest.param([(0, 0, BOX)], [(0, 0, NEAR, 0.5)], 1, id="found with IoU 0.6"),
        pytest.param([(0, 0, BOX)], [(0, 0, FAR, 0.5)], 0, id="missed with IoU 0.43"),
        pytest.param([(0, 0, BOX)], [(0, 0, [10, 10, 20, 10], 0.5)], 1, id="IoU of exactly 0.5"),
        pytest.param([(0, 0, BOX)], [(1, 0, BOX, 0.5)], 0, id="another image"),
        pytest.param([(0, 0, BOX)], [(0, 1, BOX, 0.5)], 0, id="another class"),
        pytest.param([(0, 0, BOX), (1, 0, BOX)], [(0, 0, BOX, 0.5)], 1 / 2, id="one of two"),
        pytest.param([(0, 0, BOX)], [(0, 0, BOX, 0.5), (0, 0, FAR, 0.9)], 1 / 2, id="a wrong one before"),
        pytest.param([(0, 0, BOX)], [(0, 0, BOX, 0.9), (0, 0, FAR, 0.5)], 1, id="a wrong one behind"),
        pytest.param(
            [(0, 0, BOX), (1, 0, BOX)],
            [(0, 0, NEAR, 0.9), (0, 0, BOX, 0.8), (1, 0, BOX, 0.7)],
            1 / 2 * 1 + 1 / 2 * 2 / 3,
            id="the second detection of a box is wrong, however well it fits",
        ),
        pytest.param(
            # NEAR overlaps both with at least 0.5, the first one more; that one is taken.
            [(0, 0, NEAR), (0, 0, BOX)],
            [(0, 0, NEAR, 0.9), (0, 0, [14, 10, 20, 20], 0.8)],
            1 / 2,
            id="a detection whose best box is taken does not fall back on another",
        ),
    ],
)
def test_hand_worked_cases(truth, results, expected):
    entry = class_0(truth, results)
    assert entry.ap50 == pytest.approx(expected)
    assert entry.ground_truths == len(truth)


def test_there_is_no_cap_on_detections():
    wrong = [(0, 0, [0, 0, 1, 1 + number / 1000], 0.9) for number in range(300)]
    assert class_0([(0, 0, BOX)], [*wrong, (0, 0, BOX, 0.5)]).ap50 == pytest.approx(1 / 301)


def test_the_mean_is_over_classes_with_ground_truth():
    found = [(0, 0, BOX, 0.5), (0, 2, BOX, 0.5), (0, 1, BOX, 0.5)]
    scores = score(matches_of([(0, 0, BOX), (0, 2, BOX), (1, 2, BOX)], found))
    assert scores.map50 == pytest.approx((1 + 1 / 2) / 2)
    assert [(entry.name, entry.ap50) for entry in scores.classes[:3]] == [
        ("General trash", 1),
        ("Paper", None),
        ("Paper pack", 1 / 2),
    ]
    assert [(entry.ground_truths, entry.detections) for entry in scores.classes[:3]] == [(1, 1), (0, 1), (2, 1)]
    assert scores.left_out == [entry.name for entry in scores.classes if entry.ground_truths == 0]
    assert len(scores.left_out) == 8
    assert "left out of the mean: Paper, Metal" in scores.explanation
    assert scores.images == 4


def test_no_detections_score_zero():
    scores = score(Matches.of(coco(images=10), Results.empty()))
    assert scores.map50 == 0
    assert [entry.ap50 for entry in scores.classes] == [0] * 3 + [None] * 7


@pytest.mark.parametrize("results", [Results.empty(), make_results((0, 0, BOX, 0.5))])
@pytest.mark.parametrize("truth", [make_truth(), make_truth((0, 0, BOX, 1))])
def test_no_ground_truth_is_no_score(truth, results):
    scores = score(Matches.of(truth, results))
    assert scores.map50 is None
    assert {entry.ap50 for entry in scores.classes} == {None}
    assert scores.explanation == "no score: the annotation file has no boxes to be found"


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        pytest.param([(0, 0, BOX, 0.5)], 1, id="crowd untouched"),
        pytest.param([(0, 0, [41, 11, 5, 5], 0.9), (0, 0, BOX, 0.5)], 1, id="inside: neither right nor wrong"),
        pytest.param([(0, 0, [37, 10, 6, 6], 0.9), (0, 0, BOX, 0.5)], 1, id="half inside"),
        pytest.param([(0, 0, [36, 10, 6, 6], 0.9), (0, 0, BOX, 0.5)], 1 / 2, id="a third inside: wrong"),
        pytest.param([(0, 1, [41, 11, 5, 5], 0.9), (0, 0, BOX, 0.5)], 1, id="another class"),
        pytest.param([(1, 0, [41, 11, 5, 5], 0.9), (0, 0, BOX, 0.5)], 1 / 2, id="another image"),
    ],
)
def test_crowd_regions_are_not_counted(results, expected):
    entry = class_0([(0, 0, BOX), (0, 0, [40, 10, 20, 20], 1)], results)
    assert entry.ap50 == pytest.approx(expected)
    assert entry.ground_truths == 1


def test_a_box_within_a_crowd_region_can_be_found():
    truth = [(0, 0, BOX), (0, 0, [0, 0, 60, 40], 1)]
    assert class_0(truth, [(0, 0, BOX, 0.9)]).ap50 == 1


def test_the_example_of_the_reference_reads_the_same_with_any_ids():
    truth = make_truth((0, 0, BOX), (1, 2, BOX))
    for image in truth["images"]:
        image["id"] += 2**62
    for row in truth["annotations"]:
        row["image_id"] += 2**62
    results = make_results((2**62, 0, BOX, 0.5), (2**62 + 1, 2, FAR, 0.5))
    assert score(Matches.of(truth, results)).map50 == pytest.approx((1 + 0) / 2)


@settings(deadline=None)
@given(TRUTHS, DETECTIONS, st.randoms())
def test_the_order_of_rows_changes_nothing(truth, detections, random):
    shuffled = score(matches_of(truth, random.sample(detections, len(detections))))
    scores = score(matches_of(truth, detections))
    # COCO's numbers may: its protocol takes equal scores in the order of rows.
    assert shuffled.map50 == scores.map50
    assert [entry.ap50 for entry in shuffled.classes] == [entry.ap50 for entry in scores.classes]


def shared_area(a, b):
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    return max(width, 0) * max(height, 0)


def iou(a, b):
    return shared_area(a, b) / (a[2] * a[3] + b[2] * b[3] - shared_area(a, b))


def reference_ap50(truth, detections, category):
    """The devkit's loop, one detection at a time; what gets no box but lies half in a crowd region is left out."""
    truths = [(image, box) for image, label, box, crowd in truth if label == category and not crowd]
    crowds = [(image, box) for image, label, box, crowd in truth if label == category and crowd]
    mine = sorted((-score, image, box) for image, label, box, score in detections if label == category)
    taken, is_right = set(), []
    for _, image, box in mine:
        overlaps = [iou(box, other) if image == at else 0 for at, other in truths]
        best = int(np.argmax(overlaps)) if overlaps else -1
        if overlaps and overlaps[best] >= 0.5 and best not in taken:
            taken.add(best)
            is_right.append(True)
        elif not any(image == at and shared_area(box, other) >= 0.5 * box[2] * box[3] for at, other in crowds):
            is_right.append(False)
    return average_precision(np.array(is_right, dtype=bool), len(truths)) if truths else None


@settings(deadline=None)
@given(TRUTHS, DETECTIONS)
def test_it_equals_the_devkits_matching(truth, detections):
    scores = score(matches_of(truth, detections))
    for category in range(3):
        expected = reference_ap50(truth, detections, category)
        assert scores.classes[category].ap50 == (None if expected is None else pytest.approx(expected))


def test_coco_metrics_stand_beside():
    annotations, results = coco(), make_results((0, 0, [4.0, 5.0, 30.0, 20.0], 0.5))
    scores = score(Matches.of(annotations, results))
    assert scores.coco == evaluate_coco(annotations, results).metrics
    # One of the two boxes of one class of three: 51 of COCO's 101 recall points.
    assert scores.coco["AP50"] == pytest.approx(51 / 101 / 3)


def test_the_table_lists_every_class():
    truth = make_truth((0, 0, BOX), (1, 0, BOX))
    truth["categories"][1]["name"] = "[red]Paper[/red]"
    text = format_scores(score(Matches.of(truth, make_results((0, 0, BOX, 0.5), (0, 1, BOX, 0.5)))))
    cells = {cells[0]: cells[1:] for line in text.splitlines() if len(cells := re.split(" {2,}", line.strip())) == 4}
    assert cells["General trash"] == ["2", "1", "0.5000"]
    assert cells["[red]Paper[/red]"] == ["0", "1", "-"]
    assert cells["mean"] == ["2", "2", "0.5000"]
    assert "COCO: mAP 0.50" in text
    assert "left out of the mean: [red]Paper[/red], Paper pack" in text


def curves_of(truth, found):
    return pr_curves(matches_of(truth, found))


def test_precision_falls_where_boxes_are_wrong():
    # Right, wrong, right of two boxes: precision 1 up to recall 1/2, then 2/3.
    found = [(0, 0, BOX, 0.9), (0, 0, ELSEWHERE, 0.8), (1, 0, BOX, 0.6)]
    (curve,) = curves_of([(0, 0, BOX), (1, 0, BOX)], found)
    assert (curve.name, curve.ground_truths) == ("General trash", 2)
    assert curve.precisions[RECALLS <= 0.5].tolist() == [1.0] * 51
    assert curve.precisions[RECALLS > 0.5].tolist() == [2 / 3] * 50
    assert curve.scores[[50, 51]].tolist() == [0.9, 0.6]
    assert curve.ap50 == pytest.approx(1 / 2 * 1 + 1 / 2 * 2 / 3)


def test_a_recall_that_is_never_reached_has_no_precision():
    (curve,) = curves_of([(0, 0, BOX), (1, 0, BOX)], [(0, 0, BOX, 0.9)])
    assert curve.precisions[50:52].tolist() == [1.0, 0.0]
    assert np.isnan(curve.scores[51])
    assert curve.ap50 == 1 / 2


def test_every_recall_is_that_of_whole_boxes():
    found = [(0, 0, [10.0 * index, 0, 8, 8], 0.5) for index in range(100)]
    truth = [(0, 0, [10.0 * index, 0, 8, 8]) for index in range(100)]
    (curve,) = curves_of(truth, found[:29])
    assert curve.precisions[29] == 1.0  # 29 of 100 boxes are a recall of 0.29
    assert curve.precisions[30] == 0.0


def test_classes_without_boxes_to_be_found_have_no_curve():
    curves = curves_of([(0, 1, BOX), (0, 2, BOX, 1)], [(0, 0, BOX, 0.9)])
    assert [curve.name for curve in curves] == ["Paper"]
    assert curves[0].precisions.tolist() == [0.0] * 101


def test_the_mean_is_over_the_classes():
    curves = curves_of([(0, 0, BOX), (1, 1, BOX)], [(0, 0, BOX, 0.9)])
    assert mean_precisions(curves).tolist() == [(1 + 0) / 2] * 101
    with pytest.raises(ValueError, match="no curve"):
        mean_precisions(curves_of([], []))
