from __future__ import annotations

import io
import json

import numpy as np
import pytest
import yaml
from detection_cases import make_results
from helpers import coco
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from scipy.stats import binomtest

from sortline.errors import InputError
from sortline.predictions.class_thresholds import (
    ClassThreshold,
    LabelThreshold,
    best_thresholds,
    choose_thresholds,
    fewest_boxes,
    print_class_thresholds,
    shortest_between,
    threshold_at,
    threshold_of_precision,
    wilson_lower,
    write_thresholds,
)
from sortline.predictions.matching import JudgedBoxes, Matches

WRONG = [40, 30, 20, 10]


def annotations_of_class_0(images=4, crowds=0):
    """Every image holds one box of class 0, the first ``crowds`` of them crowd regions."""
    data = coco(images=images)
    for number, box in enumerate(data["annotations"]):
        box.update(category_id=0, iscrowd=int(number < crowds))
    return data


def detect(data, *found):
    """Match detections of class 0, made from pairs of an image and a score; a negative image is a wrong box on it."""
    rows = [
        (abs(image), 0, WRONG if image < 0 else data["annotations"][image]["bbox"], score) for image, score in found
    ]
    return Matches.of(data, make_results(*rows))


def best(data, *found):
    return best_thresholds(detect(data, *found))[0]


def test_f1_is_highest_there():
    data = annotations_of_class_0(4)
    # Right, right, wrong, right, wrong: F1 is 2/5, 4/6, 4/7, 6/8, 6/9 of the first 1, 2, 3, 4, 5.
    entry = best(data, (0, 0.9), (1, 0.8), (-1, 0.7), (2, 0.61), (-2, 0.3))
    assert (entry.boxes, entry.precision, entry.recall, entry.f1) == (4, 3 / 4, 3 / 4, pytest.approx(6 / 8))
    assert entry.score_thr == 0.6
    assert entry.ground_truths == 4


def test_of_equal_ones_the_highest_threshold_is_taken():
    # Right, wrong, wrong, right of two to be found: F1 is 2 * 1 / (1 + 2) at first and 2 * 2 / (4 + 2) at last.
    data = annotations_of_class_0(2)
    entry = best(data, (0, 0.9), (-1, 0.5), (-1, 0.4), (1, 0.3))
    assert (entry.boxes, entry.f1) == (1, pytest.approx(2 / 3))


def test_boxes_of_one_score_are_cut_together():
    data = annotations_of_class_0(3)
    entry = best(data, (0, 0.5), (-1, 0.5), (1, 0.5))
    assert (entry.boxes, entry.precision, entry.recall) == (3, 2 / 3, 2 / 3)


def test_a_threshold_lies_near_the_lowest_score_kept_when_none_is_lower():
    # Not at 0, which would let in whatever another photo gives.
    assert best(annotations_of_class_0(2), (0, 0.9), (1, 0.27)).score_thr == 0.2


def test_crowd_regions_are_neither_right_nor_wrong():
    data = annotations_of_class_0(3, crowds=1)
    entry = best(data, (0, 0.9), (1, 0.8), (2, 0.7))
    assert (entry.ground_truths, entry.boxes, entry.precision, entry.recall) == (2, 2, 1, 1)


@pytest.mark.parametrize("found", [(), ((-1, 0.5),)])
def test_a_class_never_found_has_no_threshold(found):
    entry = best(annotations_of_class_0(), *found)
    assert (entry.score_thr, entry.boxes, entry.precision, entry.recall, entry.f1) == (None, 0, 0, 0, 0)


def test_a_class_without_ground_truth_has_no_threshold():
    data = annotations_of_class_0()
    entries = best_thresholds(Matches.of(data, make_results((0, 1, WRONG, 0.5))))
    assert entries[1].score_thr is None
    assert len(entries) == len(data["categories"])


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.31415, 0.31847, 0.318),
        (0.2, 0.9, 0.9),
        (0.0, 0.07, 0.07),
        (0.0, 0.0, 0.0),
        (0.5, 1.0, 1.0),
        (0.3, 0.31, 0.31),
    ],
)
def test_the_shortest_number_between(low, high, expected):
    assert shortest_between(low, high) == expected


@given(st.floats(0, 1), st.floats(0, 1))
def test_the_number_is_always_between(first, second):
    low, high = min(first, second), max(first, second)
    if low < high:
        assert low < shortest_between(low, high) <= high


def test_files_hold_what_was_found(tmp_path):
    data = annotations_of_class_0()
    entries = best_thresholds(detect(data, (0, 0.9)))
    for name, load in (("a.yaml", yaml.safe_load), ("a.json", json.loads)):
        write_thresholds(tmp_path / name, entries)
        classes = load((tmp_path / name).read_text())["classes"]
        assert list(classes) == [category["name"] for category in data["categories"]]
        assert classes["General trash"] == {
            "ground_truths": 4,
            "score_thr": 0.9,
            "boxes": 1,
            "precision": 1.0,
            "recall": 0.25,
            "f1": 2 * 1 / (1 + 4),
        }
        assert classes["Paper"]["score_thr"] is None


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"end it in \.yaml or \.json"):
        write_thresholds(tmp_path / "a.txt", ())


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
    assert threshold_of_precision(judged, 0.85) == LabelThreshold(0.7, 150, 140)
    assert threshold_of_precision(judged, 0.6) == LabelThreshold(0.4, 200, 140)
    assert threshold_of_precision(judged, 0.93) == LabelThreshold(0.9, 40, 40)


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
        (boxes((24, True, 0.9)), LabelThreshold(None, 24, 24)),
        (boxes((25, True, 0.9)), LabelThreshold(0.9, 25, 25)),
        (boxes((1, True, 0.9)), LabelThreshold(None, 1, 1)),
        (boxes(), LabelThreshold(None, 0, 0)),
        (boxes((5, False, 0.9)), LabelThreshold(None, 1 * 5, 0)),
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
    assert chosen == {"a": LabelThreshold(0.9, 30, 30), "b": LabelThreshold(0.4, 4, 3)}
    assert chosen["b"].precision == 3 / 4
    assert choose_thresholds(["a", "b"], {"b": 0.4}, {}, None) == {"a": LabelThreshold(None), "b": LabelThreshold(0.4)}


def test_class_thresholds_are_shown_and_absent_ones_left_open():
    text = io.StringIO()
    entries = [
        ClassThreshold("Paper [A4]", 4, 0.31, 3, 2 / 3, 0.5, 4 / 7),
        ClassThreshold("Metal", 0, None, 0, 0, 0, 0),
    ]
    print_class_thresholds(entries, Console(file=text, width=100))
    rows = [line.split() for line in text.getvalue().splitlines()]
    assert ["Paper", "[A4]", "4", "0.31", "3", "0.667", "0.500", "0.571"] in rows
    assert ["Metal", "0", "-", "-", "-", "-", "-"] in rows
