"""Which image sizes a timm model takes, found out on torch's meta device, where a forward pass computes nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from custom_modules.models.timm_body import ANY_SIZE, build_features, class_arguments, maps_of
from sortline.errors import InputError, Problem
from sortline.weights.timm_lazily import timm

# Detectors pad their batches to multiples of this.
USUAL_MULTIPLE = 32


@dataclass(frozen=True)
class InputSizes:
    """What a batch of images is padded to before a model sees it.

    Attributes:
        unit: Height and width are padded to multiples of these; None where any size will do.
        fixed: Only ``unit`` itself will do.
    """

    unit: tuple[int, int] | None = None
    fixed: bool = False

    def pad(self, images: torch.Tensor) -> torch.Tensor:
        """Pad images of shape ``(N, 3, height, width)`` with zeros, right and below.

        Raises:
            InputError: They are larger than the one size that the model takes.
        """
        if self.unit is None:
            return images
        size = images.shape[-2:]
        if self.fixed and any(side > limit for side, limit in zip(size, self.unit, strict=True)):
            what = f"the batch is {size[0]} x {size[1]} px, the model is built for {self.unit[0]} x {self.unit[1]}"
            remedy = "set img_size to the largest height and width that the pipelines give"
            raise InputError(Problem("model.backbone.img_size", what, remedy))
        below, right = (-side % step for side, step in zip(size, self.unit, strict=True))
        return functional.pad(images, (0, right, 0, below)) if below or right else images


def learn_input_sizes(
    model_name: str, out_indices: Sequence[int], args: dict[str, Any], img_size: tuple[int, int] | None
) -> InputSizes:
    """Find out which image sizes a model takes.

    Args:
        model_name: The model.
        out_indices: The maps taken from it.
        args: Arguments that it is built with.
        img_size: Height and width that it is built for; None for its own.

    Raises:
        InputError: Its maps have other sizes than their strides say, whatever the image.
    """
    if _takes_any_size(model_name, args):
        return InputSizes()
    with torch.device("meta"):
        body = build_features(model_name, out_indices, **args).eval()
    own_size = img_size or tuple(body.pretrained_cfg["input_size"][1:])
    return _try_sizes(body, own_size, model_name)


def _takes_any_size(model_name: str, args: dict[str, Any]) -> bool:
    """Tell from a model's arguments alone: a convolutional net, or a transformer that was asked to."""
    cfg = timm.models.get_pretrained_cfg(model_name)
    bound = "img_size" in class_arguments(model_name) or (cfg is not None and cfg.fixed_input_size)
    return not bound or any(name in args for name in ANY_SIZE)


def _try_sizes(body: nn.Module, own_size: tuple[int, int], model_name: str) -> InputSizes:
    strides = body.feature_info.reduction()
    usual = max(USUAL_MULTIPLE, *strides)
    if _fits(body, strides, (3 * usual, 5 * usual)) and _fits(body, strides, (4 * usual, 3 * usual)):
        return InputSizes()
    for unit in ((max(strides), max(strides)), own_size):
        if _fits(body, strides, (3 * unit[0], 5 * unit[1])):
            return InputSizes(unit)
    if _fits(body, strides, own_size):
        return InputSizes(own_size, fixed=True)
    sizes = _map_sizes(body, own_size)
    what = f"maps of {model_name} do not have the strides {tuple(strides)}: {own_size} px give {sizes}"
    raise InputError(Problem("model.backbone.model_name", what, "choose another model, or other maps of it"))


def _fits(body: nn.Module, strides: Sequence[int], size: tuple[int, int]) -> bool:
    expected = [(math.ceil(size[0] / stride), math.ceil(size[1] / stride)) for stride in strides]
    return _map_sizes(body, size) == expected


def _map_sizes(body: nn.Module, size: tuple[int, int]) -> list[tuple[int, int]] | None:
    """Return height and width of each map of an image; None if the model refuses its size."""
    with torch.device("meta"), torch.no_grad():
        try:
            maps = maps_of(body, torch.empty(1, 3, *size))
        except Exception:  # each model refuses in its own way, from an AssertionError to a failing reshape
            return None
    return [(features.shape[2], features.shape[3]) for features in maps]
