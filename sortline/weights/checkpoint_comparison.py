"""Whether a checkpoint fits a model, and whether it holds the same weights as another one."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from sortline.errors import InputError, Problem, counted
from sortline.weights.checkpoint_loading import load_checkpoint_safely

# Below this share of fitting weights a checkpoint is of another architecture rather than of another head.
FITTING_SHARE = 0.5
# Below this one it is no use to start training from: what fits does so by chance.
USEFUL_SHARE = 0.1
RIGHT_CONFIG = "give the config that it was trained with, or the checkpoint of this config's training"
#: Entries of a checkpoint that hold weights; the second one those of an average beside the trained ones.
ENTRIES = ("state_dict", "ema_state_dict")

StateDict = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class Match:
    """How a checkpoint's weights fit a model's.

    Attributes:
        total: Number of the model's weights.
        other_shape: Names of those that the checkpoint holds in another shape.
        missing: Names of those that it lacks.
    """

    total: int
    other_shape: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def fitting(self) -> int:
        """Number of weights that the checkpoint can fill."""
        return self.total - len(self.other_shape) - len(self.missing)

    @property
    def share(self) -> str:
        """The same in words."""
        return f"{self.fitting:,} of the model's {self.total:,} weights fit"


def match_weights(model_state: StateDict, checkpoint_state: StateDict) -> Match:
    """Compare two state dicts by names and shapes.

    Counters of batch normalisation may be absent: they change nothing in a trained model, and old checkpoints
    lack them.
    """
    source = _without_wrapper(checkpoint_state)
    shared = [key for key in model_state if key in source]
    missing = [key for key in model_state if key not in source and not key.endswith(".num_batches_tracked")]
    other_shape = [key for key in shared if source[key].shape != model_state[key].shape]
    return Match(len(shared) + len(missing), tuple(other_shape), tuple(missing))


def _without_wrapper(state: StateDict) -> dict[str, torch.Tensor]:
    """Drop the prefix that training on several GPUs puts before each name, and what is no tensor."""
    entries = state.items() if isinstance(state, Mapping) else ()
    return {str(key).removeprefix("module."): value for key, value in entries if torch.is_tensor(value)}


def check_initial_weights(
    model_state: StateDict,
    checkpoint_state: StateDict,
    path: str | os.PathLike[str],
    meta: Mapping[str, Any] | None = None,
) -> str:
    """Check a checkpoint that training starts from, of which a part will do: a backbone, say.

    Args:
        model_state: The model's ``state_dict``.
        checkpoint_state: The checkpoint's.
        path: The checkpoint, for the message.
        meta: The checkpoint's ``meta``.

    Returns:
        A line for the log: how much fits and what starts fresh.

    Raises:
        InputError: Next to nothing fits.
    """
    match = match_weights(model_state, checkpoint_state)
    if match.fitting < USEFUL_SHARE * match.total:
        raise InputError(Problem(str(path), f"{match.share}{_looks_like(meta or {})}", RIGHT_CONFIG))
    fresh = match.other_shape + match.missing
    return f"{path}: {match.share}" + (f"; these start fresh: {counted(fresh)}" if fresh else "")


def check_matches(
    model_state: StateDict,
    checkpoint_state: StateDict,
    path: str | os.PathLike[str],
    classes: Sequence[str] | None = None,
    meta: Mapping[str, Any] | None = None,
) -> None:
    """Refuse a checkpoint that mmengine would load in part, leaving the rest of the model untrained.

    Args:
        model_state: The model's ``state_dict``.
        checkpoint_state: The checkpoint's.
        path: The checkpoint, for the message.
        classes: Names of the config's classes.
        meta: The checkpoint's ``meta``, where mmengine keeps what it was trained for.

    Raises:
        InputError: It is of another architecture, or trained for other classes.
    """
    meta = meta or {}
    match = match_weights(model_state, checkpoint_state)
    trained_for = tuple((meta.get("dataset_meta") or {}).get("classes") or meta.get("CLASSES") or ())
    remedy = RIGHT_CONFIG
    if match.fitting < FITTING_SHARE * match.total:
        what = f"{match.share}{_looks_like(meta)}"
    elif match.other_shape:
        trained = len(trained_for) or _trained_count(model_state, checkpoint_state, match, len(classes or ()))
        what = _other_shape(model_state, checkpoint_state, match, len(classes or ()), trained)
    elif match.missing:
        what = f"{match.share}; it lacks {counted(match.missing)}{_looks_like(meta)}"
    elif classes and trained_for and tuple(classes) != trained_for:
        what = f"was trained for other classes, or in another order: {counted(trained_for, 10)}"
        remedy = f"the config has {counted(list(classes), 10)}: use those of the training, in its order"
    else:
        return
    raise InputError(Problem(str(path), what, remedy))


def _looks_like(meta: Mapping[str, Any]) -> str:
    """Name the detector that a checkpoint is of, from the config text that mmengine keeps in it."""
    text = str(meta.get("cfg") or meta.get("config") or "")
    model = re.search(r"^model = dict\((.*?)^\S", text + "\nend", re.DOTALL | re.MULTILINE)
    # A model's own keys are indented by one step; its type is among them.
    found = re.search(r"^ {4}type=['\"](?:\w+\.)*(\w+)['\"]", model[1] if model else "", re.MULTILINE)
    return f"; it looks like a {found[1]} checkpoint" if found else "; it is of another architecture"


def _other_shape(model_state: StateDict, checkpoint_state: StateDict, match: Match, count: int, trained: int) -> str:
    """Say what sets the differing weights apart: the number of classes, or else their shapes."""
    if count and trained and trained != count:
        return f"was trained for {trained} classes, the config has {count}"
    source = _without_wrapper(checkpoint_state)
    shapes = [
        f"{key} is {list(source[key].shape)} instead of {list(model_state[key].shape)}" for key in match.other_shape
    ]
    return f"{match.share}; {counted(shapes)}"


def _trained_count(model_state: StateDict, checkpoint_state: StateDict, match: Match, count: int) -> int:
    """Tell for how many classes a head was trained from its weights, whose rows grow with them; 0 if unclear."""
    source = _without_wrapper(checkpoint_state)
    for key in match.other_shape if count else ():
        ours, theirs = model_state[key].shape, source[key].shape
        if not ours or not theirs or ours[1:] != theirs[1:]:
            continue
        if ours[0] == count + 1:  # softmax: one row more, for the background
            return theirs[0] - 1
        if ours[0] % count == 0 and theirs[0] * count % ours[0] == 0:  # as many rows a class as anchors
            return theirs[0] * count // ours[0]
    return 0


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
    left, right = (_all_weights(load_checkpoint_safely(path, trust)) for path in (first, second))
    shared = left.keys() & right.keys()
    changed = {name for name in shared if not same_bits(left[name], right[name])}
    distances = [_distance(left[name], right[name]) for name in changed]
    different = tuple(sorted(changed | (left.keys() ^ right.keys())))
    return WeightComparison(len(left.keys() | right.keys()), different, max(distances, default=0.0))


def _all_weights(checkpoint: Mapping[str, Any]) -> dict[str, torch.Tensor]:
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
