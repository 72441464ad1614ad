"""The parameters of a timm backbone: their names in the whole model, their depth, and their pretrained values."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.error import URLError

import torch
from torch import nn

from custom_modules.models.timm_body import build_features, maps_of, on_meta
from sortline.errors import InputError, Problem
from sortline.quiet import only_errors
from sortline.weights.timm_weights import TimmWeights, fit_by_order, read_state_dict, timm

# What timm's extractors put before the model's own names.
WRAPPERS = ("model.", "body.", "graph_module.")


def whole_names(names: Iterable[str], whole: Iterable[str]) -> dict[str, str]:
    """Return the name of each of a body's parameters in the whole model.

    timm's extractors put ``model.`` before a name, or join its first two parts by ``_``.

    >>> whole_names(["stages_0.conv.weight", "model.norm.bias"], ["stages.0.conv.weight", "norm.bias"])
    {'stages_0.conv.weight': 'stages.0.conv.weight', 'model.norm.bias': 'norm.bias'}

    Raises:
        KeyError: The whole model has no such name.
    """
    known = {key: name for name in whole for key in (name.replace(".", "_", 1), name)}
    for name in list(known.values()):
        known.update((wrapper + name, name) for wrapper in WRAPPERS)
    return {name: known[name] for name in names}


def layer_numbers(model_name: str, args: dict[str, Any], names: Sequence[str]) -> dict[str, int]:
    """Return the layer of each parameter, 0 for the stem, as timm groups them for layer-wise learning rates.

    Args:
        model_name: The model.
        args: Arguments that it is built with.
        names: Names of the backbone's parameters.

    Returns:
        Layer by name of the parameter.
    """
    whole = on_meta(model_name, **args)
    if hasattr(whole, "group_matcher"):
        numbers = timm.models.group_parameters(whole, whole.group_matcher(coarse=False), reverse=True)
    else:
        from timm.optim import auto_group_layers  # type: ignore[attr-defined]  # timm does not import it by itself

        numbers = auto_group_layers(whole)  # timm's fallback: a new layer every 12 tensors
    return {name: int(numbers[other]) for name, other in whole_names(names, numbers).items()}


def decay_free(model_name: str, args: dict[str, Any], names: Sequence[str]) -> set[str]:
    """Return the parameters that timm exempts from weight decay: position embeddings, class tokens and others."""
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
        size: Height and width of an image that the model accepts.

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


def _stem(whole: Any, model_name: str) -> set[str]:
    if not hasattr(whole, "group_matcher"):
        what = f"timm does not say where the stem of {model_name} ends"
        raise InputError(Problem("model.backbone.frozen_stages", what, "choose 1 or more, or -1"))
    numbers = timm.models.group_parameters(whole, whole.group_matcher(coarse=False), reverse=True)
    return {name for name, number in numbers.items() if number == 0}


def _used_by_maps(
    model_name: str, args: dict[str, Any], maps: Sequence[int], size: tuple[int, int], whole: nn.Module
) -> set[str]:
    """Return the parameters that some maps are computed from, whatever the order of the model's layers."""
    with torch.device("meta"):
        body = build_features(model_name, maps, **args).eval()
        used = parameters_behind(maps_of(body, torch.empty(1, 3, *size)))
    names = whole_names(dict(body.named_parameters()), dict(whole.named_parameters()))
    return {names[name] for name, parameter in body.named_parameters() if id(parameter) in used}


def parameters_behind(outputs: Sequence[torch.Tensor]) -> set[int]:
    """Return the ids of all parameters that some tensors were computed from, read from autograd's graph."""
    pending = [output.grad_fn for output in outputs if output.grad_fn is not None]
    seen = set(pending)
    found = set()
    while pending:
        node = pending.pop()
        if hasattr(node, "variable"):
            found.add(id(node.variable))
        for source, _ in node.next_functions:
            if source is not None and source not in seen:
                seen.add(source)
                pending.append(source)
    return found


def modules_within(body: nn.Module, frozen: set[str]) -> list[nn.Module]:
    """Return the modules whose parameters are all frozen, and all modules inside them."""
    inside: dict[int, nn.Module] = {}
    for name, module in body.named_modules():
        own = [f"{name}.{key}" if name else key for key, _ in module.named_parameters()]
        if own and all(key in frozen for key in own):
            inside.update((id(part), part) for part in module.modules())
    return list(inside.values())


def load_whole(model_name: str, args: dict[str, Any], source: TimmWeights) -> dict[str, torch.Tensor]:
    """Return the weights of a whole timm model, under timm's names.

    timm converts what it can: names of other releases, position embeddings of another image size.

    Args:
        model_name: The model.
        args: Arguments that it is built with.
        source: Where its weights come from.

    Raises:
        InputError: The weights can't be downloaded, read, or fitted to the model.
    """
    if source.path is not None:
        return from_file(model_name, args, source.path)
    try:
        state: dict[str, torch.Tensor] = timm.create_model(model_name, pretrained=True, **args).state_dict()
    except (OSError, URLError) as error:  # huggingface_hub's own errors are OSErrors
        reason = str(error).splitlines()[0]
        what = f"the weights {source.name} are not on this machine and can't be downloaded: {reason}"
        raise InputError(Problem("model.backbone.pretrained", what, source.how_to_get())) from error
    return state


def from_file(model_name: str, args: dict[str, Any], path: Path) -> dict[str, torch.Tensor]:
    """Read the weights of a whole model from a file, which may name its layers differently.

    Raises:
        InputError: The file can't be read, or belongs to another model.
    """
    loaded = read_state_dict(path)
    try:
        return _through_timm(model_name, args, loaded)
    except (RuntimeError, KeyError):  # names that neither the model nor timm's converter of old names knows
        by_order = fit_by_order(loaded, on_meta(model_name, **args).state_dict(), str(path))
    return _through_timm(model_name, args, by_order)


def _through_timm(model_name: str, args: dict[str, Any], loaded: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Let timm load weights into the whole model; names and shapes have to match exactly.

    Raises:
        RuntimeError: Some are missing, unexpected, or of another shape.
        KeyError: timm's converter of names lacks one.
    """
    classes = _number_of_classes(model_name, loaded)
    overlay = dict(state_dict=dict(loaded), num_classes=classes)
    with only_errors(logging.getLogger("timm")):
        whole = timm.create_model(
            model_name, pretrained=True, num_classes=classes, pretrained_cfg_overlay=overlay, **args
        )
    state: dict[str, torch.Tensor] = whole.state_dict()
    return state


def _number_of_classes(model_name: str, loaded: Mapping[str, torch.Tensor]) -> int:
    """Return the number of classes of the classifier in a file; 0 if it holds none."""
    cfg = timm.models.get_pretrained_cfg(model_name)
    classifier = cfg.classifier if cfg is not None else None
    name = classifier if isinstance(classifier, str) else (classifier or ("",))[0]
    weight = loaded.get(f"{name}.weight")
    return 0 if weight is None else len(weight)
