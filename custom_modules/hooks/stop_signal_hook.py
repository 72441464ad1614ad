"""Saving everything when the system asks a training to stop."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

import torch
from mmengine.dist import all_reduce, is_distributed
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper
from mmengine.registry import HOOKS

from custom_modules.hooks.atomic_checkpoint_hook import AtomicCheckpointHook
from sortline.errors import RunStopped

SIGNALS = (signal.SIGTERM, signal.SIGUSR1)


@HOOKS.register_module()
class StopSignalHook(Hook):
    """On SIGTERM or SIGUSR1, ends the iteration, saves a checkpoint and stops the run.

    Machines that can be taken away and schedulers such as Slurm send these signals some time before they end a job.
    In the midst of a validation the run stops at once if the checkpoint before it is on the disk, which validates
    again when it is resumed; else it saves when the validation is over.

    Raises:
        RunStopped: From the training, once all is saved.
    """

    # After the hook that saves checkpoints, which comes last of all others.
    priority = "LOWEST"

    #: There as soon as it listens.
    _checkpoints: AtomicCheckpointHook

    def __init__(self) -> None:
        self._received = 0
        self._before: dict[int, Any] = {}

    def before_train(self, runner: Any) -> None:
        """Listen, if there is a hook that can save."""
        found = next((hook for hook in runner.hooks if isinstance(hook, AtomicCheckpointHook)), None)
        if found is None or threading.current_thread() is not threading.main_thread():
            return
        self._checkpoints = found
        for number in SIGNALS:
            self._before[number] = signal.signal(number, self._receive)

    def after_train(self, runner: Any) -> None:
        """Stop listening."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self._received = number

    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Stop after an iteration."""
        if self._may_stop(runner):
            # The runner has not yet counted the iteration.
            self._save_and_stop(runner, runner.iter + 1)

    def after_val_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Stop in a validation, if the checkpoint that it belongs to is on the disk."""
        if self._may_stop(runner) and self._checkpoints.saved_iter == runner.iter:
            self._stop(runner, runner.iter)

    def after_val_epoch(self, runner: Any, metrics: Any = None) -> None:
        """Stop after a validation."""
        if self._may_stop(runner):
            self._save_and_stop(runner, runner.iter)

    def _may_stop(self, runner: Any) -> bool:
        """Tell whether to stop now: with several processes not while each accumulates gradients of its own."""
        wrapper = runner.optim_wrapper
        return self._is_asked() and not (
            is_distributed() and isinstance(wrapper, OptimWrapper) and not wrapper.should_update()
        )

    def _is_asked(self) -> bool:
        """Tell whether any process got a signal in this training: all have to stop after the same iteration."""
        if not self._before:
            return False
        if is_distributed():
            received = torch.tensor(self._received)
            all_reduce(received, "max")
            self._received = int(received)
        return bool(self._received)

    def _save_and_stop(self, runner: Any, iterations: int) -> None:
        self._checkpoints.save_stopped(runner, iterations)
        self._stop(runner, iterations)

    def _stop(self, runner: Any, iterations: int) -> None:
        self.after_train(runner)
        name = signal.Signals(self._received).name
        raise RunStopped(f"{name} after {iterations} of {runner.max_iters} iterations: all is saved")
