"""State of a training that mmengine does not store in checkpoints."""

from __future__ import annotations

from typing import Any

from mmdet.models.data_preprocessors import BatchSyncRandomResize
from mmengine.dist import is_distributed
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper
from mmengine.registry import HOOKS

from custom_modules.hooks.plain_model import plain_model

NAME = "training_state"


@HOOKS.register_module()
class TrainingStateHook(Hook):
    """Stores state in checkpoints that mmengine omits, so that a resumed run equals the uninterrupted one.

    - Accumulated gradients at the time the checkpoint is saved. With several processes, each of which has its own, they
      are lost, as in mmengine.
    - The size that mmdet's ``BatchSyncRandomResize`` has drawn for the next iterations.
    """

    def __init__(self) -> None:
        self._kept: dict[str, Any] = {}

    def before_save_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Add the state."""
        model = plain_model(runner)
        state: dict[str, Any] = {"input_sizes": {name: part._input_size for name, part in _resizers(model).items()}}
        wrapper = runner.optim_wrapper
        # Its counter tells whether the last iteration ended with a step of the optimiser.
        if isinstance(wrapper, OptimWrapper) and not wrapper.should_update() and not is_distributed():
            parameters = model.named_parameters()
            state["gradients"] = {name: item.grad.cpu() for name, item in parameters if item.grad is not None}
        checkpoint[NAME] = state

    def after_load_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Keep the state of a resumed run until the model is ready for it."""
        self._kept = checkpoint.get(NAME, {}) if runner._resume else {}

    def before_train(self, runner: Any) -> None:
        """Restore the state."""
        model = plain_model(runner)
        for name, part in _resizers(model).items():
            size = self._kept.get("input_sizes", {}).get(name)
            part._input_size = tuple(size) if size else None
        gradients = self._kept.get("gradients", {})
        for name, parameter in model.named_parameters():
            if name in gradients:
                parameter.grad = gradients[name].to(parameter.device)
        self._kept = {}


def _resizers(model: Any) -> dict[str, Any]:
    return {name: part for name, part in model.named_modules() if isinstance(part, BatchSyncRandomResize)}
