"""Ends a run whose loss is not finite, and keeps the batch for inspection."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from sortline.errors import Problem, RunFailed, counted
from sortline.files import atomic_write, write_json
from sortline.pipeline.drawn_samples import draw_grid, fed_sample

FOLDER = "nonfinite_loss"
DRAWN = 16
REMEDY = (
    "lower the learning rate or warm it up for longer, clip gradients (configs/_base_/recipes/grad_clip.py), or take "
    "--amp bf16 in place of fp16; the last checkpoint is sound: --resume"
)


@HOOKS.register_module()
class FiniteLossHook(Hook):
    """Ends the run at the first loss that is NaN or infinite, and refuses to save weights that are not finite.

    The batch is kept in the run folder's ``nonfinite_loss``: ``batch.json`` with the photos and the losses, and
    ``batch.png`` with what the model saw.

    Args:
        patience: Number of consecutive iterations with such losses that are allowed if a loss scaler (``--amp``) skips
            their steps while it adjusts its scale.

    Raises:
        RunFailed: In the training, or when a checkpoint is saved.
    """

    # After the loss is logged, before a checkpoint is saved.
    priority = "ABOVE_NORMAL"

    def __init__(self, patience: int = 20) -> None:
        self.patience = patience
        self._in_a_row = 0

    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Check the loss."""
        # mmengine has already read it from the device for the log.
        if "loss" not in (outputs or {}) or math.isfinite(runner.message_hub.get_scalar("train/loss").current()):
            self._in_a_row = 0
            return
        self._in_a_row += 1
        allowed = self.patience if hasattr(runner.optim_wrapper, "loss_scaler") else 0
        if self._in_a_row > allowed:
            losses = {name: float(value.detach()) for name, value in outputs.items() if "loss" in name}
            raise self._failure(runner, losses, data_batch or {})

    def before_save_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Check the weights."""
        bad = [name for name, value in checkpoint["state_dict"].items() if not _is_finite(value)]
        if bad:
            what = f"the weights are no longer finite after {runner.iter} iterations: {counted(bad)}"
            raise RunFailed(Problem(str(runner.work_dir), what, REMEDY))

    def _failure(self, runner: Any, losses: Mapping[str, float], data_batch: Mapping[str, Any]) -> RunFailed:
        samples = list(data_batch.get("data_samples", ()))
        photos = [str(sample.metainfo.get("img_path", "")) for sample in samples]
        folder = Path(runner.work_dir, FOLDER)
        rank = f"_{get_rank()}" if get_rank() else ""
        report = {
            "iteration": runner.iter + 1,
            "epoch": runner.epoch + 1,
            "losses": {name: str(value) for name, value in losses.items()},
            "photos": photos,
        }
        write_json(folder / f"batch{rank}.json", report, indent=1)
        _draw(data_batch, folder / f"batch{rank}.png", runner.train_dataloader.dataset.metainfo.get("classes", ()))
        bad = [name for name, value in losses.items() if not math.isfinite(value)]
        what = f"{counted(bad)} is not finite in iteration {runner.iter + 1} on {counted(photos, 8)}"
        return RunFailed(Problem(str(folder), f"{what}; the batch is kept here", REMEDY))


def _draw(data_batch: Mapping[str, Any], path: Path, classes: Sequence[str]) -> None:
    """Draw a batch as the model saw it, if its photos are packed one by one, as by mmdet's pipelines."""
    pairs = zip(data_batch.get("inputs", ()), data_batch.get("data_samples", ()), strict=False)
    drawn = [fed_sample(image, sample) for image, sample in pairs][:DRAWN]
    if drawn:
        with atomic_write(path, "wb") as file:
            draw_grid(drawn, classes, "The batch whose loss is not finite").save(file, "PNG")


def _is_finite(value: Any) -> bool:
    is_number = isinstance(value, torch.Tensor) and value.is_floating_point()
    return not is_number or bool(value.isfinite().all())
