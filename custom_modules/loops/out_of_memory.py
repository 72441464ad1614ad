"""What to say when a batch does not fit the GPU."""

from __future__ import annotations

from typing import Any

import torch

from sortline.errors import Problem, RunFailed


def out_of_memory(cfg: Any, data_batch: Any, iteration: int, error: Exception) -> RunFailed:
    """Say which batch was too large, and what to change.

    Args:
        cfg: The run's config.
        data_batch: The batch, as the loader gives it.
        iteration: Iterations done before.
        error: What torch has raised.
    """
    inputs = data_batch.get("inputs") if isinstance(data_batch, dict) else None
    images = list(inputs) if isinstance(inputs, list | tuple | torch.Tensor) else []
    size = _largest(images)
    what = f"iteration {iteration + 1} ran out of memory on the GPU with {len(images) or 'its'} photos"
    what += f" of up to {size[1]}x{size[0]} pixels" if size else ""
    what += f": {str(error).partition('. ')[0]}"
    return RunFailed(Problem(_where(cfg), what, _remedy(cfg, len(images))))


def _where(cfg: Any) -> str:
    size = (cfg.get("train_dataloader") or {}).get("batch_size")
    return f"train_dataloader.batch_size = {size}" if size else "train_dataloader"


def _remedy(cfg: Any, images: int) -> str:
    options = ["--auto-batch finds the largest batch that fits"]
    if images > 1:
        options.append(f"--cfg-options train_dataloader.batch_size={images // 2} --auto-scale-lr halves it")
    if not str((cfg.get("optim_wrapper") or {}).get("type", "")).startswith(("Amp", "BFloat16")):
        options.append("--amp takes about half the memory")
    options.append("a smaller scale in train_pipeline, or with_cp=True in the backbone, takes less")
    return "; ".join(options)


def _largest(images: list[Any]) -> tuple[int, int] | None:
    """Return height and width that hold every image, of images of shape ``(C, H, W)``."""
    shapes = [tuple(image.shape[-2:]) for image in images if getattr(image, "ndim", 0) >= 3]
    return (max(shape[0] for shape in shapes), max(shape[1] for shape in shapes)) if shapes else None
