"""The weights in two checkpoints, compared bit by bit."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from sortline.weights.checkpoint_loading import load_checkpoint_safely

#: Entries of a checkpoint that hold weights; the second one those of an average beside the trained ones.
ENTRIES = ("state_dict", "ema_state_dict")


@dataclass(frozen=True)
class WeightComparison:
    """How far two checkpoints are the same.

    Attributes:
        tensors: Number of tensors in either of them.
        different: Names of those that differ, or that only one of them has.
        largest: Largest difference between two of their numbers; 0 where only their signs of zero differ.
    """

    tensors: int
    different: tuple[str, ...] = ()
    largest: float = 0.0


def compare_checkpoints(
    first: str | os.PathLike[str], second: str | os.PathLike[str], trust: bool = False
) -> WeightComparison:
    """Compare the weights of two checkpoints.

    Args:
        first: A checkpoint.
        second: Another one.
        trust: Load files that can run code when they are read.

    Raises:
        InputError: A file can't be loaded.
    """
    left, right = (_weights(load_checkpoint_safely(path, trust)) for path in (first, second))
    shared = left.keys() & right.keys()
    changed = {name for name in shared if not same_bits(left[name], right[name])}
    distances = [_distance(left[name], right[name]) for name in changed]
    different = tuple(sorted(changed | (left.keys() ^ right.keys())))
    return WeightComparison(len(left.keys() | right.keys()), different, max(distances, default=0.0))


def _weights(checkpoint: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    return {
        f"{entry}.{name}": value
        for entry in ENTRIES
        if isinstance(checkpoint.get(entry), Mapping)
        for name, value in checkpoint[entry].items()
        if isinstance(value, torch.Tensor)
    }


def same_bits(first: torch.Tensor, second: torch.Tensor) -> bool:
    """Tell whether two tensors hold the same bits: unlike in ``==``, NaN is itself, and -0.0 is not 0.0."""
    if first.dtype != second.dtype or first.shape != second.shape:
        return False
    raw = [tensor.contiguous().reshape(-1).view(torch.uint8) for tensor in (first, second)]
    return torch.equal(*raw)


def _distance(first: torch.Tensor, second: torch.Tensor) -> float:
    if first.shape != second.shape:
        return float("inf")
    return float((first.double() - second.double()).abs().max())
