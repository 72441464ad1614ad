"""Collaborative training: auxiliary heads learn from the encoder and leave prediction alone."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from small_detectors import build, predictions, train_step  # noqa: E402

from custom_modules.models.co_dino import split_levels  # noqa: E402

pytestmark = pytest.mark.mm

WITHOUT = dict(auxiliary_head=None, rpn_head=None, roi_head=None)
DENSE = {"dense_loss_cls", "dense_loss_bbox", "dense_loss_centerness"}
TWO_STAGE = {"rpn_loss_rpn_cls", "rpn_loss_rpn_bbox", "roi_loss_cls", "roi_loss_bbox"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [({}, DENSE | TWO_STAGE), (dict(auxiliary_head=None), TWO_STAGE), (dict(rpn_head=None), DENSE), (WITHOUT, set())],
)
def test_each_head_adds_its_losses(changes, expected):
    losses = train_step(build("co-dino_r50_4scale", **changes))
    added = {name for name in losses if name.startswith(("dense_", "rpn_", "roi_")) and "loss" in name}
    assert added == expected
    assert {"loss_cls", "loss_bbox", "loss_iou", "dn_loss_cls"} <= set(losses)


def test_auxiliary_losses_reach_the_encoder():
    model = build("co-dino_r50_4scale", auxiliary_weight=0.0)
    train_step(model)
    reference = {name: p.grad.clone() for name, p in model.encoder.named_parameters() if p.grad is not None}
    model = build("co-dino_r50_4scale", auxiliary_weight=12.0)
    train_step(model)
    changed = [name for name, p in model.encoder.named_parameters() if not torch.equal(p.grad, reference[name])]
    assert len(changed) == len(reference)


def test_predictions_are_those_of_the_detector_without_them():
    model = build("co-dino_r50_4scale")
    plain = build("co-dino_r50_4scale", **WITHOUT)
    plain.load_state_dict(model.state_dict(), strict=False)
    for ours, theirs in zip(predictions(model), predictions(plain), strict=True):
        assert len(ours) > 0
        for key in ("bboxes", "scores", "labels"):
            torch.testing.assert_close(ours[key], theirs[key], rtol=0, atol=0)


def test_levels_are_split_as_they_were_joined():
    maps = [torch.rand(2, 8, *shape) for shape in ((6, 4), (3, 2), (2, 1))]
    memory = torch.cat([feature.flatten(2).transpose(1, 2) for feature in maps], dim=1)
    for ours, theirs in zip(split_levels(memory, [(6, 4), (3, 2), (2, 1)]), maps, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)
