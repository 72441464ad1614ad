"""Which ops are noted while something runs."""

from __future__ import annotations

import pytest

import custom_modules  # noqa: F401  (before mmcv: it serves the extension that mmcv asks for)

pytestmark = pytest.mark.mm


@pytest.mark.parametrize(
    ("function", "op"),
    [
        ("nms", "nms"),
        ("roi_align_forward", "roi_align"),
        ("deform_conv_backward_parameters", "deform_conv"),
        ("sync_bn_forward_mean", "sync_bn"),
        ("masked_im2col_forward", "masked_conv"),
    ],
)
def test_both_halves_of_an_op_have_one_name(function: str, op: str):
    from families.ops_used import op_name

    assert op_name(function) == op


def test_calls_are_noted_only_inside():
    import torch
    from mmcv.ops import nms

    from families.ops_used import ops_used

    boxes_xyxy, scores = torch.tensor([[0.0, 0.0, 4.0, 4.0]]), torch.ones(1)
    with ops_used() as used:
        assert used.called == set()
        nms(boxes_xyxy, scores, 0.5)
    assert used.called == {"nms"}
    used.called.clear()
    nms(boxes_xyxy, scores, 0.5)
    assert used.called == set()


@pytest.mark.parametrize(("target", "noted"), [([1], {"sigmoid_focal_loss"}), ([[0.0, 1.0]], set())])
def test_a_focal_loss_on_labels_is_an_op_on_a_gpu(target: list, noted: set[str]):
    import torch
    from mmdet.models.losses import FocalLoss

    from families.ops_used import ops_used

    with ops_used() as used:
        FocalLoss()(torch.zeros(1, 2), torch.tensor(target))
    assert used.called == set()
    assert used.on_gpu == noted
