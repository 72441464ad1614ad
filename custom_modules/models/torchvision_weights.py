"""Pretrained weights for torchvision's detectors: of a whole detector, or of the classifier in its backbone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import torch
from mmengine.runner import CheckpointLoader
from torch import nn

from sortline.errors import InputError, Problem, counted

#: Layers of torchvision's classifiers that no detector has.
CLASSIFIERS = ("fc.", "classifier.")
BODY = "backbone.body."
REMEDY = "give weights of the same model_name: torchvision's own, or those of its backbone from ImageNet"

StateDict = Mapping[str, torch.Tensor]


def load_pretrained(net: nn.Module, checkpoint: str, class_dependent: Collection[str]) -> list[str]:
    """Load a file's weights into a detector.

    Args:
        net: Changed in place.
        checkpoint: File or address. It holds a detector's state dict, alone or as ``state_dict`` or ``model``, or
            that of the backbone's classifier.
        class_dependent: Parameters that may be of another shape, as they depend on the number of classes.

    Returns:
        Names of the layers that start fresh.

    Raises:
        InputError: The file holds no weights, or anything else than the class-dependent layers does not fit.
    """
    state = _read_state(checkpoint)
    may_lack: list[str] = []
    if not any(name.startswith("backbone.") for name in state):
        state = _of_classifier(net, state, checkpoint)
        may_lack = [name for name in net.state_dict() if not name.startswith(BODY)]
    wanted = net.state_dict()
    fresh = [name for name in class_dependent if name in state and state[name].shape != wanted[name].shape]
    state = {name: value for name, value in state.items() if name not in fresh}
    _load(net, state, {*fresh, *may_lack}, checkpoint)
    return sorted({name.rpartition(".")[0] for name in fresh or may_lack})


def _read_state(checkpoint: str) -> StateDict:
    """Read the weights of a file that torchvision's or this repository's training has written."""
    content: Any = CheckpointLoader.load_checkpoint(checkpoint, map_location="cpu")
    for key in ("state_dict", "model"):
        content = content.get(key, content)
    if not content or not all(map(torch.is_tensor, content.values())):
        raise InputError(Problem(checkpoint, "holds no state dict", "save model.state_dict() and nothing else"))
    return {name.removeprefix("module.").removeprefix("net."): value for name, value in content.items()}


def _of_classifier(net: nn.Module, state: StateDict, where: str) -> dict[str, torch.Tensor]:
    """Give a classifier's weights the names that they have in the detector's backbone."""
    if not any(name.startswith(BODY) for name in net.state_dict()):
        what = f"is no {type(net).__name__}'s, whose backbone is not built as a classifier"
        raise InputError(Problem(where, what, "give a whole detector's weights"))
    return {
        BODY + name.removeprefix("features."): value
        for name, value in state.items()
        if not name.startswith(CLASSIFIERS)
    }


def _load(net: nn.Module, state: StateDict, may_lack: Collection[str], where: str) -> None:
    """Load weights of which all have to fit; names of torchvision's older files are known to its layers."""
    try:
        result = net.load_state_dict(state, strict=False)
    except RuntimeError as error:
        shapes = [line.strip() for line in str(error).splitlines()[1:]]
        raise InputError(Problem(where, f"is of another architecture: {counted(shapes)}", REMEDY)) from None
    missing = [name for name in result.missing_keys if name not in may_lack]
    problems = []
    for names, what in ((missing, "lacks"), (result.unexpected_keys, "has no place for")):
        if names:
            subject = "" if what == "lacks" else "the model "
            problems.append(Problem(where, f"{subject}{what} {counted(names)}", REMEDY))
    if problems:
        raise InputError(problems)
