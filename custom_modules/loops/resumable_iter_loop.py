"""Training by iterations that can be resumed without loading what was trained on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmengine.registry import LOOPS
from mmengine.runner import IterBasedTrainLoop

from custom_modules.loops.resumable_steps import ResumableSteps
from custom_modules.loops.seeded_loader import SeededBatchSampler, seeded_loader

#: In the message hub, and so in checkpoints: the current pass over the data and the iteration that it began at.
PASS = "data_pass"


@LOOPS.register_module()
class ResumableIterLoop(ResumableSteps, IterBasedTrainLoop):
    """mmengine's IterBasedTrainLoop, in which a resumed run computes what the whole run would have computed.

    What :class:`custom_modules.loops.ResumableEpochLoop` says of epochs holds here for iterations.

    Args:
        runner: The runner.
        dataloader: The train loader or its config.
        **kwargs: As for mmengine's loop: ``max_iters``, ``val_begin``, ``val_interval``, ``dynamic_intervals``.
            ``fast_forward_on_resume`` has no use here.
    """

    dataloader: Any

    def __init__(self, runner: Any, dataloader: Any, **kwargs: Any) -> None:
        super().__init__(runner, dataloader, **kwargs)
        self.dataloader = seeded_loader(self.dataloader, runner.seed)

    def train(self) -> Any:
        """Train iteration by iteration."""
        self.runner.call_hook("before_train")
        self.runner.call_hook("before_train_epoch")
        self.validate_if_due(self._iter, self._max_iters)
        batches = self._endless()
        while self._iter < self._max_iters and not self.stop_training:
            self.runner.model.train()
            self.run_iter(next(batches))
            self.validate_if_due(self._iter, self._max_iters)
        self.runner.call_hook("after_train_epoch")
        self.runner.call_hook("after_train")
        return self.runner.model

    def _endless(self) -> Iterator[Any]:
        """Load batches without end, from where a resumed checkpoint stands in the data."""
        batch_sampler: SeededBatchSampler = self.dataloader.batch_sampler
        number, began = self.runner.message_hub.runtime_info.get(PASS, (0, 0))
        while True:
            self.runner.message_hub.update_info(PASS, [number, began])
            if hasattr(batch_sampler.sampler, "set_epoch"):
                batch_sampler.sampler.set_epoch(number)
            batch_sampler.start_at(number, self._iter - began)
            self._batches = iter(self.dataloader)
            yield from self._batches
            number, began = number + 1, self._iter
