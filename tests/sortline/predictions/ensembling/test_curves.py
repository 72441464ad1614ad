import numpy as np
import pytest

from sortline.predictions.ensembling.curves import IsotonicCurve, MemberCurves, PlattCurve, logits


def test_an_isotonic_curve_is_linear_between_its_points():
    curve = IsotonicCurve((0.2, 0.6), (0.1, 0.5))
    assert curve(np.array([0.1, 0.2, 0.4, 0.6, 0.9])) == pytest.approx([0.1, 0.1, 0.3, 0.5, 0.5], abs=1e-4)


def test_an_isotonic_curve_keeps_the_order_on_level_stretches():
    curve = IsotonicCurve((0.2, 0.6, 0.8), (0.5, 0.5, 1.0))
    mapped = curve(np.linspace(0, 1, 101))
    assert (np.diff(mapped) > 0).all()
    assert mapped.max() <= 1


def test_platt_with_slope_1_changes_nothing():
    scores = np.array([0.01, 0.3, 0.99])
    assert PlattCurve(1, 0)(scores) == pytest.approx(scores)
    assert PlattCurve(2, 1)(np.array([0.5])) == pytest.approx([1 / (1 + np.exp(-1))])


def test_scores_of_0_and_1_have_a_logit():
    assert np.isfinite(logits(np.array([0.0, 1.0]))).all()


def test_a_class_without_its_own_curve_takes_the_pooled_one():
    curves = MemberCurves(PlattCurve(1, 0), {"Paper": PlattCurve(2, 0)})
    assert curves.of_class("Paper").slope == 2
    assert curves.of_class("Glass").slope == 1
