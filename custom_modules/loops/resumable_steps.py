"""What training by epochs and by iterations have in common when they can be resumed anywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from custom_modules.loops.out_of_memory import out_of_memory
from custom_modules.loops.seeds import ITERATION, VALIDATION, derived_seed, seed_everything
from custom_modules.loops.workers import end_workers

#: In the message hub, and so in checkpoints: the iteration after which the last validation began.
VALIDATED = "validated_iter"


class ResumableSteps:
    """Iterations and validations of a training loop, each with random numbers of its own."""

    runner: Any
    val_begin: int
    val_interval: int
    _iter: int
    _decide_current_val_interval: Callable[[], None]
    #: What gives the batches of the current pass over the data.
    _batches: Any = None

    def run(self) -> Any:
        """Train, and validate where it is due."""
        try:
            return self.train()
        finally:
            end_workers(self._batches)

    def train(self) -> Any:
        """Do the work of :meth:`run`."""
        raise NotImplementedError

    def run_iter(self, *args: Any) -> None:
        """Train one iteration, as mmengine's loop does.

        Raises:
            RunFailed: The GPU has too little memory for the batch.
        """
        seed_everything(derived_seed(self.runner.seed, ITERATION, self._iter))
        try:
            super().run_iter(*args)  # type: ignore[misc]
        except torch.OutOfMemoryError as error:
            raise out_of_memory(self.runner.cfg, args[-1], self._iter, error) from error

    def validate_if_due(self, done: int, planned: int) -> None:
        """Validate after every so many epochs or iterations, and after the last one.

        Args:
            done: Epochs or iterations behind the run.
            planned: All of them.
        """
        self._decide_current_val_interval()
        is_due = done % self.val_interval == 0 or done == planned
        if is_due and done >= max(self.val_begin, 1):
            self.validate_once()

    def validate_once(self) -> None:
        """Validate, unless a checkpoint was saved after the validation of this very iteration.

        A checkpoint that is saved while the validation ends knows that it needs no other: its state is that after
        all hooks have seen the scores.
        """
        hub = self.runner.message_hub
        if self.runner.val_loop is None or hub.runtime_info.get(VALIDATED) == self._iter:
            return
        hub.update_info(VALIDATED, self._iter)
        # The index of the last iteration, by which its row is placed: a run that was just resumed has the next one.
        hub.update_info("iter", self._iter - 1)
        seed_everything(derived_seed(self.runner.seed, VALIDATION, self._iter))
        self.runner.val_loop.run()
