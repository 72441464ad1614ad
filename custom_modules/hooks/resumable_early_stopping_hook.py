"""Early stopping that continues correctly in a resumed run."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import EarlyStoppingHook
from mmengine.registry import HOOKS
from mmengine.runner import BaseLoop

#: In the message hub, and so in checkpoints: the scores so far, and the metric that they are of.
SCORES, MONITOR = "early_stopping_scores", "early_stopping_monitor"


@HOOKS.register_module()
class ResumableEarlyStoppingHook(EarlyStoppingHook):
    """mmengine's EarlyStoppingHook that also works in resumed runs and does not affect tests.

    mmengine's hook loses its scores when a run is resumed, so that its patience starts again, and makes a test build
    the training loop with all its data
    (https://github.com/open-mmlab/mmengine/blob/main/mmengine/hooks/early_stopping_hook.py). Here the scores go into
    the checkpoints.

    Args:
        **kwargs: As for mmengine's hook: ``monitor``, ``rule``, ``patience``, ``min_delta``.
    """

    # Before checkpoints are saved.
    priority = "VERY_LOW"

    def before_run(self, runner: Any) -> None:
        """Do nothing: mmengine's method reads the training loop, which would be built even in a test."""

    def before_train(self, runner: Any) -> None:
        """Go through the scores of the run that is resumed; stop at once where they say so.

        Scores of another metric count no more.
        """
        hub = runner.message_hub
        if hub.runtime_info.get(MONITOR, self.monitor) != self.monitor:
            hub.update_info(SCORES, [])
        hub.update_info(MONITOR, self.monitor)
        for score in hub.runtime_info.get(SCORES, ()):
            stop, reason = self._check_stop_condition(score)
            if stop:
                runner.train_loop.stop_training = True
                runner.logger.info(reason)

    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Decide whether to stop, in a training only, and store the score."""
        if not isinstance(runner._train_loop, BaseLoop):
            return
        super().after_val_epoch(runner, metrics)
        if self.monitor in (metrics or {}):
            hub = runner.message_hub
            hub.update_info(SCORES, [*hub.runtime_info.get(SCORES, ()), float((metrics or {})[self.monitor])])
