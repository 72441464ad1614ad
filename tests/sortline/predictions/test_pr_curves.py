import numpy as np
import pytest
from detection_cases import make_results, make_truth
from helpers import coco

from sortline.predictions.pr_curves import RECALLS, mean_precisions, pr_curves
from sortline.predictions.results import Results

BOX, ELSEWHERE = [10, 10, 20, 20], [40, 10, 20, 20]


def curves_of(truth, found):
    return pr_curves(make_truth(*truth), make_results(*found))


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
        mean_precisions(pr_curves(coco(boxes=False), Results.empty()))
