"""Averaging the weights of the last part of a run."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import EMAHook
from mmengine.registry import HOOKS

from sortline.errors import InputError, Problem


@HOOKS.register_module()
class TailAverageHook(EMAHook):
    """Validates, tests and saves the plain average of the weights since a share of the run.

    Stochastic weight averaging (https://arxiv.org/abs/1803.05407) as mmengine's EMAHook does it, but begun after a
    share of the run in place of an epoch, so that it fits runs of any length. The running statistics of batch
    normalisation are averaged as well, in place of the paper's pass over the data for new ones.

    Args:
        begin: Share of the iterations before the average begins, from 0 to below 1.
        interval: Iterations between two weights that enter the average.

    Raises:
        InputError: A value is out of its range.
    """

    # Before what saves checkpoints, and like the hooks of mmdet's own configs right before NORMAL.
    priority = 49

    def __init__(self, begin: float = 0.75, interval: int = 1) -> None:
        if not 0 <= begin < 1:
            what, remedy = f"is {begin!r}", "write a share of the run from 0 to below 1"
            raise InputError(Problem("TailAverageHook.begin", what, remedy))
        if interval < 1:
            raise InputError(Problem("TailAverageHook.interval", f"is {interval!r}", "write 1 or more iterations"))
        super().__init__("StochasticWeightAverage", interval=interval, update_buffers=True)
        self.begin = begin

    def before_run(self, runner: Any) -> None:
        """Work out the first iteration of the average and copy the model."""
        self.begin_iter = first_iteration(self.begin, runner.max_iters)
        super().before_run(runner)


def first_iteration(begin: float, iterations: int) -> int:
    """Return the iteration, counted from 1, whose weights are the first in the average.

    >>> first_iteration(0.75, 5500), first_iteration(0.0, 10)
    (4126, 1)
    """
    return int(begin * iterations) + 1
