"""A progress bar on a terminal, occasional lines elsewhere."""

from __future__ import annotations

import atexit
import logging
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import IterBasedTrainLoop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from sortline.progress import SparseLines

SMOOTHING = 20  # iterations over which the loss shown is averaged


@dataclass(frozen=True)
class Status:
    """The progress of a loop.

    Attributes:
        phase: ``"train"``, ``"val"`` or ``"test"``.
        done: Completed iterations of the whole training or of this pass.
        total: All iterations.
        details: Loss, learning rate and others, as text.
    """

    phase: str
    done: int
    total: int
    details: str = ""

    def __str__(self) -> str:
        """Describe the status in one line.

        >>> str(Status("val", 30, 120, "eta 0:01:10"))
        'val 30/120 (25%)  eta 0:01:10'
        """
        share = self.done / self.total if self.total else 1
        return f"{self.phase} {self.done:,}/{self.total:,} ({share:.0%})  {self.details}".rstrip()


@HOOKS.register_module()
class RichProgressHook(Hook):
    """Shows the progress of training, validation and test, in the main process.

    On a terminal a bar stays on the last line and log lines scroll above it. Elsewhere (a file, a pipe) a line is
    written to stderr from time to time.

    Args:
        min_seconds: Minimum time between two lines without a terminal, in seconds.
        min_share: Minimum share of the work between two such lines, from 0 to 1.
    """

    # After IterTimerHook and RuntimeInfoHook have counted the iteration.
    priority = "LOW"

    def __init__(self, min_seconds: float = 30, min_share: float = 0.1) -> None:
        self._lines = {phase: SparseLines(min_seconds, min_share) for phase in ("train", "val", "test")}
        self._bar: ProgressBar | None = None

    def before_train(self, runner: Any) -> None:
        """Start, in a resumed run with the iterations already done."""
        self._start(runner, Status("train", runner.iter, runner.max_iters))

    def before_val_epoch(self, runner: Any) -> None:
        """Start."""
        self._start(runner, Status("val", 0, len(runner.val_dataloader)))

    def before_test_epoch(self, runner: Any) -> None:
        """Start."""
        self._start(runner, Status("test", 0, len(runner.test_dataloader)))

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Advance."""
        if is_main_process():
            self._show(train_status(runner))

    def after_val_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Sequence[Any] | None = None
    ) -> None:
        """Advance."""
        if is_main_process():
            self._show(pass_status(runner, "val", batch_idx))

    def after_test_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Sequence[Any] | None = None
    ) -> None:
        """Advance."""
        if is_main_process():
            self._show(pass_status(runner, "test", batch_idx))

    def after_train(self, runner: Any) -> None:
        """Stop, and leave the bar on the terminal."""
        self._finish("train")

    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Take the bar away."""
        self._finish("val")

    def after_test_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Take the bar away."""
        self._finish("test")

    def _start(self, runner: Any, status: Status) -> None:
        if not is_main_process():
            return
        self._lines[status.phase].start(time.monotonic(), status.done)
        if sys.stderr.isatty():
            self._bar = self._bar or ProgressBar(runner.logger.handlers)
            self._bar.show(status)

    def _show(self, status: Status) -> None:
        if self._bar is not None:
            self._bar.show(status)
        elif self._lines[status.phase].due(time.monotonic(), status.done, status.total):
            print(status, file=sys.stderr, flush=True)

    def _finish(self, phase: str) -> None:
        if self._bar is not None and self._bar.finish(phase):
            self._bar = None


class ProgressBar:
    """Bars at the bottom of the terminal, one for each running phase.

    rich would refresh them in a separate thread; a worker process forked while that thread holds its lock would hang at
    its first print. So they are drawn by the main thread, a few times a second.

    Args:
        handlers: Log handlers; those that print to the terminal are redirected above the bars.
        refresh_seconds: Minimum time between two refreshes.
    """

    def __init__(self, handlers: Sequence[logging.Handler], refresh_seconds: float = 0.1) -> None:
        self._refresh_seconds = refresh_seconds
        self._drawn = 0.0
        self._tasks: dict[str, TaskID] = {}
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[details]}"),
            console=Console(stderr=True),
            auto_refresh=False,
            # If stdout is a file, printed text belongs there and not above the bar.
            redirect_stdout=sys.stdout.isatty(),
        )
        terminal = (sys.stdout, sys.stderr)
        self._progress.start()
        self._moved = [
            (handler, handler.stream)
            for handler in handlers
            if isinstance(handler, logging.StreamHandler) and handler.stream in terminal
        ]
        for handler, stream in self._moved:
            handler.setStream(sys.stdout if stream is terminal[0] else sys.stderr)
        # An error ends a loop without calling any hook: the terminal is restored at exit at the latest.
        atexit.register(self.stop)

    def show(self, status: Status) -> None:
        """Update the bar of a phase."""
        task = self._tasks.get(status.phase)
        if task is None:
            task = self._progress.add_task(status.phase, total=status.total, details="")
            self._tasks[status.phase] = task
        self._progress.update(task, completed=status.done, total=status.total, details=status.details)
        now = time.monotonic()
        if now - self._drawn >= self._refresh_seconds or status.done == status.total:
            self._progress.refresh()
            self._drawn = now

    def finish(self, phase: str) -> bool:
        """End a phase. The bar of the last one stays on the terminal, others are removed.

        Returns:
            Whether it was the last one.
        """
        task = self._tasks.pop(phase, None)
        if self._tasks:
            if task is not None:
                self._progress.remove_task(task)
            return False
        self.stop()
        return True

    def stop(self) -> None:
        """Restore terminal and log handlers."""
        self._progress.stop()
        for handler, stream in self._moved:
            handler.setStream(stream)
        self._moved = []
        atexit.unregister(self.stop)


def train_status(runner: Any) -> Status:
    """Return the progress of a training after an iteration, before the runner has counted it."""
    details = []
    if not isinstance(runner.train_loop, IterBasedTrainLoop):
        details.append(f"epoch {runner.epoch + 1}/{runner.max_epochs}")
    scalars = runner.message_hub.log_scalars
    if "train/loss" in scalars:
        details.append(f"loss {scalars['train/loss'].mean(SMOOTHING):.4g}")
    rates = [key for key in scalars if key.startswith("train/") and key.endswith("lr")]
    # With several optimisers each has a rate, such as train/generator.lr; one is enough to follow the schedule.
    if rates:
        details.append(f"lr {scalars[min(rates, key=len)].current():.3g}")
    return Status("train", runner.iter + 1, runner.max_iters, "  ".join(details + _eta_and_memory(runner)))


def pass_status(runner: Any, phase: str, batch_idx: int) -> Status:
    """Return the progress of a pass over the validation or test data after a batch."""
    loader = runner.val_dataloader if phase == "val" else runner.test_dataloader
    return Status(phase, batch_idx + 1, len(loader), "  ".join(_eta_and_memory(runner)))


def _eta_and_memory(runner: Any) -> list[str]:
    """Return the remaining time, as estimated by mmengine's IterTimerHook, and the maximum GPU memory used."""
    details = []
    if "eta" in runner.message_hub.runtime_info:
        details.append(f"eta {timedelta(seconds=int(runner.message_hub.get_info('eta')))}")
    if torch.cuda.is_available():
        details.append(f"memory {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB")
    return details
