"""Right boxes are those that the score counts as right; a cut never parts boxes of one score."""

import numpy as np
import pytest
from helpers import coco

from sortline.predictions.judged import JudgedBoxes, judge_by_class
from sortline.predictions.results import Results


def found(*rows):
    """Make detections of image, category, shift to the right and score; the true box is 30 px wide."""
    boxes = [[4.0 + image % 7 + shift, 5.0, 30.0, 20.0] for image, _, shift, _ in rows]
    return Results.from_arrays([row[0] for row in rows], [row[1] for row in rows], boxes, [row[3] for row in rows])


def test_the_surest_box_takes_the_object_and_others_are_wrong():
    content = coco(images=3)
    named = judge_by_class(content, found((0, 0, 0, 0.5), (0, 0, 1, 0.9), (1, 0, 0, 0.7)))
    boxes = [box["category_id"] for box in content["annotations"]]
    assert [count for _, count, _ in named] == [boxes.count(entry["id"]) for entry in content["categories"]]
    assert [name for name, *_ in named] == [entry["name"] for entry in content["categories"]]
    judged = [entry for *_, entry in named]
    assert judged[0].scores.tolist() == [0.9, 0.7, 0.5]
    assert judged[0].is_right.tolist() == [True, False, False]
    assert [len(entry.scores) for entry in judged] == [3, *[0] * 9]


def test_boxes_in_crowd_regions_are_neither():
    content = coco(images=1)
    content["annotations"][0]["iscrowd"] = 1
    _, to_find, judged = judge_by_class(content, found((0, 0, 0, 0.9), (0, 0, 25, 0.8)))[0]
    assert to_find == 0
    assert judged.scores.tolist() == [0.8]
    assert judged.is_right.tolist() == [False]


@pytest.mark.parametrize(
    ("scores", "ends"), [([], []), ([0.5], [0]), ([0.9, 0.9, 0.5, 0.5, 0.1], [1, 3, 4]), ([0.3, 0.3], [1])]
)
def test_cuts_lie_behind_the_last_box_of_a_score(scores, ends):
    judged = JudgedBoxes(np.array(scores, dtype=float), np.zeros(len(scores), dtype=bool))
    assert judged.cut_ends().tolist() == ends
