"""A different training pipeline for the last epochs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmdet.engine.hooks import PipelineSwitchHook
from mmengine.registry import HOOKS


@HOOKS.register_module()
class LastEpochsPipelineHook(PipelineSwitchHook):
    """Switches to a pipeline with weaker augmentation for the last epochs of a run of any length.

    A run of at most this many epochs keeps its pipeline; otherwise it would never use it.

    Args:
        last_epochs: Number of epochs with the second pipeline.
        switch_pipeline: Transforms of these epochs; by default ``train_pipeline_stage2`` of the config.
    """

    def __init__(self, last_epochs: int, switch_pipeline: Sequence[Any]) -> None:
        super().__init__(switch_epoch=0, switch_pipeline=list(switch_pipeline))
        self.last_epochs = last_epochs

    def before_train(self, runner: Any) -> None:
        """Compute the epoch to switch at."""
        before = runner.max_epochs - self.last_epochs
        self.switch_epoch = before if before > 0 else runner.max_epochs
