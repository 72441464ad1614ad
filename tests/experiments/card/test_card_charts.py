"""Charts show what they are given, and are left out where there is nothing to show."""

import re

import numpy as np
import pytest

from custom_modules.experiments.card import charts
from custom_modules.experiments.card.curves import Curves
from custom_modules.predictions.bootstrap import Interval
from custom_modules.predictions.confusion import Confusion
from custom_modules.predictions.pr_curves import RECALLS, PrCurve
from custom_modules.predictions.score import ClassScore


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
    chart = charts.draw_validation(Curves({}, val))
    assert {"0.4123", "validation score", "validation loss"} <= set(texts(chart))
    assert "best 0.4123 at epoch 2" in chart.alt
    assert charts.draw_validation(Curves({}, {"contest/mAP50": scores[:1]})) is None


def test_classes_without_ground_truth_have_no_bar():
    classes = [ClassScore("Paper", 0, 1200, 5, 0.5, 0.3), ClassScore("Glass", 1, 0, 5, None, None)]
    drawn = texts(charts.draw_class_aps(classes, [Interval(0.4, 0.6), None]))
    assert "Paper" in drawn
    assert "Glass" not in drawn
    assert any("1,200" in text for text in drawn)


@pytest.mark.parametrize(("classes", "has_numbers"), [(3, True), (60, False)])
def test_a_confusion_matrix_shows_counts_where_there_is_room(classes, has_numbers):
    counts = np.diag(np.full(classes + 1, 77))
    chart = charts.draw_confusion(Confusion(tuple(f"class {place}" for place in range(classes)), counts))
    assert ("77" in texts(chart)) is has_numbers
    assert "background" in texts(chart)


def test_curves_have_a_mean():
    curves = [PrCurve(name, 3, 0.5, np.linspace(1, 0, len(RECALLS)), RECALLS) for name in ("Paper", "Metal")]
    assert {"Paper", "Metal", "mean"} <= set(texts(charts.draw_pr_curves(curves, [1, 3])))
