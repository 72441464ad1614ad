"""Averages the weights over the last part of a run."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import EMAHook
from mmengine.registry import HOOKS

from sortline.pipeline.check.training import refuse_arguments


@HOOKS.register_module()
class TailAverageHook(EMAHook):
    """Validates, tests and saves the mean of the weights over the last part of a run.

    Stochastic weight averaging (https://arxiv.org/abs/1803.05407) as in mmengine's EMAHook, but starting after a share
    of the run instead of at an epoch, so that it fits runs of any length. The running statistics of batch normalisation
    are averaged too, instead of being recomputed in an additional pass over the data as in the paper.

    Args:
        begin: Share of the iterations before the average starts, from 0 to below 1.
        interval: Number of iterations between two updates of the average.

    Raises:
        InputError: A value is out of range.
    """

    # Before the checkpoint hook; just before NORMAL, as the EMA hooks of mmdet's configs.
    priority = 49

    def __init__(self, begin: float = 0.75, interval: int = 1) -> None:
        refuse_arguments("TailAverageHook", begin=begin, interval=interval)
        super().__init__("StochasticWeightAverage", interval=interval, update_buffers=True)
        self.begin = begin

    def before_run(self, runner: Any) -> None:
        """Compute the first iteration of the average and copy the model."""
        self.begin_iter = first_iteration(self.begin, runner.max_iters)
        super().before_run(runner)


def first_iteration(begin: float, iterations: int) -> int:
    """Return the iteration, counted from 1, whose weights are the first in the average.

    >>> first_iteration(0.75, 5500), first_iteration(0.0, 10)
    (4126, 1)
    """
    return int(begin * iterations) + 1
