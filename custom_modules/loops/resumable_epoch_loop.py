"""Training by epochs that can be resumed in the midst of one."""

from __future__ import annotations

from typing import Any

from mmengine.registry import LOOPS
from mmengine.runner import EpochBasedTrainLoop

from custom_modules.loops.resumable_steps import ResumableSteps
from custom_modules.loops.seeded_loader import seeded_loader


@LOOPS.register_module()
class ResumableEpochLoop(ResumableSteps, EpochBasedTrainLoop):
    """mmengine's EpochBasedTrainLoop, in which a resumed run computes what the whole run would have computed.

    - Every photo is loaded, every iteration and every validation computed with random numbers that follow from the
      seed and the place in the run (:mod:`custom_modules.loops.seeded_loader`).
    - A checkpoint from the midst of an epoch goes on at its iteration; mmengine's loop begins the epoch again.
    - A checkpoint that was saved before its epoch's validation, as mmengine saves them, is validated first: the
      scores decide on the best checkpoint and on early stopping.

    Args:
        runner: The runner.
        dataloader: The train loader or its config.
        **kwargs: As for mmengine's loop: ``max_epochs``, ``val_begin``, ``val_interval``, ``dynamic_intervals``.
    """

    dataloader: Any

    def __init__(self, runner: Any, dataloader: Any, **kwargs: Any) -> None:
        super().__init__(runner, dataloader, **kwargs)
        self.dataloader = seeded_loader(self.dataloader, runner.seed)

    def train(self) -> Any:
        """Train epoch by epoch."""
        self.runner.call_hook("before_train")
        if self._iter == self._epoch * len(self.dataloader):
            # A resumed run may owe its last epoch's validation.
            self.validate_if_due(self._epoch, self._max_epochs)
        while self._epoch < self._max_epochs and not self.stop_training:
            self.run_epoch()
            self.validate_if_due(self._epoch, self._max_epochs)
        self.runner.call_hook("after_train")
        return self.runner.model

    def run_epoch(self) -> None:
        """Train an epoch, or what is left of it."""
        self.runner.call_hook("before_train_epoch")
        self.runner.model.train()
        first = self._first_batch()
        self.dataloader.batch_sampler.start_at(self._epoch, first)
        self._batches = iter(self.dataloader)
        for index, data_batch in enumerate(self._batches, start=first):
            self.run_iter(index, data_batch)
        self.runner.call_hook("after_train_epoch")
        self._epoch += 1

    def _first_batch(self) -> int:
        """Return how many batches of the epoch a resumed checkpoint has behind it."""
        first = self._iter - self._epoch * len(self.dataloader)
        if 0 <= first <= len(self.dataloader):
            return first
        self.runner.logger.warning(
            f"an epoch now has {len(self.dataloader)} iterations, not as many as when iteration {self._iter} was saved "
            f"in epoch {self._epoch + 1}: this epoch begins anew"
        )
        return 0
