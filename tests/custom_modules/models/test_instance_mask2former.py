"""Mask2Former for instances: one number of classes for all of its parts."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from small_detectors import CLASSES, build, predictions, train_step  # noqa: E402

pytestmark = pytest.mark.mm


@pytest.fixture
def model():
    return build("mask2former_r50")


def test_the_number_of_classes_reaches_every_part(model):
    classes = model.panoptic_head.num_things_classes
    assert model.num_classes == classes
    assert model.num_stuff_classes == model.panoptic_fusion_head.num_stuff_classes == 0
    assert model.panoptic_fusion_head.num_things_classes == classes
    assert model.panoptic_head.cls_embed.out_features == classes + 1  # and no object
    assert model.panoptic_head.class_weight == [1.0] * classes + [0.1]


def test_it_trains_and_predicts_boxes_and_masks(model):
    losses = train_step(model, masks=True)
    assert {"loss_cls", "loss_mask", "loss_dice"} <= set(losses)
    for found in predictions(model):
        assert found.bboxes.shape == (len(found), 4)
        assert found.masks.shape[0] == len(found)
        assert found.labels.max() < model.num_classes >= CLASSES
