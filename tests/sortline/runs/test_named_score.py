"""What a run is decided by, as its settings say."""

import doctest

import pytest

from sortline.runs import named_score
from sortline.runs.named_score import deciding_name, rule_of


def test_examples_hold():
    assert doctest.testmod(named_score).failed == 0


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"deciding_score": "coco/bbox_mAP"}, "coco/bbox_mAP"),
        ({"default_hooks": {"checkpoint": {"save_best": "contest/mAP50"}}}, "contest/mAP50"),
        ({"deciding_score": "a", "default_hooks": {"checkpoint": {"save_best": ["b", "a"]}}}, "b"),
        ({"deciding_score": "a", "default_hooks": {"checkpoint": {"save_best": None}, "timer": None}}, "a"),
        ({"default_hooks": {"checkpoint": {"save_best": "auto"}}}, ""),
        ({"default_hooks": {"checkpoint": None}}, ""),
        ({"default_hooks": []}, ""),
        ({}, ""),
    ],
)
def test_settings_of_any_version_say_which_score_decides(settings, name):
    assert deciding_name(settings) == name


def test_losses_fall():
    assert [rule_of(name) for name in ("loss_cls", "coco/bbox_mAP", "contest/AP50_Glass")] == [
        "less",
        "greater",
        "greater",
    ]
