"""Any timm model cut down to the layers that lead to the feature maps asked for.

What has to be known of a model beforehand (its maps, the arguments of its class, the names of its layers) is asked
of one on torch's meta device, which allocates nothing: a model of 300 million parameters answers in a second.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import torch
from torch import nn

from sortline.errors import InputError, Problem, counted
from sortline.weights.timm_lazily import timm
from sortline.weights.timm_source import check_model_name

# Arguments by which timm's transformers give up the one image size that they are otherwise built for.
ANY_SIZE = dict(strict_img_size=False, dynamic_img_size=True, dynamic_img_pad=True)
# What timm's extractors put before the model's own names.
WRAPPERS = ("model.", "body.", "graph_module.")


@cache
def class_arguments(model_name: str) -> frozenset[str]:
    """Return the arguments of a model's class."""
    return frozenset(inspect.signature(type(on_meta(model_name)).__init__).parameters)


def on_meta(model_name: str, **kwargs: Any) -> nn.Module:
    """Build a timm model without memory for its weights."""
    with torch.device("meta"):
        return timm.create_model(model_name, **kwargs)


def model_arguments(model_name: str, img_size: tuple[int, int] | None, options: dict[str, Any]) -> dict[str, Any]:
    """Return what ``timm.create_model`` needs for a backbone that takes images of various sizes.

    Args:
        model_name: The model.
        img_size: Height and width that it is built for; None for its own.
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
    """Return timm's ``out_indices`` for the maps asked for, the last of those of equal stride.

    Args:
        model_name: For messages.
        available: Stride of each map that the model has.
        strides: Strides asked for, ascending; not looked at if ``indices`` are given.
        indices: Places in ``available`` asked for, ascending; negative ones count from the end.

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
    places = [index + count if index < 0 else index for index in indices]
    if not places or places != sorted(set(places)) or places[0] < 0 or places[-1] >= count:
        what = f"{model_name} has {count} maps, and {tuple(indices)} are not ascending places among them"
        remedy = f"choose from 0 to {count - 1}, or from -{count} to -1, in this order"
        raise InputError(Problem("model.backbone.out_indices", what, remedy))
    return tuple(places)


def build_features(model_name: str, out_indices: Sequence[int], **kwargs: Any) -> nn.Module:
    """Build a timm model that returns feature maps, without the layers behind the last of them."""
    body = timm.create_model(model_name, features_only=True, out_indices=tuple(out_indices), **kwargs)
    container, _, index = body.feature_info.module_name()[-1].rpartition(".")
    # timm's EfficientNet and MobileNet extractors keep and run all their blocks.
    blocks = dict(body.named_modules()).get(container) if index.isdigit() else None
    if isinstance(blocks, nn.Sequential):
        del blocks[int(index) + 1 :]
    return body


def maps_of(body: nn.Module, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Return a body's maps with channels first, as detectors want them; timm's Swin has them last."""
    maps = tuple(body(images))
    if getattr(body, "output_fmt", None) == timm.layers.Format.NHWC:
        return tuple(features.permute(0, 3, 1, 2) for features in maps)
    return maps


def whole_names(names: Iterable[str], whole: Iterable[str]) -> dict[str, str]:
    """Find the names that a body's parameters have in the whole model.

    timm's extractors rename: they put ``model.`` before a name, or join its first two parts by ``_``.

    >>> whole_names(["stages_0.conv.weight", "model.norm.bias"], ["stages.0.conv.weight", "norm.bias"])
    {'stages_0.conv.weight': 'stages.0.conv.weight', 'model.norm.bias': 'norm.bias'}

    Raises:
        KeyError: A name that the whole model lacks.
    """
    known = {key: name for name in whole for key in (name.replace(".", "_", 1), name)}
    for name in list(known.values()):
        known.update((wrapper + name, name) for wrapper in WRAPPERS)
    return {name: known[name] for name in names}


def checkpoint_gradients(body: nn.Module, model_name: str) -> None:
    """Let a body recompute its activations in the backward pass instead of keeping them.

    The model's own stages do it block by block where they can; else timm's extractor does it stage by stage.

    Raises:
        InputError: Nothing in the model can.
    """
    if hasattr(body, "model"):  # timm's wrapper around a whole transformer
        try:
            body.model.set_grad_checkpointing(True)
        except AssertionError:  # timm's way to say that this one can't
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
