"""What training by epochs and by iterations share so that a run can be resumed anywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from custom_modules.loops.seeded_loader import ITERATION, VALIDATION, derived_seed, seed_everything
from sortline.errors import Problem, RunFailed

#: In the message hub, and so in checkpoints: the iteration after which the last validation began.
VALIDATED = "validated_iter"


class ResumableSteps:
    """Iterations and validations of a training loop, each with random numbers of its own."""

    runner: Any
    val_begin: int
    val_interval: int
    _iter: int
    _decide_current_val_interval: Callable[[], None]
    #: The iterator over the batches of the current pass over the data.
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
        """Validate at the configured interval and after the last epoch or iteration.

        Args:
            done: Epochs or iterations done so far.
            planned: Epochs or iterations of the whole run.
        """
        self._decide_current_val_interval()
        is_due = done % self.val_interval == 0 or done == planned
        if is_due and done >= max(self.val_begin, 1):
            self.validate_once()

    def validate_once(self) -> None:
        """Validate, unless the run was resumed from a checkpoint saved after the validation of this iteration.

        Such a checkpoint is saved while the validation ends, after all hooks have seen the scores.
        """
        hub = self.runner.message_hub
        if self.runner.val_loop is None or hub.runtime_info.get(VALIDATED) == self._iter:
            return
        hub.update_info(VALIDATED, self._iter)
        # The log places the scores at the index of the last iteration; in a run just resumed the hub holds the next.
        hub.update_info("iter", self._iter - 1)
        seed_everything(derived_seed(self.runner.seed, VALIDATION, self._iter))
        self.runner.val_loop.run()


def end_workers(batches: Any) -> None:
    """End the worker processes behind an iterator over a loader, if it has any.

    Python would otherwise send them SIGTERM when the program ends, and wait for them.
    """
    end = getattr(batches, "_shutdown_workers", None)
    if end is not None:
        end()


def out_of_memory(cfg: Any, data_batch: Any, iteration: int, error: Exception) -> RunFailed:
    """Return the error for a batch that does not fit the GPU: which batch, and what to change.

    Args:
        cfg: The run's config.
        data_batch: The batch, as the loader gives it.
        iteration: Iterations done before this one.
        error: The error that torch raised.
    """
    inputs = data_batch.get("inputs") if isinstance(data_batch, dict) else None
    images = list(inputs) if isinstance(inputs, list | tuple | torch.Tensor) else []
    size = _largest(images)
    what = f"iteration {iteration + 1} ran out of memory on the GPU with {len(images) or 'its'} photos"
    what += f" of up to {size[1]}x{size[0]} pixels" if size else ""
    what += f": {str(error).partition('. ')[0]}"
    batch_size = (cfg.get("train_dataloader") or {}).get("batch_size")
    where = f"train_dataloader.batch_size = {batch_size}" if batch_size else "train_dataloader"
    return RunFailed(Problem(where, what, _remedy(cfg, len(images))))


def _remedy(cfg: Any, images: int) -> str:
    options = ["--auto-batch finds the largest batch that fits"]
    if images > 1:
        options.append(f"--cfg-options train_dataloader.batch_size={images // 2} --auto-scale-lr halves it")
    if not str((cfg.get("optim_wrapper") or {}).get("type", "")).startswith(("Amp", "BFloat16")):
        options.append("--amp takes about half the memory")
    options.append("a smaller scale in train_pipeline, or with_cp=True in the backbone, takes less")
    return "; ".join(options)


def _largest(images: list[Any]) -> tuple[int, int] | None:
    """Return the largest height and the largest width of images of shape ``(C, H, W)``."""
    shapes = [tuple(image.shape[-2:]) for image in images if getattr(image, "ndim", 0) >= 3]
    return (max(shape[0] for shape in shapes), max(shape[1] for shape in shapes)) if shapes else None
