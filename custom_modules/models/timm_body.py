"""Any timm model reduced to the layers that give a detector its feature maps, and the image sizes that it takes.

What must be known of a model before it is built (its maps, the arguments of its class, the image sizes that it takes)
is read from a copy on torch's meta device, which allocates and computes nothing: for a model of 300 million parameters
that takes a second.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from sortline.errors import InputError, Problem, counted
from sortline.weights.timm_weights import check_model_name, timm

# Arguments with which timm's transformers accept images of any size in place of the one that they are built for.
ANY_SIZE = dict(strict_img_size=False, dynamic_img_size=True, dynamic_img_pad=True)
# Detectors pad their batches to multiples of this.
USUAL_MULTIPLE = 32


@cache
def class_arguments(model_name: str) -> frozenset[str]:
    """Return the arguments of a model's class."""
    return frozenset(inspect.signature(type(on_meta(model_name)).__init__).parameters)


def on_meta(model_name: str, **kwargs: Any) -> Any:
    """Build a timm model without memory for its weights."""
    with torch.device("meta"):
        return timm.create_model(model_name, **kwargs)


def model_arguments(model_name: str, img_size: tuple[int, int] | None, options: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of ``timm.create_model`` for a backbone that takes images of various sizes.

    Args:
        model_name: The model.
        img_size: Height and width that it is built for; None for its default.
        options: Further arguments of the model's class, such as ``drop_path_rate``.

    Raises:
        InputError: timm has no such model, or its class lacks one of these arguments.
    """
    check_model_name(model_name)
    accepted = class_arguments(model_name)
    if img_size is not None:
        options = dict(options, img_size=img_size)
    lacking = [
        Problem(f"model.backbone.{name}", f"{model_name} takes no {name}", f"leave {name} out")
        for name in options
        if name not in accepted
    ]
    if lacking:
        raise InputError(lacking)
    return {**{name: value for name, value in ANY_SIZE.items() if name in accepted}, **options}


def map_strides(model_name: str, args: dict[str, Any]) -> list[int]:
    """Return the stride of every map that a model can give, in the order of timm's ``out_indices``.

    Raises:
        InputError: timm can't take feature maps out of this model.
    """
    try:
        body = on_meta(model_name, features_only=True, **args)
    except (RuntimeError, AttributeError, AssertionError) as error:
        reason = str(error).splitlines()[0] if str(error) else "it knows of none"
        what = f"timm can't take feature maps out of {model_name}: {reason}"
        raise InputError(Problem("model.backbone.model_name", what, "choose another model")) from error
    return [item["reduction"] for item in body.feature_info.info]


def choose_maps(
    model_name: str, available: Sequence[int], strides: Sequence[int] | None, indices: Sequence[int] | None
) -> tuple[int, ...]:
    """Return timm's ``out_indices`` for the maps asked for; of several maps of one stride, the last.

    Args:
        model_name: For messages.
        available: Stride of each map that the model has.
        strides: Strides asked for, ascending; ignored if ``indices`` are given.
        indices: Indices in ``available`` asked for, ascending; negative ones count from the end.

    Raises:
        InputError: The model has no such map, or they do not ascend.
    """
    if indices is not None:
        return _checked_indices(model_name, len(available), indices)
    known = sorted(set(available))
    wrong = [stride for stride in strides or () if stride not in known]
    if wrong or not strides or list(strides) != sorted(set(strides)):
        shown = tuple(strides or ())
        what = f"{model_name} has no map of stride {counted(wrong)}" if wrong else f"{shown} does not ascend"
        remedy = f"choose from {', '.join(map(str, known))}, in this order"
        raise InputError(Problem("model.backbone.out_strides", what, remedy))
    return tuple(max(index for index, other in enumerate(available) if other == stride) for stride in strides)


def _checked_indices(model_name: str, count: int, indices: Sequence[int]) -> tuple[int, ...]:
    chosen = [index + count if index < 0 else index for index in indices]
    if not chosen or chosen != sorted(set(chosen)) or chosen[0] < 0 or chosen[-1] >= count:
        what = f"{model_name} has {count} maps, and {tuple(indices)} are not ascending indices of them"
        remedy = f"choose from 0 to {count - 1}, or from -{count} to -1, in this order"
        raise InputError(Problem("model.backbone.out_indices", what, remedy))
    return tuple(chosen)


def build_features(model_name: str, out_indices: Sequence[int], **kwargs: Any) -> Any:
    """Build a timm model that returns feature maps, without the layers behind the last of them."""
    body = timm.create_model(model_name, features_only=True, out_indices=tuple(out_indices), **kwargs)
    container, _, index = body.feature_info.module_name()[-1].rpartition(".")
    # timm's EfficientNet and MobileNet extractors keep and run all their blocks.
    blocks = dict(body.named_modules()).get(container) if index.isdigit() else None
    if isinstance(blocks, nn.Sequential):
        del blocks[int(index) + 1 :]
    return body


def maps_of(body: Any, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Return a body's maps with channels first, as detectors take them; timm's Swin gives them last."""
    maps = tuple(body(images))
    if getattr(body, "output_fmt", None) == timm.layers.Format.NHWC:
        return tuple(features.permute(0, 3, 1, 2) for features in maps)
    return maps


def checkpoint_gradients(body: Any, model_name: str) -> None:
    """Make a body recompute its activations in the backward pass instead of keeping them.

    The model's stages do it block by block where they support it; otherwise timm's extractor does it stage by stage.

    Raises:
        InputError: Nothing in the model supports it.
    """
    if hasattr(body, "model"):  # timm's wrapper around a whole transformer
        try:
            body.model.set_grad_checkpointing(True)
        except AssertionError:  # raised by timm where a model can't
            raise _no_checkpointing(model_name) from None
        return
    switches = [module for module in body.modules() if hasattr(module, "grad_checkpointing")]
    stages = [module for module in switches if module is not body]
    if not switches:
        raise _no_checkpointing(model_name)
    for module in stages or switches:
        module.grad_checkpointing = True


def _no_checkpointing(model_name: str) -> InputError:
    what, remedy = f"timm's {model_name} can't recompute activations", "leave with_cp out"
    return InputError(Problem("model.backbone.with_cp", what, remedy))


@dataclass(frozen=True)
class InputSizes:
    """What a batch of images is padded to before the model.

    Attributes:
        unit: Height and width are padded to multiples of these; None where the model takes any size.
        fixed: The model takes ``unit`` itself only.
    """

    unit: tuple[int, int] | None = None
    fixed: bool = False

    def pad(self, images: torch.Tensor) -> torch.Tensor:
        """Pad images of shape ``(N, 3, height, width)`` with zeros on the right and below.

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
        return F.pad(images, (0, right, 0, below)) if below or right else images


def find_input_sizes(
    model_name: str, out_indices: Sequence[int], args: dict[str, Any], img_size: tuple[int, int] | None
) -> InputSizes:
    """Find out which image sizes a model takes.

    Args:
        model_name: The model.
        out_indices: The maps taken from it.
        args: Arguments that it is built with.
        img_size: Height and width that it is built for; None for its default.

    Raises:
        InputError: With no image size do its maps have the sizes that follow from their strides.
    """
    if _takes_any_size(model_name, args):
        return InputSizes()
    with torch.device("meta"):
        body = build_features(model_name, out_indices, **args).eval()
    own_size = img_size or tuple(body.pretrained_cfg["input_size"][1:])
    return _try_sizes(body, own_size, model_name)


def _takes_any_size(model_name: str, args: dict[str, Any]) -> bool:
    """Tell from its arguments alone whether a model takes any size: a convolutional net, or a transformer set to."""
    cfg = timm.models.get_pretrained_cfg(model_name)
    bound = "img_size" in class_arguments(model_name) or (cfg is not None and cfg.fixed_input_size)
    return not bound or any(name in args for name in ANY_SIZE)


def _try_sizes(body: Any, own_size: tuple[int, int], model_name: str) -> InputSizes:
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


def _fits(body: Any, strides: Sequence[int], size: tuple[int, int]) -> bool:
    expected = [(math.ceil(size[0] / stride), math.ceil(size[1] / stride)) for stride in strides]
    return _map_sizes(body, size) == expected


def _map_sizes(body: Any, size: tuple[int, int]) -> list[tuple[int, int]] | None:
    """Return height and width of each map of an image; None if the model refuses its size."""
    with torch.device("meta"), torch.no_grad():
        try:
            maps = maps_of(body, torch.empty(1, 3, *size))
        except Exception:  # each model refuses in its own way, from an AssertionError to a failing reshape
            return None
    return [(features.shape[2], features.shape[3]) for features in maps]
