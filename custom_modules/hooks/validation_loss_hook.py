"""The loss on the validation images, in addition to the metrics."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from mmdet.structures.bbox import get_box_tensor
from mmengine.dist import all_gather_object
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import BaseLoop
from mmengine.structures import InstanceData
from torch import nn

from custom_modules.hooks.plain_model import plain_model
from custom_modules.hooks.submission_hook import leaf_dataset

#: Layers that behave differently in training mode; for the validation loss they stay in evaluation mode.
AS_IN_USE = (nn.modules.batchnorm._BatchNorm, nn.modules.dropout._DropoutNd)


@HOOKS.register_module()
class ValidationLossHook(Hook):
    """Computes the training loss on the validation images and reports it as ``val/loss`` with its parts.

    A validation loss that rises while the training loss falls shows overfitting earlier than the score. Each batch
    passes the model a second time, with normalisation and dropout in evaluation mode; the model's buffers are not
    changed. If the loss of a detector can't be computed this way, a warning says so and no loss is reported.
    """

    # Before RuntimeInfoHook reads the metrics, and before EMAHook takes its averages back from the model.
    priority = "HIGHEST"

    def __init__(self) -> None:
        self._is_on = True
        self._sums: defaultdict[str, float] = defaultdict(float)
        self._buffers: dict[str, torch.Tensor] = {}

    def before_val_epoch(self, runner: Any) -> None:
        """Reset the sums."""
        self._sums.clear()

    def after_val_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Add the loss of a batch, except in a test."""
        if not self._is_on or not isinstance(runner._train_loop, BaseLoop):
            return
        if not self._buffers:
            # Not before the epoch, when EMAHook swaps its averages into the model, to remove them after it.
            self._buffers = {name: buffer.clone() for name, buffer in plain_model(runner).named_buffers()}
        try:
            self._add(runner, data_batch)
        except Exception as error:  # a detector may need something that only training data has
            self._is_on = False
            reason = f"{type(error).__name__}: {error}".partition("\n")[0]
            runner.logger.log(logging.WARNING, f"no validation loss for this detector and pipeline: {reason}")

    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Add the means to the metrics, and restore the model's buffers."""
        for name, buffer in plain_model(runner).named_buffers() if self._buffers else ():
            buffer.copy_(self._buffers[name])
        self._buffers = {}
        if metrics is None or not isinstance(runner._train_loop, BaseLoop):
            return
        # All processes take part, including one without images or whose loss could not be computed.
        gathered = all_gather_object((self._is_on, self._sums))
        self._is_on = all(is_on for is_on, _ in gathered)
        totals: defaultdict[str, float] = defaultdict(float)
        for _, sums in gathered:
            for name, value in sums.items():
                totals[name] += value
        images = totals.pop("images", 0)
        if self._is_on and images:
            metrics.update({name: value / images for name, value in sorted(totals.items())})

    def _add(self, runner: Any, data_batch: Mapping[str, Any]) -> None:
        model = plain_model(runner)
        steps = leaf_dataset(runner.val_dataloader.dataset, "val_dataloader").pipeline.transforms
        resizes_boxes = _resizes_boxes(steps)
        samples = [_on_input(sample, resizes_boxes) for sample in data_batch["data_samples"]]
        preprocessor = model.data_preprocessor
        with torch.no_grad(), _as_trained(model), runner.optim_wrapper.optim_context(runner.model):
            data = preprocessor({**data_batch, "data_samples": samples}, False)
            if getattr(preprocessor, "pad_mask", False):
                preprocessor.pad_gt_masks(data["data_samples"])
            _, losses = model.parse_losses(model(**data, mode="loss"))
        self._sums["images"] += len(samples)
        for name, value in losses.items():
            if "loss" in name:
                self._sums[name] += float(value) * len(samples)


@contextmanager
def _as_trained(model: nn.Module) -> Iterator[None]:
    """Set a model to training mode, in which detectors compute losses, except for normalisation and dropout."""
    model.train()
    for part in model.modules():
        if isinstance(part, AS_IN_USE) or type(part).__name__ == "DropPath":
            part.eval()
    try:
        yield
    finally:
        model.eval()


def _resizes_boxes(steps: Sequence[Any]) -> bool:
    """Return whether a pipeline resizes the boxes with the photo.

    mmdet's test pipelines load the boxes after resizing the photo, so that they stay in the file's coordinates.
    """
    kinds = [type(step).__name__ for step in steps]
    if "LoadAnnotations" not in kinds:
        raise ValueError("the pipeline has no LoadAnnotations")
    resizes = [place for place, kind in enumerate(kinds) if "Resize" in kind]
    return not resizes or kinds.index("LoadAnnotations") < resizes[0]


def _on_input(sample: Any, is_resized: bool) -> Any:
    """Return a copy of a sample with its annotations in the coordinates of the model's input."""
    copy = sample.new(metainfo=sample.metainfo)
    for name in ("gt_instances", "ignored_instances"):
        if name in sample:
            setattr(copy, name, _moved(sample.get(name), sample.metainfo, is_resized))
    return copy


def _moved(instances: Any, metainfo: Mapping[str, Any], is_resized: bool) -> Any:
    boxes = get_box_tensor(instances.bboxes)
    factor = boxes.new_tensor((1, 1) if is_resized else metainfo["scale_factor"]).repeat(2)
    moved = InstanceData(bboxes=boxes * factor, labels=instances.labels)
    if "masks" in instances:
        moved.masks = instances.masks if is_resized else instances.masks.resize(metainfo["img_shape"])
    return moved
