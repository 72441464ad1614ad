"""Pretrained weights of a timm backbone: from the hub, or from a file that may name its layers differently."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.error import URLError

import torch

from custom_modules.models.timm_body import on_meta
from sortline.errors import InputError, Problem
from sortline.quiet import only_errors
from sortline.weights.timm_lazily import timm
from sortline.weights.timm_source import TimmSource
from sortline.weights.weight_names import fit_by_order, read_state_dict


def load_whole(model_name: str, args: dict[str, Any], source: TimmSource) -> dict[str, torch.Tensor]:
    """Return the weights of a whole timm model, under timm's names.

    timm converts them as it knows how: other releases' names, position embeddings of another image size.

    Args:
        model_name: The model.
        args: Arguments that it is built with.
        source: Where its weights come from.

    Raises:
        InputError: The weights can't be had, read, or fitted to the model.
    """
    if source.path is None:
        return _from_network(model_name, args, source)
    return from_file(model_name, args, source.path)


def _from_network(model_name: str, args: dict[str, Any], source: TimmSource) -> dict[str, torch.Tensor]:
    try:
        return timm.create_model(model_name, pretrained=True, **args).state_dict()
    except (OSError, URLError) as error:  # huggingface_hub's own errors are OSErrors
        what = f"the weights {source.name} are neither on this machine nor to be had: {str(error).splitlines()[0]}"
        raise InputError(Problem("model.backbone.pretrained", what, source.how_to_get())) from error


def from_file(model_name: str, args: dict[str, Any], path: Path) -> dict[str, torch.Tensor]:
    """Read the weights of a whole model from a file, whoever wrote it.

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
    """Let timm load weights into the whole model, every one of which has to find its place.

    Raises:
        RuntimeError: Some are missing, too many, or of another shape.
        KeyError: timm's converter misses one.
    """
    classes = _number_of_classes(model_name, loaded)
    overlay = dict(state_dict=dict(loaded), num_classes=classes)
    with only_errors(logging.getLogger("timm")):
        whole = timm.create_model(
            model_name, pretrained=True, num_classes=classes, pretrained_cfg_overlay=overlay, **args
        )
    return whole.state_dict()


def _number_of_classes(model_name: str, loaded: Mapping[str, torch.Tensor]) -> int:
    """Return the number of classes of the classifier in a file; 0 if it holds none."""
    cfg = timm.models.get_pretrained_cfg(model_name)
    classifier = cfg.classifier if cfg is not None else None
    name = classifier if isinstance(classifier, str) else (classifier or ("",))[0]
    weight = loaded.get(f"{name}.weight")
    return 0 if weight is None else len(weight)
