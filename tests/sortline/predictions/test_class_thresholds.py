import json

import pytest
import yaml
from detection_cases import make_results
from helpers import coco
from hypothesis import given
from hypothesis import strategies as st

from sortline.errors import InputError
from sortline.predictions.class_thresholds import best_thresholds, shortest_between, write_thresholds
from sortline.predictions.matching import Matches

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
