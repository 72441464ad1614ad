import numpy as np
import pytest
from detection_cases import make_results, make_truth
from helpers import CLASSES

from sortline.predictions.confusion import BACKGROUND, confusion

BOX, OTHER = [10, 10, 20, 20], [40, 10, 20, 20]
# Shifted by 5 of 20 pixels: IoU = 15 / (20 + 5) = 0.6; by 8: 12 / (20 + 8) = 0.43.
NEAR, FAR = [15, 10, 20, 20], [18, 10, 20, 20]
NONE = len(CLASSES)  # row and column of the background


def counted(truth, found, **options):
    """List what is counted as ``{(true class, predicted class): boxes}``."""
    counts = confusion(make_truth(*truth), make_results(*found), **options).counts
    return {(row, column): int(counts[row, column]) for row, column in np.argwhere(counts).tolist()}


@pytest.mark.parametrize(
    ("truth", "found", "expected"),
    [
        pytest.param([(0, 2, BOX)], [(0, 2, NEAR, 0.9)], {(2, 2): 1}, id="right"),
        pytest.param([(0, 2, BOX)], [(0, 5, NEAR, 0.9)], {(2, 5): 1}, id="another class"),
        pytest.param([(0, 2, BOX)], [(0, 2, FAR, 0.9)], {(2, NONE): 1, (NONE, 2): 1}, id="too far off"),
        pytest.param([(0, 2, BOX)], [(1, 2, BOX, 0.9)], {(2, NONE): 1, (NONE, 2): 1}, id="another photo"),
        pytest.param([(0, 2, BOX)], [(0, 2, BOX, 0.29)], {(2, NONE): 1}, id="below the threshold"),
        pytest.param([(0, 2, BOX)], [(0, 2, BOX, 0.3)], {(2, 2): 1}, id="at the threshold"),
        pytest.param(
            [(0, 2, BOX)], [(0, 5, BOX, 0.9), (0, 2, BOX, 0.8)], {(2, 5): 1, (NONE, 2): 1}, id="the surer one counts"
        ),
        pytest.param([(0, 2, BOX, 1)], [(0, 2, NEAR, 0.9)], {}, id="a crowd region asks for nothing"),
        pytest.param([(0, 2, BOX, 1)], [(0, 5, NEAR, 0.9)], {(NONE, 5): 1}, id="a crowd region of another class"),
        pytest.param([], [(0, 2, BOX, 0.9)] * 101, {(NONE, 2): 101}, id="more boxes than COCO counts"),
        pytest.param([], [], {}, id="nothing"),
    ],
)
def test_a_hand_computed_case(truth, found, expected):
    assert counted(truth, found) == expected


def test_several_photos_and_classes_together():
    truth = [(0, 0, BOX), (0, 1, OTHER), (1, 0, BOX), (2, 3, BOX)]
    found = [(0, 0, NEAR, 0.9), (0, 0, OTHER, 0.8), (1, 0, BOX, 0.7), (1, 3, OTHER, 0.6), (2, 3, FAR, 0.5)]
    expected = {(0, 0): 2, (1, 0): 1, (NONE, 3): 2, (3, NONE): 1}
    assert counted(truth, found) == expected
    matrix = confusion(make_truth(*truth), make_results(*found))
    assert matrix.labels == (*CLASSES, BACKGROUND)
    assert matrix.shares[0, 0] == 2 / 2
    assert matrix.shares[NONE, 3] == 2 / 2
    assert matrix.shares[5].sum() == 0  # a class that is not there
    assert matrix.worst(2) == [(BACKGROUND, "Metal", 2), ("Paper", "General trash", 1)]


def test_classes_have_their_own_thresholds_and_overlap_can_be_asked_for():
    truth, found = [(0, 0, BOX), (1, 1, BOX)], [(0, 0, BOX, 0.4), (1, 1, NEAR, 0.4)]
    thresholds = np.full(len(CLASSES), 0.4)
    thresholds[0] = 0.5
    assert counted(truth, found, score_thr=thresholds) == {(0, NONE): 1, (1, 1): 1}
    expected = {(0, 0): 1, (1, NONE): 1, (NONE, 1): 1}
    assert counted(truth, found, iou_thr=0.7) == expected


def test_classes_keep_the_files_order_whatever_their_ids():
    truth = make_truth((0, 7, BOX))
    truth["categories"] = [{"id": 9, "name": "b"}, {"id": 7, "name": "a"}]
    matrix = confusion(truth, make_results((0, 9, BOX, 0.9)))
    assert matrix.names == ("b", "a")
    assert matrix.counts.tolist() == [[0, 0, 0], [1, 0, 0], [0, 0, 0]]
