"""Make any detector, or a whole experiment, tiny, so that a training step on a CPU takes a second.

The kinds of layers and their connections stay the same. Every width is divided by one factor, so that parts still fit
each other without any knowledge of them, and what is repeated is repeated less. torch and mmdet are imported where they
are used, so that tests are collected without them.
"""

from __future__ import annotations

import copy
import inspect
import math
import re
from typing import Any

SIDE = 96  # width and height of photos in pixels
WIDTH_FACTOR = 8
# Widths up to this one are kept: image channels, and channels that the parameter counts of dynamic heads depend on.
SMALLEST_WIDTH = 16
WIDTH_KEY = re.compile(r"(channels?|embed_dims|num_feats|filters|inplanes|hidden_dim)$")

# Upper limits of what is repeated, chosen or sampled. Each entry of a list is capped.
CAPS = {
    "deepen_factor": 0.167,
    "depths": 2,
    "max_per_image": 50,
    "max_per_img": 50,
    "nms_post": 50,
    "nms_pre": 100,
    "num": 64,
    "num_blocks": 1,
    "num_csp_blocks": 1,
    "num_dn_queries": 10,
    "num_modules": 1,
    "num_points": 196,
    "num_proposals": 50,
    "num_queries": 50,
    "stage_blocks": 1,
    "subdivision_num_points": 196,
}
# Transformers have six layers or more; a dynamic mask head has three, on which its number of parameters depends.
MOST_LAYERS = 3
FEW_LAYERS = 2

# The code of these fixes widths: ResLayer follows the last but one stage of a ResNet, SSDNeck VGG and MobileNet,
# the transformers have position encodings for 256 channels.
FIXED_WIDTH_TYPES = {"ConditionalDETR", "ResLayer", "SSDNeck"}
FIXED_WIDTH_TWO_STAGE = {"DeformableDETR"}

SHALLOW_RESNET = 50
NARROW: dict[str, dict[str, Any]] = {
    "EfficientNet": dict(arch="b0"),
    "RegNet": dict(arch=dict(w0=8, wa=8.0, wm=2.0, group_w=8, depth=8, bot_mul=1.0)),
    "Res2Net": dict(base_width=4),
    "ResNeXt": dict(groups=4),
}
# Backbones whose widths don't follow the factor: their output channels are measured and written into the neck.
MEASURED_TYPES = {"Darknet", "EfficientNet", "MobileNetV2", "RegNet", "TimmBackbone"}
# timm's smallest model by the start of a model's name; others are kept.
TIMM_SMALLEST = {
    "convnext": "test_convnext",
    "resne": "test_resnet",
    "swin_": "swin_tiny_patch4_window7_224",
    "swinv2_": "swinv2_tiny_window8_256",
}


def shrink_model(cfg: Any) -> None:
    """Make a detector's config tiny, in place, and drop its pretrained weights.

    Args:
        cfg: A whole config, with the detector at ``model``, or the detector's dict.
    """
    model = cfg.get("model", cfg)
    for part in parts_of(model):
        _write_out_defaults(part)
    parts = parts_of(model)
    for part in parts:
        part.pop("batch_augments", None)  # they bring photos to sizes of their own
        _drop_pretrained(part)
        _normalise_alone(part)
        _repeat_less(part)
    if not any(_has_fixed_width(part) for part in parts):
        for part in parts:
            _narrow(part)
    _fit_to_measured(parts)


def shrink_experiment(cfg: Any, side: int = SIDE) -> None:
    """Make detector and photos of a bound config tiny, in place.

    Args:
        cfg: With the three loaders' datasets filled in.
        side: Width and height of photos in pixels.
    """
    shrink_model(cfg)
    for part in ("train", "val", "test"):
        shrink_images(cfg[f"{part}_dataloader"].dataset, side)
    shrink_images(cfg.get("custom_hooks"), side)


def shrink_images(node: Any, side: int = SIDE) -> None:
    """Make every image size in a pipeline ``side`` pixels, in place."""
    if isinstance(node, list | tuple):
        for item in node:
            shrink_images(item, side)
    elif isinstance(node, dict):
        for key in ("scale", "img_scale", "crop_size", "size"):
            if _is_size(node.get(key)):
                node[key] = (side, side)
        if all(map(_is_size, node.get("scales", [None]))):
            node["scales"] = [(side, side)]
        if "border" in node:
            node["border"] = (-side // 2, -side // 2)
        for value in node.values():
            shrink_images(value, side)


def _is_size(value: Any) -> bool:
    """Tell a size in pixels from a factor or a part of the photo."""
    return isinstance(value, list | tuple) and all(isinstance(length, int) for length in value)


def parts_of(model: Any) -> list[dict[str, Any]]:
    """List every dict of a config once, however often it is referred to."""
    found: dict[int, dict[str, Any]] = {}
    _collect(model, found)
    return list(found.values())


def _collect(node: Any, found: dict[int, dict[str, Any]]) -> None:
    if isinstance(node, list | tuple):
        for item in node:
            _collect(item, found)
    elif isinstance(node, dict) and id(node) not in found:
        found[id(node)] = node
        for value in node.values():
            _collect(value, found)


def _type(part: dict[str, Any]) -> str:
    """Return a part's type without its scope (``mmdet.ResNet``); empty for what isn't built by a registry."""
    name = part.get("type", "")
    return (name if isinstance(name, str) else name.__name__).rpartition(".")[2]


def _has_fixed_width(part: dict[str, Any]) -> bool:
    return _type(part) in FIXED_WIDTH_TYPES or (
        _type(part) in FIXED_WIDTH_TWO_STAGE and part.get("as_two_stage", False)
    )


def _drop_pretrained(part: dict[str, Any]) -> None:
    init_cfg = part.get("init_cfg")
    if isinstance(init_cfg, dict) and "checkpoint" in init_cfg:
        part["init_cfg"] = None
    if "teacher_ckpt" in part:
        part["teacher_ckpt"] = None
    if part.get("pretrained"):
        part["pretrained"] = False if _type(part) == "TimmBackbone" else None


def _write_out_defaults(part: dict[str, Any]) -> None:
    """Write the widths and groups that a part takes by default into its config, so that they are divided too."""
    from mmdet.registry import MODELS

    built = part.get("type")
    built = MODELS.get(built) if isinstance(built, str) else built
    for key, default in _defaults(built).items() if inspect.isclass(built) else ():
        is_width = key == "widen_factor" or (WIDTH_KEY.search(key) and isinstance(default, int))
        is_group_norm = isinstance(default, dict) and "num_groups" in default
        if key not in part and (is_width or is_group_norm):
            part[key] = copy.deepcopy(default)


def _defaults(built: type) -> dict[str, Any]:
    """List the default arguments of a class, those passed on to its parents included."""
    defaults: dict[str, Any] = {}
    for owner in inspect.getmro(built):
        if "__init__" not in vars(owner):
            continue
        parameters = inspect.signature(owner.__init__).parameters.values()
        for parameter in parameters:
            if parameter.default is not parameter.empty:
                defaults.setdefault(parameter.name, parameter.default)
        if all(parameter.kind is not parameter.VAR_KEYWORD for parameter in parameters):
            break
    return defaults


def _normalise_alone(part: dict[str, Any]) -> None:
    """Replace batch norms that share statistics between processes: there is one, and MMSyncBN doesn't build then."""
    if _type(part) in ("SyncBN", "MMSyncBN"):
        part["type"] = "BN"


def _repeat_less(part: dict[str, Any]) -> None:
    for key in CAPS.keys() & part.keys():
        part[key] = _capped(part[key], CAPS[key])
    layers = part.get("num_layers")
    if isinstance(layers, list | tuple) or (isinstance(layers, int) and layers > MOST_LAYERS):
        part["num_layers"] = _capped(layers, FEW_LAYERS)
    if part.get("depth") in (101, 152):
        part["depth"] = SHALLOW_RESNET


def _capped(value: Any, cap: float) -> Any:
    if isinstance(value, list | tuple):
        return type(value)(_capped(item, cap) for item in value)
    return min(value, cap) if isinstance(value, int | float) and value > 0 else value


def _narrow(part: dict[str, Any]) -> None:
    for key, value in list(part.items()):
        if WIDTH_KEY.search(key):
            part[key] = _divided(value)
    if "widen_factor" in part and _type(part) not in MEASURED_TYPES:
        part["widen_factor"] /= WIDTH_FACTOR
    if part.get("num_groups") and part["num_groups"] % WIDTH_FACTOR == 0:
        part["num_groups"] //= WIDTH_FACTOR
    part.update(NARROW.get(_type(part), {}))
    if _type(part) == "TimmBackbone":
        name = part["model_name"]
        part["model_name"] = next((tiny for start, tiny in TIMM_SMALLEST.items() if name.startswith(start)), name)


def _divided(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return type(value)(_divided(item) for item in value)
    if isinstance(value, int) and not isinstance(value, bool) and value > SMALLEST_WIDTH:
        return math.ceil(value / WIDTH_FACTOR)
    return value


def _fit_to_measured(parts: list[dict[str, Any]]) -> None:
    """Tell each neck how many channels a backbone returns whose widths don't follow the factor."""
    for part in parts:
        for key in [key for key in part if key.endswith("backbone")]:
            if _type(part[key]) not in MEASURED_TYPES:
                continue
            neck = part.get(key.replace("backbone", "neck"))
            neck = neck[0] if isinstance(neck, list | tuple) else neck
            if neck is not None:
                neck["in_channels"] = _like(neck["in_channels"], _out_channels(part[key]))


def _out_channels(backbone: dict[str, Any]) -> list[int]:
    """Measure how many channels each of a backbone's maps has."""
    import torch
    from mmdet.registry import MODELS

    module = MODELS.build(backbone)
    module.eval()  # returns nothing for some of mmdet's backbones
    with torch.no_grad():
        maps = module(torch.zeros(1, 3, 64, 64))
    return [features.shape[1] for features in maps]


def _like(old: Any, channels: list[int]) -> Any:
    """Give measured channels the form of the old ones: a number for the last map, or maps from coarse to fine."""
    if isinstance(old, int):
        return channels[-1]
    return type(old)(channels[::-1] if old[0] > old[-1] else channels)
