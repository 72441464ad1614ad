"""The text of a progress display, read from a runner."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from mmengine.runner import IterBasedTrainLoop

SMOOTHING = 20


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
