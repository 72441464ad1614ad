"""Every architecture family of mmdet, made tiny: it builds, trains a step with finite gradients and predicts."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.mm

# Of different build: one stage, two stages with masks, cascade, a transformer, deformable convolution.
QUICK = (
    ("dcnv2", "faster-rcnn_r50-mdconv-c3-c5_fpn_1x_coco"),
    ("deformable_detr", "deformable-detr_r50_16xb2-50e_coco"),
    ("htc", "htc_r50_fpn_1x_coco"),
    ("rtmdet", "rtmdet-ins_tiny_8xb32-300e_coco"),
)


def test_every_family_is_tried_or_left_out_for_a_reason():
    from families.table import FAMILIES, OUT_OF_SCOPE, shipped_families

    assert sorted([*FAMILIES, *OUT_OF_SCOPE]) == shipped_families()
    assert all(FAMILIES.values())
    assert all(OUT_OF_SCOPE.values())


@pytest.mark.parametrize(("family", "config"), QUICK, ids=[config for _, config in QUICK])
def test_a_quick_one_works(family: str, config: str):
    from families.trial import train_and_predict

    train_and_predict(family, config)


@pytest.mark.slow
def test_all_work():
    from families.trial import try_families

    problems = {f"{trial['family']}/{trial['config']}": trial["problem"] for trial in try_families()}
    assert {config: problem for config, problem in problems.items() if problem} == {}
