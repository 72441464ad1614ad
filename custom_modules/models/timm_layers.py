"""Depth of a timm model's layers: which belong to its first stages, and in which order they come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from custom_modules.models.timm_body import build_features, maps_of, on_meta, whole_names
from sortline.errors import InputError, Problem
from sortline.weights.timm_lazily import timm


def layer_numbers(model_name: str, args: dict[str, Any], names: Sequence[str]) -> dict[str, int]:
    """Number the layers of a backbone, as timm groups them for layer-wise learning rates: 0 is the stem.

    Args:
        model_name: The model.
        args: Arguments that it is built with.
        names: Names of the backbone's parameters.

    Returns:
        Each parameter's layer.
    """
    whole = on_meta(model_name, **args)
    if hasattr(whole, "group_matcher"):
        numbers = timm.models.group_parameters(whole, whole.group_matcher(coarse=False), reverse=True)
    else:
        from timm.optim import auto_group_layers  # timm does not import it by itself

        numbers = auto_group_layers(whole)  # timm's own way out: a new layer every 12 tensors
    return {name: int(numbers[other]) for name, other in whole_names(names, numbers).items()}


def decay_free(model_name: str, args: dict[str, Any], names: Sequence[str]) -> set[str]:
    """Return the parameters that timm exempts from weight decay: position embeddings, class tokens and the like."""
    whole = on_meta(model_name, **args)
    exempt = set(whole.no_weight_decay()) if hasattr(whole, "no_weight_decay") else set()
    known = whole_names(names, dict(whole.named_parameters()))
    return {name for name, other in known.items() if other in exempt}


def frozen_parameters(
    model_name: str,
    args: dict[str, Any],
    names: Sequence[str],
    strides: Sequence[int],
    frozen_stages: int,
    size: tuple[int, int],
) -> set[str]:
    """Return the parameters of a backbone's first stages.

    Args:
        model_name: The model.
        args: Arguments that it is built with.
        names: Names of the backbone's parameters.
        strides: Stride of every map that the model can give.
        frozen_stages: As in :class:`TimmBackbone`.
        size: Height and width of an image that the model takes.

    Raises:
        InputError: The model has no such stage.
    """
    if frozen_stages < 0:
        return set()
    # A plain transformer has one stride throughout: its stages are its blocks.
    plain = len(set(strides)) == 1
    limit = 2 ** (frozen_stages + 1)
    maps = list(range(frozen_stages)) if plain else [i for i, stride in enumerate(strides) if stride <= limit]
    if maps and maps[-1] >= len(strides):
        what, remedy = f"{model_name} has {len(strides)} blocks", f"choose from 0 to {len(strides)}"
        raise InputError(Problem("model.backbone.frozen_stages", what, remedy))
    whole = on_meta(model_name, **args)
    frozen = _stem(whole, model_name) if plain or not maps else set()
    if maps:
        frozen |= _used_by_maps(model_name, args, maps, size, whole)
    return {name for name, other in whole_names(names, dict(whole.named_parameters())).items() if other in frozen}


def _stem(whole: nn.Module, model_name: str) -> set[str]:
    if not hasattr(whole, "group_matcher"):
        what = f"timm does not say where the stem of {model_name} ends"
        raise InputError(Problem("model.backbone.frozen_stages", what, "choose 1 or more, or -1"))
    numbers = timm.models.group_parameters(whole, whole.group_matcher(coarse=False), reverse=True)
    return {name for name, number in numbers.items() if number == 0}


def _used_by_maps(
    model_name: str, args: dict[str, Any], maps: Sequence[int], size: tuple[int, int], whole: nn.Module
) -> set[str]:
    """Return the parameters that take part in some maps, in whatever order a model defines its layers."""
    with torch.device("meta"):
        body = build_features(model_name, maps, **args).eval()
        used = parameters_behind(maps_of(body, torch.empty(1, 3, *size)))
    names = whole_names(dict(body.named_parameters()), dict(whole.named_parameters()))
    return {names[name] for name, parameter in body.named_parameters() if id(parameter) in used}


def parameters_behind(outputs: Sequence[torch.Tensor]) -> set[int]:
    """Return the ids of all parameters that some tensors were computed from, by following autograd's graph."""
    pending = [output.grad_fn for output in outputs if output.grad_fn is not None]
    seen = set(pending)
    found = set()
    while pending:
        node = pending.pop()
        if hasattr(node, "variable"):
            found.add(id(node.variable))
        for following, _ in node.next_functions:
            if following is not None and following not in seen:
                seen.add(following)
                pending.append(following)
    return found


def modules_within(body: nn.Module, frozen: set[str]) -> list[nn.Module]:
    """Return the modules that hold nothing but frozen parameters, and all modules in them."""
    inside: dict[int, nn.Module] = {}
    for name, module in body.named_modules():
        own = [f"{name}.{key}" if name else key for key, _ in module.named_parameters()]
        if own and all(key in frozen for key in own):
            inside.update((id(part), part) for part in module.modules())
    return list(inside.values())
