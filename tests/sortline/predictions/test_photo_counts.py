import numpy as np
from detection_cases import make_results, make_truth

from sortline.predictions.photo_counts import class_cuts, count_by_photo

BOX, OTHER, ELSEWHERE = [0, 0, 20, 20], [30, 0, 20, 20], [0, 24, 20, 20]


def test_right_wrong_and_missed_boxes_of_each_photo():
    truth = make_truth((0, 0, BOX), (0, 1, OTHER), (1, 0, BOX), (2, 0, BOX, 1))
    found = make_results(
        (0, 0, BOX, 0.9), (0, 0, BOX, 0.8), (0, 0, OTHER, 0.7), (1, 0, BOX, 0.6), (2, 0, BOX, 0.9), (3, 0, BOX, 0.5)
    )
    counts = count_by_photo(truth, found, np.zeros(10))
    assert counts.right.tolist() == [1, 1, 0, 0]
    assert counts.wrong.tolist() == [2, 0, 0, 1]  # the box in the crowd region of photo 2 is neither
    assert counts.missed.tolist() == [1, 0, 0, 0]
    assert counts.errors.tolist() == [3, 0, 0, 1]
    assert counts.f1.tolist() == [2 * 1 / (2 * 1 + 3), 1.0, 1.0, 0.0]


def test_boxes_below_their_class_threshold_do_not_count():
    truth = make_truth((0, 0, BOX), (1, 1, BOX))
    found = make_results((0, 0, BOX, 0.4), (1, 1, BOX, 0.4))
    counts = count_by_photo(truth, found, np.array([0.4, 0.5, *[0.0] * 8]))
    assert counts.right.tolist() == [1, 0, 0, 0]
    assert counts.missed.tolist() == [0, 1, 0, 0]


def test_thresholds_are_those_of_the_best_f1_however_low_the_scores():
    truth = make_truth((0, 0, BOX), (1, 0, BOX))
    found = make_results((0, 0, BOX, 0.02), (1, 0, BOX, 0.013), (1, 0, ELSEWHERE, 0.011), (2, 1, BOX, 0.9))
    cuts = class_cuts(truth, found)
    assert 0.011 < cuts[0] <= 0.013
    assert np.isinf(cuts[1:]).all()  # nothing of these classes is right: no threshold is worth it
    counts = count_by_photo(truth, found)
    assert (counts.right.sum(), counts.errors.sum()) == (2, 0)
