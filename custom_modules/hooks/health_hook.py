"""Warns when a training waits for its data or when its memory keeps growing."""

from __future__ import annotations

import logging
import multiprocessing
import os
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from sortline.runs.health import free_memory, memory_trend, process_memory, starvation


@HOOKS.register_module()
class HealthHook(Hook):
    """Logs the share of time spent waiting for data, and the memory of the training's processes.

    Each warning is given once: when the model waits for the data, and when memory grows so steadily that it will be
    used up before the end of the run.

    Args:
        interval: Iterations between two checks; the first interval, in which the processes start, is not checked.
    """

    # After IterTimerHook has measured the iteration, before LoggerHook logs it.
    priority = "ABOVE_NORMAL"

    def __init__(self, interval: int = 50) -> None:
        self.interval = interval
        self._started = 0
        self._memory: list[tuple[int, float]] = []
        self._warned: set[str] = set()

    def before_train(self, runner: Any) -> None:
        """Start counting, also in a resumed run."""
        self._started = runner.iter

    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Check at the interval."""
        done = runner.iter + 1 - self._started
        if not is_main_process() or done % self.interval or done < 2 * self.interval:
            return
        self._look_at_data(runner)
        self._look_at_memory(runner)

    def _look_at_data(self, runner: Any) -> None:
        hub = runner.message_hub
        data, whole = (hub.get_scalar(f"train/{name}").mean(self.interval) for name in ("data_time", "time"))
        share = float(data / whole) if whole else 0.0
        hub.update_scalar("train/data_share", share)
        cores = len(os.sched_getaffinity(0))
        self._warn(runner, "data", starvation(share, runner.train_dataloader.num_workers, cores))

    def _look_at_memory(self, runner: Any) -> None:
        children = [child.pid for child in multiprocessing.active_children() if child.pid]
        used, free = process_memory([os.getpid(), *children]), free_memory()
        if used is None or free is None:
            return
        runner.message_hub.update_scalar("train/host_memory", used)
        self._memory.append((runner.iter + 1, used))
        iterations, megabytes = zip(*self._memory, strict=True)
        trend = memory_trend(iterations, megabytes, free)
        if trend and runner.iter + trend.left < runner.max_iters:
            text = (
                f"memory grows by {trend.megabytes:,.0f} MB in 1,000 iterations and will be used up in about "
                f"{trend.left:,} of the {runner.max_iters - runner.iter - 1:,} iterations left"
            )
            self._warn(runner, "memory", text)

    def _warn(self, runner: Any, about: str, text: str | None) -> None:
        if text and about not in self._warned:
            self._warned.add(about)
            runner.logger.log(logging.WARNING, text)
