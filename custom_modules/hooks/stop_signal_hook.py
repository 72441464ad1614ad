"""Saves the state of a training when the system asks it to stop."""

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

    Preemptible machines and schedulers such as Slurm send these signals some time before they end a job. During a
    validation the run stops at once if the checkpoint before it was saved, and repeats the validation when it is
    resumed; otherwise it saves after the validation.

    Raises:
        RunStopped: In the training, after everything is saved.
    """

    # After the hook that saves checkpoints, which is the last of all others.
    priority = "LOWEST"

    #: Set when the hook starts to listen.
    _checkpoints: AtomicCheckpointHook

    def __init__(self) -> None:
        self._received = 0
        self._before: dict[int, Any] = {}

    def before_train(self, runner: Any) -> None:
        """Listen for signals, if there is a hook that can save."""
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
        """Stop after an iteration if a signal was received."""
        if self._may_stop(runner):
            # The runner has not counted this iteration yet.
            self._save_and_stop(runner, runner.iter + 1)

    def after_val_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Stop during a validation if its checkpoint was saved."""
        if self._may_stop(runner) and self._checkpoints.saved_iter == runner.iter:
            self._stop(runner, runner.iter)

    def after_val_epoch(self, runner: Any, metrics: Any = None) -> None:
        """Stop after a validation if a signal was received."""
        if self._may_stop(runner):
            self._save_and_stop(runner, runner.iter)

    def _may_stop(self, runner: Any) -> bool:
        """Return whether to stop now; several processes don't stop while each accumulates gradients of its own."""
        wrapper = runner.optim_wrapper
        return self._is_asked() and not (
            is_distributed() and isinstance(wrapper, OptimWrapper) and not wrapper.should_update()
        )

    def _is_asked(self) -> bool:
        """Return whether any process has received a signal: all must stop after the same iteration."""
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
        raise RunStopped(f"{name} after {iterations} of {runner.max_iters} iterations: everything is saved")
