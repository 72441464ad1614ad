"""The gradient's norm in the log, also without gradient clipping."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.hooks import Hook, LoggerHook
from mmengine.optim import OptimWrapper
from mmengine.registry import HOOKS
from torch.nn.utils import get_total_norm

KEY = "train/grad_norm"


@HOOKS.register_module()
class GradientNormHook(Hook):
    """Measures the L2 norm of all gradients in the iterations that are logged, as ``grad_norm``.

    With clipping mmengine measures it in every step, and this hook does nothing. Other iterations cost nothing. The
    gradients are those that the optimiser gets: unscaled, accumulated, averaged over processes. Trainings with several
    optimisers are not measured.
    """

    # After RuntimeInfoHook has started the iteration.
    priority = "HIGH"

    def __init__(self) -> None:
        self._interval = 0
        self._is_due = False
        self._hub: Any = None

    def before_train(self, runner: Any) -> None:
        """Register a function that the optimiser calls before each step."""
        wrapper = runner.optim_wrapper
        loggers = [hook for hook in runner.hooks if isinstance(hook, LoggerHook)]
        if not isinstance(wrapper, OptimWrapper) or wrapper.clip_grad_kwargs or not loggers:
            return
        self._interval = min(loggers[0].interval, len(runner.train_dataloader))
        self._hub = runner.message_hub
        wrapper.optimizer.register_step_pre_hook(self._measure)

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Decide whether this iteration's step may be the last one before a log."""
        if self._interval:
            steps = runner.optim_wrapper._accumulative_counts
            self._is_due = is_due(batch_idx, self._interval, steps)

    def _measure(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        if not self._is_due:
            return
        parameters = (parameter for group in optimizer.param_groups for parameter in group["params"])
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        if gradients:
            # mmengine logs the mean of the values since the last log; of a single value this is the value itself.
            self._hub.log_scalars.pop(KEY, None)
            self._hub.update_scalar(KEY, float(get_total_norm(gradients)))


def is_due(batch_idx: int, interval: int, accumulation: int) -> bool:
    """Return whether this iteration's step may be the last one before a log.

    Args:
        batch_idx: Index of the iteration in its epoch.
        interval: Iterations from one log to the next.
        accumulation: Iterations that share a step of the optimiser.
    """
    left = -(batch_idx + 1) % interval
    return left < accumulation
