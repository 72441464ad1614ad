"""Learning rates that depend on the depth of a layer and on the part of the model."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mmengine.logging import MMLogger, print_log
from mmengine.optim import DefaultOptimWrapperConstructor
from mmengine.registry import OPTIM_WRAPPER_CONSTRUCTORS
from torch import nn

from sortline.errors import InputError, Problem, nearest
from sortline.quiet import only_errors
from sortline.weights.timm_weights import timm

BACKBONE = "backbone"
# As in timm's `group_matcher`: patterns of parameter names, whose groups are the sort key of the layers. A pattern with
# PREVIOUS belongs to the layer before it, because mmdet's Swin merges patches at the end of a stage.
PREVIOUS = (99999,)
# mmdet's classes; subclasses are included (ResNeXt, Res2Net, ResNeSt ...).
LAYERS: dict[str, dict[str, Any]] = {
    "ResNet": {"stem": r"^(?:conv1|bn1|norm1|stem)", "blocks": r"^layer(\d+)\.(\d+)"},
    "SwinTransformer": {
        "stem": r"^(?:patch_embed|absolute_pos_embed)",
        "blocks": [(r"^stages\.(\d+)\.blocks\.(\d+)", None), (r"^stages\.(\d+)\.downsample", PREVIOUS)],
    },
    "PyramidVisionTransformer": {
        "stem": r"^layers\.0\.0",
        "blocks": [
            (r"^layers\.(\d+)\.0", (-1,)),
            (r"^layers\.(\d+)\.1\.(\d+)", None),
            (r"^layers\.(\d+)\.2", PREVIOUS),
        ],
    },
    "CSPNeXt": {"stem": r"^stem", "blocks": r"^stage(\d+)"},
    "CSPDarknet": {"stem": r"^stem", "blocks": r"^stage(\d+)"},
}


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class LayerwiseOptimWrapperConstructor(DefaultOptimWrapperConstructor):
    """mmengine's constructor with learning rates multiplied by part of the model and by depth in the backbone.

    Options of ``paramwise_cfg`` in addition to mmengine's (``norm_decay_mult``, ``custom_keys`` ...), which keep their
    meaning:

    - ``layer_decay``: in a backbone of ``n`` layers, layer ``i`` (0 is the stem) learns at ``layer_decay ** (n - i)``
      times the learning rate of the heads, as in BEiT (https://arxiv.org/abs/2106.08254). Default 1. Norms after the
      backbone's maps are not pretrained and learn at the heads' rate.
    - ``part_lr``: a factor on the learning rate by part of the model, named by the first components of its parameters'
      names: ``dict(backbone=0.1)``. Of several parts that match, the longest name counts. Unlike ``custom_keys`` it
      does not switch off the rules for norms and biases.

    Parameters with equal settings share a group; the group with the highest learning rate comes first, so that a run's
    log shows the heads' rate. Parameters in the backbone's ``decay_free`` (position embeddings) get no weight decay.
    """

    base_lr: float

    def add_params(self, params: list[dict[str, Any]], module: nn.Module, *args: Any, **kwargs: Any) -> None:
        """Add a model's parameters in groups.

        Args:
            params: List of groups, extended in place.
            module: The model.
            *args: Passed on to mmengine's method, which calls itself for each child of the model.
            **kwargs: As ``args``.

        Raises:
            InputError: An option is invalid or does not fit the model.
        """
        if args or kwargs:
            super().add_params(params, module, *args, **kwargs)
            return
        rates = self._multipliers(module)
        single: list[dict[str, Any]] = []
        with only_errors(MMLogger.get_current_instance()):  # a line for every parameter otherwise
            super().add_params(single, module)
        names = {id(parameter): name for name, parameter in module.named_parameters()}
        exempt = decay_free(module)
        for group in single:
            name = names[id(group["params"][0])]
            group["lr"] = group.get("lr", self.base_lr) * rates[name]
            if name in exempt and self.base_wd is not None:
                group["weight_decay"] = 0.0
        params.extend(merge_groups(single))
        for line in describe_groups(params, self.base_wd):
            print_log(line, logger="current", level=logging.INFO)

    def _multipliers(self, model: nn.Module) -> dict[str, float]:
        names = [name for name, _ in model.named_parameters()]
        by_part = part_multipliers(names, self.paramwise_cfg.get("part_lr", {}))
        by_depth = depth_multipliers(model, self.paramwise_cfg.get("layer_decay", 1.0))
        return {name: by_part.get(name, 1.0) * by_depth.get(name, 1.0) for name in names}

    def _validate_cfg(self) -> None:
        super()._validate_cfg()
        decay = self.paramwise_cfg.get("layer_decay", 1.0)
        where = "optim_wrapper.paramwise_cfg"
        problems = []
        if not isinstance(decay, int | float) or not 0 < decay <= 1:
            problems.append(Problem(f"{where}.layer_decay", f"{decay!r} is not above 0 and at most 1", "0.7 to 0.9"))
        part_lr = self.paramwise_cfg.get("part_lr", {})
        if not isinstance(part_lr, dict):
            problems.append(Problem(f"{where}.part_lr", f"{part_lr!r} is not a dict", "for example dict(backbone=0.1)"))
            part_lr = {}
        for part, rate in part_lr.items():
            if not isinstance(rate, int | float) or rate < 0:
                remedy = "0.1 is usual; to freeze a part use frozen_stages or FreezeHook"
                problems.append(Problem(f"{where}.part_lr.{part}", f"{rate!r} is not a number of 0 or more", remedy))
        if self.base_lr is None:
            problems.append(Problem("optim_wrapper.optimizer.lr", "is not set", "set the heads' learning rate"))
        if problems:
            raise InputError(problems)


def part_multipliers(names: Sequence[str], part_lr: Mapping[str, float]) -> dict[str, float]:
    """Return the factor of each parameter that is in one of the parts.

    >>> part_multipliers(["backbone.stem.weight", "backbone2.weight"], {"backbone": 0.1})
    {'backbone.stem.weight': 0.1}

    Raises:
        InputError: The model has no such part.
    """
    absent = [part for part in part_lr if not any(_is_part(part, name) for name in names)]
    if absent:
        known = sorted({name.partition(".")[0] for name in names})
        where = "optim_wrapper.paramwise_cfg.part_lr"
        remedies = {part: nearest(part, known) or f"its parts are {', '.join(known)}" for part in absent}
        raise InputError([Problem(f"{where}.{part}", "the model has no such part", remedies[part]) for part in absent])
    longest_first = sorted(part_lr, key=len, reverse=True)
    found = {name: next((part for part in longest_first if _is_part(part, name)), None) for name in names}
    return {name: part_lr[part] for name, part in found.items() if part is not None}


def _is_part(part: str, name: str) -> bool:
    return name == part or name.startswith(f"{part}.")


def depth_multipliers(model: nn.Module, layer_decay: float) -> dict[str, float]:
    """Return ``layer_decay ** (n - i)`` for each parameter in layer ``i`` of the model's backbone of ``n`` layers.

    Raises:
        InputError: The model has no backbone, or one whose layers are not known.
    """
    if layer_decay == 1:
        return {}
    backbone = getattr(model, BACKBONE, None)
    if backbone is None:
        what, remedy = f"{type(model).__name__} has no backbone", "leave layer_decay out"
        raise InputError(Problem("optim_wrapper.paramwise_cfg.layer_decay", what, remedy))
    numbers = layer_numbers(backbone)
    layers = 1 + max(numbers.values())
    return {f"{BACKBONE}.{name}": layer_decay ** (layers - number) for name, number in numbers.items()}


def decay_free(model: nn.Module) -> set[str]:
    """Return the parameters that the model's backbone exempts from weight decay."""
    exempt = getattr(getattr(model, BACKBONE, None), "decay_free", set)
    return {f"{BACKBONE}.{name}" for name in exempt()}


def merge_groups(groups: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Merge groups with equal settings, the highest learning rate first; parameters keep their order."""
    merged: dict[tuple[tuple[str, Any], ...], dict[str, Any]] = {}
    for group in groups:
        settings = {key: value for key, value in group.items() if key != "params"}
        joined = merged.setdefault(tuple(sorted(settings.items())), {**settings, "params": []})
        joined["params"].extend(group["params"])
    return sorted(merged.values(), key=lambda group: -group["lr"])


def describe_groups(groups: Sequence[Mapping[str, Any]], base_wd: float | None) -> list[str]:
    """Return groups as lines of a table: learning rate, weight decay, number of tensors and of values."""
    lines = [f"{len(groups)} groups of parameters", f"{'learning rate':>14}{'decay':>10}{'tensors':>9}{'values':>14}"]
    for group in groups:
        decay = group.get("weight_decay", base_wd)
        values = sum(parameter.numel() for parameter in group["params"])
        shown = "-" if decay is None else f"{decay:.4g}"
        lines.append(f"{group['lr']:>14.4g}{shown:>10}{len(group['params']):>9,}{values:>14,}")
    return lines


def layer_numbers(backbone: Any) -> dict[str, int]:
    """Return the layer of each parameter of a backbone, 0 for the stem.

    A method ``layer_numbers`` of the backbone, such as that of :class:`TimmBackbone`, has precedence. Parameters that
    belong to no layer, such as norms after the feature maps, are left out.

    Raises:
        InputError: The backbone has no such method and is not one of those listed in ``LAYERS``.
    """
    if hasattr(backbone, "layer_numbers"):
        return dict(backbone.layer_numbers())
    for parent in type(backbone).__mro__:
        if parent.__name__ in LAYERS:
            return _matched(backbone, LAYERS[parent.__name__])
    name = type(backbone).__name__
    what = f"the order of the layers of {name} is not known"
    remedy = f"use TimmBackbone, or one of {', '.join(sorted(LAYERS))}, or set layer_decay to 1"
    raise InputError(Problem("optim_wrapper.paramwise_cfg.layer_decay", what, remedy))


def _matched(backbone: nn.Module, matcher: dict[str, Any]) -> dict[str, int]:
    numbers = timm.models.group_parameters(backbone, matcher, reverse=True)
    entries = [entry if isinstance(entry, list) else [(entry, None)] for entry in matcher.values()]
    patterns = [pattern for entry in entries for pattern, _ in entry]
    return {name: number for name, number in numbers.items() if any(re.match(each, name) for each in patterns)}
