"""Make an experiment small enough to be trained in a test."""

from __future__ import annotations

from typing import Any

SIDE = 96


def shrink_model(cfg: Any) -> None:
    """Make the detector of a config, or a detector's dict, tiny in place; see ``families.shrink``."""
    # Here, so that collecting the tests needs no torch.
    from families import shrink

    shrink.shrink_model(cfg)


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
