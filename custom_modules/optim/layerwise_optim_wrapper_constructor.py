"""Learning rates that fall with depth, and by part of the model."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mmengine.logging import MMLogger, print_log
from mmengine.optim import DefaultOptimWrapperConstructor
from mmengine.registry import OPTIM_WRAPPER_CONSTRUCTORS
from torch import nn

from custom_modules.optim.backbone_layers import layer_numbers
from sortline.errors import InputError, Problem, nearest
from sortline.quiet import only_errors

BACKBONE = "backbone"


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class LayerwiseOptimWrapperConstructor(DefaultOptimWrapperConstructor):
    """mmengine's constructor, its learning rates multiplied by part of the model and by depth in the backbone.

    Options of ``paramwise_cfg`` beside mmengine's own (``norm_decay_mult``, ``custom_keys`` ...), which keep their
    meaning:

    - ``layer_decay``: of a backbone of ``n`` layers, layer ``i`` (0 the stem) learns at ``layer_decay ** (n - i)``
      times the rate of the heads, as in BEiT (https://arxiv.org/abs/2106.08254). 1 unless given. Norms behind
      the backbone's maps start anew and learn at the heads' rate.
    - ``part_lr``: the beginning of parameter names, whole parts of them, and what the learning rate of such
      parameters is multiplied by: ``dict(backbone=0.1)``. Of several that fit the longest counts. Unlike
      ``custom_keys`` it leaves the rules for norms and biases in force.

    Parameters of equal settings share a group, the fastest first, so that a run's log shows the heads' rate. Those
    that the backbone's ``decay_free`` names (position embeddings) get no weight decay.
    """

    def add_params(self, params: list[dict[str, Any]], module: nn.Module, *args: Any, **kwargs: Any) -> None:
        """Add a model's parameters in groups.

        Args:
            params: List of groups, extended in place.
            module: The model.
            *args: Given on to mmengine's method, which calls itself for each child of the model.
            **kwargs: Likewise.

        Raises:
            InputError: Options that mean nothing, or that do not fit the model.
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
            problems.append(Problem(f"{where}.part_lr", f"{part_lr!r} is not a dict", "dict(backbone=0.1), say"))
            part_lr = {}
        for part, rate in part_lr.items():
            if not isinstance(rate, int | float) or rate < 0:
                remedy = "frozen_stages or FreezeHook freeze; 0.1 is usual here"
                problems.append(Problem(f"{where}.part_lr.{part}", f"{rate!r} is not a number from 0", remedy))
        if self.base_lr is None:
            problems.append(Problem("optim_wrapper.optimizer.lr", "is not set", "set the heads' learning rate"))
        if problems:
            raise InputError(problems)


def part_multipliers(names: Sequence[str], part_lr: Mapping[str, float]) -> dict[str, float]:
    """Return the multiplier of each parameter that a part of the model names.

    >>> part_multipliers(["backbone.stem.weight", "backbone2.weight"], {"backbone": 0.1})
    {'backbone.stem.weight': 0.1}

    Raises:
        InputError: A part that the model lacks.
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
    backbone = getattr(model, BACKBONE, None)
    names: Iterable[str] = backbone.decay_free() if hasattr(backbone, "decay_free") else ()
    return {f"{BACKBONE}.{name}" for name in names}


def merge_groups(groups: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Join groups of equal settings, the highest learning rate first; parameters keep their order."""
    merged: dict[tuple[tuple[str, Any], ...], dict[str, Any]] = {}
    for group in groups:
        settings = {key: value for key, value in group.items() if key != "params"}
        joined = merged.setdefault(tuple(sorted(settings.items())), {**settings, "params": []})
        joined["params"].extend(group["params"])
    return sorted(merged.values(), key=lambda group: -group["lr"])


def describe_groups(groups: Sequence[Mapping[str, Any]], base_wd: float | None) -> list[str]:
    """List groups as lines of a table: learning rate, weight decay, number of tensors and of values."""
    lines = [f"{len(groups)} groups of parameters", f"{'learning rate':>14}{'decay':>10}{'tensors':>9}{'values':>14}"]
    for group in groups:
        decay = group.get("weight_decay", base_wd)
        values = sum(parameter.numel() for parameter in group["params"])
        shown = "-" if decay is None else f"{decay:.4g}"
        lines.append(f"{group['lr']:>14.4g}{shown:>10}{len(group['params']):>9,}{values:>14,}")
    return lines
