"""Number the layers of a backbone from the stem upwards, for learning rates that fall with depth."""

from __future__ import annotations

import re
from typing import Any

from torch import nn

from sortline.errors import InputError, Problem
from sortline.weights.timm_lazily import timm

# As timm's `group_matcher`: patterns of parameter names, numbers within them sorted. A pattern that ends in
# PREVIOUS belongs to the layer before it, as mmdet's Swin merges patches at the end of a stage.
PREVIOUS = (99999,)
# mmdet's classes, their subclasses included (ResNeXt, Res2Net, ResNeSt ...).
LAYERS = {
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


def layer_numbers(backbone: nn.Module) -> dict[str, int]:
    """Return the layer of each parameter of a backbone, 0 for the stem.

    A backbone may answer by itself, with a method ``layer_numbers`` as :class:`TimmBackbone` has. Parameters that
    belong to no layer, such as norms behind the maps, are left out.

    Raises:
        InputError: It has no such method and is none of mmdet's backbones that are known here.
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
