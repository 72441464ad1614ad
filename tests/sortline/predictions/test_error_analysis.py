import numpy as np
import pytest
from detection_cases import make_results, make_truth, matches_of
from helpers import CLASSES, coco

from sortline.predictions.class_thresholds import class_cuts
from sortline.predictions.error_analysis import BACKGROUND, PhotoCounts, choose_photos, confusion, count_by_photo
from sortline.predictions.matching import Matches

BOX, OTHER = [10, 10, 20, 20], [40, 10, 20, 20]
# Shifted by 5 of 20 pixels: IoU = 15 / (20 + 5) = 0.6; by 8: 12 / (20 + 8) = 0.43.
NEAR, FAR = [15, 10, 20, 20], [18, 10, 20, 20]
NONE = len(CLASSES)  # row and column of the background


def counted(truth, found, **options):
    """List what is counted as ``{(true class, predicted class): boxes}``."""
    counts = confusion(matches_of(truth, found), **options).counts
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
    matrix = confusion(matches_of(truth, found))
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
    matrix = confusion(Matches.of(truth, make_results((0, 9, BOX, 0.9))))
    assert matrix.names == ("b", "a")
    assert matrix.counts.tolist() == [[0, 0, 0], [1, 0, 0], [0, 0, 0]]


def test_right_wrong_and_missed_boxes_of_each_photo():
    truth = [(0, 0, BOX), (0, 1, OTHER), (1, 0, BOX), (2, 0, BOX, 1)]
    found = [(0, 0, BOX, 0.9), (0, 0, BOX, 0.8), (0, 0, OTHER, 0.7)]
    found += [(1, 0, BOX, 0.6), (2, 0, BOX, 0.9), (3, 0, BOX, 0.5)]
    counts = count_by_photo(matches_of(truth, found), np.zeros(10))
    assert counts.right.tolist() == [1, 1, 0, 0]
    assert counts.wrong.tolist() == [2, 0, 0, 1]  # the box in the crowd region of photo 2 is neither
    assert counts.missed.tolist() == [1, 0, 0, 0]
    assert counts.errors.tolist() == [3, 0, 0, 1]
    assert counts.f1.tolist() == [2 * 1 / (2 * 1 + 3), 1.0, 1.0, 0.0]


def test_boxes_below_their_class_threshold_do_not_count():
    matches = matches_of([(0, 0, BOX), (1, 1, BOX)], [(0, 0, BOX, 0.4), (1, 1, BOX, 0.4)])
    counts = count_by_photo(matches, np.array([0.4, 0.5, *[0.0] * 8]))
    assert counts.right.tolist() == [1, 0, 0, 0]
    assert counts.missed.tolist() == [0, 1, 0, 0]


def test_thresholds_are_those_of_the_best_f1_however_low_the_scores():
    found = [(0, 0, BOX, 0.02), (1, 0, BOX, 0.013), (1, 0, OTHER, 0.011), (2, 1, BOX, 0.9)]
    matches = matches_of([(0, 0, BOX), (1, 0, BOX)], found)
    cuts = class_cuts(matches)
    assert 0.011 < cuts[0] <= 0.013
    assert np.isinf(cuts[1:]).all()  # nothing of these classes is right: no threshold is worth it
    counts = count_by_photo(matches, cuts)
    assert (counts.right.sum(), counts.errors.sum()) == (2, 0)


def counts_of(right, errors):
    return PhotoCounts(np.array(right), np.array(errors), np.zeros(len(right), dtype=int))


def numbers(names):
    return [int(name[-8:-4]) for name in names]


def test_the_worst_and_the_best_come_first():
    # F1 = 2 right / (2 right + errors): 0, 1, 2/3, 0, 1, 10/11
    chosen = choose_photos(coco(images=6), counts_of([0, 1, 1, 0, 3, 5], [1, 0, 1, 4, 0, 1]), count=2)
    assert numbers(chosen.worst) == [3, 0]  # the more errors, the worse
    assert numbers(chosen.best) == [4, 1]  # the more right boxes, the better
    assert numbers(chosen.random) == [2, 5]
    assert list(chosen.groups()) == ["worst", "best", "random"]


def test_random_ones_stay_when_the_detections_change():
    images, rng = 300, np.random.default_rng(1)
    first, second = (
        choose_photos(coco(images=images), counts_of(rng.integers(9, size=images), rng.integers(9, size=images)))
        for _ in range(2)
    )
    assert first.worst != second.worst
    assert first.random == second.random
    other_seed = choose_photos(coco(images=images), counts_of([1] * images, [1] * images), seed=1)
    assert other_seed.random != first.random


def test_random_ones_do_not_hang_on_the_files_order():
    data, counts = coco(images=30), counts_of([1] * 30, [1] * 30)
    turned = {**data, "images": data["images"][::-1]}
    chosen = [choose_photos(content, counts, count=1, seed=3).random for content in (data, turned)]
    assert chosen[0] == chosen[1]


@pytest.mark.parametrize(("images", "sizes"), [(0, [0, 0, 0]), (1, [1, 0, 0]), (2, [1, 1, 0]), (7, [2, 2, 2])])
def test_few_photos_are_shared_out(images, sizes):
    chosen = choose_photos(coco(images=images), counts_of([1] * images, [1] * images))
    assert [len(names) for names in chosen.groups().values()] == sizes
    names = [name for group in chosen.groups().values() for name in group]
    assert len(set(names)) == len(names)
