"""Small detectors of configs/_base_/models, and batches for them."""

from __future__ import annotations

from typing import Any

import torch
from helpers import ROOT
from mmdet.registry import MODELS
from mmdet.testing import demo_mm_inputs
from mmengine.config import Config
from mmengine.logging import MMLogger
from shrink import shrink_model

import custom_modules.register_all  # noqa: F401
from sortline.quiet import only_errors

CLASSES = 3


def build(name: str, **changes: Any) -> Any:
    """Build a shrunken detector of a model config; ``changes`` replace its settings."""
    cfg = Config.fromfile(ROOT / "configs/_base_/models" / f"{name}.py")
    shrink_model(cfg)
    cfg.model.update(changes)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    with only_errors(MMLogger.get_current_instance()):  # a line for every parameter otherwise
        model.init_weights()  # some parameters are whatever memory held, NaN included, until then
    return model


def batch(model: Any, training: bool = True, masks: bool = False) -> dict[str, Any]:
    """Make two photos of noise with boxes, ready for the detector."""
    made = demo_mm_inputs(2, [[3, 96, 96], [3, 64, 96]], num_items=[2, 1], num_classes=CLASSES, with_mask=masks)
    return model.data_preprocessor(made, training)


def train_step(model: Any, masks: bool = False) -> dict[str, torch.Tensor]:
    """Run one training step and return the losses by name; every gradient has to be finite."""
    model.train()
    data = batch(model, masks=masks)
    total, losses = model.parse_losses(model.loss(data["inputs"], data["data_samples"]))
    total.backward()
    gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    assert gradients
    assert all(gradient.isfinite().all() for gradient in gradients)
    return losses


def predictions(model: Any) -> list[Any]:
    """Predict the photos of :func:`batch`."""
    model.eval()
    data = batch(model, training=False)
    with torch.no_grad():
        return [sample.pred_instances for sample in model.predict(data["inputs"], data["data_samples"])]
