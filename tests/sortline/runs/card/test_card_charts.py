"""Charts show what they are given, and are left out where there is nothing to show."""

import re

from sortline.predictions.bootstrap import Interval
from sortline.predictions.score import ClassScore
from sortline.runs.card import card_charts as charts
from sortline.runs.logged_scalars import Curves


def texts(chart):
    """List what an SVG says."""
    return re.findall(r">([^<>]+)</text>", chart.svg)


def test_losses_and_learning_rate_are_drawn():
    curves = Curves({"loss": [(1, 2.0), (2, 1.0)], "loss_cls": [(1, 1.0), (2, 0.5)], "lr": [(1, 0.1), (2, 0.2)]}, {})
    drawn = texts(charts.draw_training(curves))
    assert {"loss", "loss_cls", "learning rate", "iteration"} <= set(drawn)
    assert charts.draw_training(Curves({"lr": [(1, 0.1)]}, {})) is None


def test_a_loss_that_was_no_number_is_drawn_up_to_there():
    curves = Curves({"loss": [(1, 2.0), (2, float("nan"))]}, {})
    assert "loss" in texts(charts.draw_training(curves))


def test_the_best_validation_is_marked_and_losses_get_a_panel():
    scores = [(1, 0.2), (2, 0.41234), (3, 0.3)]
    val = {"contest/mAP50": scores, "loss": [(1, 3.0), (2, 2.0), (3, 2.5)]}
    chart = charts.draw_validation(Curves({}, val), "contest/mAP50")
    assert {"0.4123", "validation score", "validation loss"} <= set(texts(chart))
    assert "best 0.4123 at epoch 2" in chart.alt
    assert charts.draw_validation(Curves({}, {"contest/mAP50": scores[:1]}), "contest/mAP50") is None
    assert charts.draw_validation(Curves({}, val), "coco/bbox_mAP") is None
    assert "best 2.0000 at epoch 2" in charts.draw_validation(Curves({}, val), "loss", falls=True).alt


def test_classes_without_ground_truth_have_no_bar():
    classes = [ClassScore("Paper", 0, 1200, 5, 0.5, 0.3), ClassScore("Glass", 1, 0, 5, None, None)]
    drawn = texts(charts.draw_class_aps(classes, [Interval(0.4, 0.6), None]))
    assert "Paper" in drawn
    assert "Glass" not in drawn
    assert any("1,200" in text for text in drawn)
