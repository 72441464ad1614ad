from dataclasses import replace

import pytest

from sortline.predictions.ensembling.ensemble_settings import EnsembleSettings
from sortline.predictions.tuning.proposals import (
    LEAST_WEIGHT,
    NEW_WEIGHTS,
    STARTS,
    additions,
    alone,
    beside,
    iou_thrs,
    members_of,
    methods,
    reweighted,
    sigmas,
    single,
    without,
)

TWO = EnsembleSettings("wbf", weights=(1.0, 0.5, 0.0))


@pytest.mark.parametrize(
    ("value", "expected"), [(0.4, [0.5]), (0.5, [0.4, 0.6]), (0.45, [0.4, 0.5]), (0.7, [0.6]), (0.1, [0.4])]
)
def test_the_steps_beside_a_value(value, expected):
    assert beside(value, (0.4, 0.5, 0.6)) == expected


def test_a_second_member_comes_with_every_method_a_third_with_the_one_in_use():
    second = additions(single(0, 3))
    assert len(second) == 2 * len(STARTS) * len(NEW_WEIGHTS)
    assert all(len(members_of(entry)) == 2 and entry.method != "concat" for entry in second)
    assert [entry.weights for entry in additions(TWO)] == [(1.0, 0.5, new) for new in NEW_WEIGHTS]
    assert additions(replace(TWO, weights=(1.0, 1.0, 1.0))) == []


def test_one_member_may_be_fused_with_itself_once():
    assert [entry.method for entry in alone(single(1, 3))] == [start.method for start in STARTS]
    assert alone(replace(TWO, weights=(0.0, 1.0, 0.0))) == []


def test_weights_keep_1_as_the_highest_and_never_reach_0():
    proposed = [entry.weights for entry in reweighted(TWO)]
    assert (1.0, 0.25, 0.0) in proposed
    assert (1.0, 1.0, 0.0) in proposed  # twice the second, or half the first
    assert len(proposed) == len(set(proposed))
    assert all(max(weights) == 1 and weights[2] == 0 for weights in proposed)
    faint = replace(TWO, weights=(1.0, LEAST_WEIGHT, 0.0))
    assert [entry.weights[1] for entry in reweighted(faint)] == [0.1, 0.071]  # 2 and sqrt(2) times; no less
    assert reweighted(single(0, 3)) == []


def test_proposals_differ_from_what_they_start_from_in_one_setting():
    assert len(methods(TWO)) == len(STARTS) - 1
    assert [entry.iou_thr for entry in iou_thrs(TWO)] == [0.5, 0.6]
    assert sigmas(TWO) == []
    assert [entry.sigma for entry in sigmas(replace(TWO, method="soft-nms"))] == [0.3, 0.7]


def test_what_is_left_without_a_member():
    three = replace(TWO, weights=(1.0, 0.5, 0.25))
    assert without(three, 0) == [replace(TWO, weights=(0.0, 1.0, 0.5))]
    assert without(TWO, 0) == [single(1, 3), replace(TWO, weights=(0.0, 1.0, 0.0))]
