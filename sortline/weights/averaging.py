"""Averaging the weights of checkpoints of one run: stochastic weight averaging after the fact."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from sortline.errors import InputError, Problem, counted
from sortline.files import atomic_write, given_twice
from sortline.weights.checkpoint_loading import checkpoint_meta, load_checkpoint_safely

State = Mapping[str, torch.Tensor]


@dataclass
class RunningAverage:
    """The mean of state dicts that are given one after the other, so that only one is in memory at a time.

    Floating-point tensors are averaged in float64. Others, such as the counters of batch normalisation, are the
    last state's.

    Attributes:
        count: Number of states taken in.
    """

    count: int = 0
    _sums: dict[str, torch.Tensor] = field(default_factory=dict)
    _last: dict[str, torch.Tensor] = field(default_factory=dict)

    def add(self, state: State, name: str) -> None:
        """Take in one state.

        Args:
            state: Weights by name.
            name: What to call it in a message.

        Raises:
            InputError: Its weights have other names or shapes than those before, or are not finite.
        """
        problems = [*self._differences(state, name), *_not_finite(state, name)]
        if problems:
            raise InputError(problems)
        for key, tensor in state.items():
            if tensor.is_floating_point():
                self._sums[key] = self._sums.get(key, 0) + tensor.double()
        self._last = dict(state)
        self.count += 1

    def result(self) -> dict[str, torch.Tensor]:
        """Return the mean, every tensor in the type that it came in."""
        return {
            key: (self._sums[key] / self.count).to(tensor.dtype) if key in self._sums else tensor
            for key, tensor in self._last.items()
        }

    def _differences(self, state: State, name: str) -> list[Problem]:
        """Say how a state differs in names and shapes from those before."""
        if not self.count:
            return []
        absent = [key for key in self._last if key not in state]
        added = [key for key in state if key not in self._last]
        shapes = [
            f"{key} is {list(state[key].shape)} instead of {list(tensor.shape)}"
            for key, tensor in self._last.items()
            if key in state and state[key].shape != tensor.shape
        ]
        found = (("lacks", absent), ("has in addition", added), ("differs in shape:", shapes))
        what = "; ".join(f"{verb} {counted(items)}" for verb, items in found if items)
        remedy = "only checkpoints of one model can be averaged: leave it out"
        return [Problem(name, f"is of another architecture than the first: {what}", remedy)] if what else []


def _not_finite(state: State, name: str) -> list[Problem]:
    # In float64, as there are types of 8 bits for which torch can't tell.
    broken = [
        key for key, tensor in state.items() if tensor.is_floating_point() and not tensor.double().isfinite().all()
    ]
    if not broken:
        return []
    return [Problem(name, f"holds weights that are not finite: {counted(broken)}", "leave it out: its run diverged")]


@dataclass(frozen=True)
class Averaged:
    """Checkpoints averaged into one.

    Attributes:
        checkpoint: ``meta`` of the last one with the names of all under ``averaged``, and ``state_dict``.
        ema: Number of checkpoints that hold an exponential moving average of their own.
    """

    checkpoint: dict[str, Any]
    ema: int


def average_checkpoints(paths: Sequence[str | os.PathLike[str]], trust: bool = False) -> Averaged:
    """Average the weights that a test of each checkpoint would use.

    Where a run kept an exponential moving average, mmengine's EMAHook puts its weights into ``state_dict`` and those
    of the training into ``ema_state_dict``, so ``state_dict`` is right in either case.

    Args:
        paths: Two or more files; the last one's ``meta`` is kept.
        trust: Unpickle whatever a file holds, which may run any code.

    Raises:
        InputError: Fewer than two files, one given twice, one that can't be read, or one of another architecture or
            for other classes.
    """
    problems = [Problem(path, "is given twice", "leave it out once") for path in given_twice(paths)]
    if len(paths) < 2:
        problems.append(Problem(", ".join(map(str, paths)) or "no checkpoint", "an average takes two or more", ""))
    if problems:
        raise InputError(problems)
    average = RunningAverage()
    meta: Mapping[str, Any] = {}
    ema = 0
    for path in paths:
        checkpoint = load_checkpoint_safely(path, trust)
        state = _weights(checkpoint, path)
        own = checkpoint_meta(checkpoint, path)
        _check_classes(meta, own, path)
        average.add(state, str(path))
        meta = {**own, "averaged": [Path(other).name for other in paths]}
        ema += "ema_state_dict" in checkpoint
    return Averaged({"meta": meta, "state_dict": average.result()}, ema)


def _weights(checkpoint: Mapping[str, Any], path: str | os.PathLike[str]) -> State:
    state = checkpoint.get("state_dict", checkpoint)
    if not isinstance(state, Mapping) or not state or not all(map(_is_dense, state.values())):
        raise InputError(Problem(str(path), "holds no weights", "give a checkpoint that training has written"))
    return state


def _is_dense(value: Any) -> bool:
    return torch.is_tensor(value) and value.layout == torch.strided and not value.is_meta


def _check_classes(first: Mapping[str, Any], meta: Mapping[str, Any], path: str | os.PathLike[str]) -> None:
    """Refuse to mix heads that mean different classes by the same rows."""
    known, own = ((part.get("dataset_meta") or {}).get("classes") for part in (first, meta))
    if known and own and tuple(known) != tuple(own):
        what = f"was trained for other classes, or in another order: {counted(list(own), 10)}"
        raise InputError(Problem(str(path), what, f"the first has {counted(list(known), 10)}"))


def save(checkpoint: Mapping[str, Any], out: str | os.PathLike[str]) -> None:
    """Write a checkpoint, whole or not at all."""
    with atomic_write(out, "wb") as file:
        torch.save(dict(checkpoint), file)


@torch.no_grad()
def recompute_batch_norm(model: nn.Module, forward: Callable[[Any], Any], batches: Iterable[Any]) -> int:
    """Measure the statistics of batch normalisation anew: those of averaged weights are not the averaged ones.

    As :func:`torch.optim.swa_utils.update_bn`, but layers that training keeps frozen keep their statistics: that
    function resets them, and nothing would fill them again.

    Args:
        model: Changed in place; left in training mode.
        forward: Runs the model on one batch.
        batches: Training batches.

    Returns:
        Number of layers measured.
    """
    model.train()
    norms = [layer for layer in model.modules() if isinstance(layer, _BatchNorm) and layer.training]
    momenta = [layer.momentum for layer in norms]
    for layer in norms:
        layer.reset_running_stats()
        layer.momentum = None  # the plain mean of all batches
    if norms:
        for batch in batches:
            forward(batch)
    for layer, momentum in zip(norms, momenta, strict=True):
        layer.momentum = momentum
    return len(norms)
