"""Another train pipeline for the last epochs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmdet.engine.hooks import PipelineSwitchHook
from mmengine.registry import HOOKS


@HOOKS.register_module()
class LastEpochsPipelineHook(PipelineSwitchHook):
    """Switches to a pipeline of milder augmentation for the last epochs, however long the run is.

    A run of no more than these epochs keeps its pipeline throughout: it would otherwise never see the other one.

    Args:
        last_epochs: How many.
        switch_pipeline: Transforms of these epochs; ``train_pipeline_stage2`` of the config unless written.
    """

    def __init__(self, last_epochs: int, switch_pipeline: Sequence[Any]) -> None:
        super().__init__(switch_epoch=0, switch_pipeline=list(switch_pipeline))
        self.last_epochs = last_epochs

    def before_train(self, runner: Any) -> None:
        """Find the epoch to switch at."""
        before = runner.max_epochs - self.last_epochs
        self.switch_epoch = before if before > 0 else runner.max_epochs
