"""Tell the story of one config value: who set it, in which order, and what it is in the end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sortline.errors import InputError, Problem, nearest
from sortline.pipeline.bind import bind
from sortline.pipeline.compose import load_config
from sortline.pipeline.key_origins import Origin, origins
from sortline.pipeline.recipes import PIPELINES, PREFIX


def explain(config: str, key: str, options: Mapping[str, Any] | None = None) -> list[str]:
    """Say where a dotted key's value comes from.

    Args:
        config: Config file.
        key: Such as ``model.backbone.depth``.
        options: Overrides of the command line.

    Returns:
        The value, then each place that sets it: files in the order in which they are read, recipes, then the
        command line, then binding; the last one counts.

    Raises:
        InputError: The resolved config has no such key.
    """
    cfg = load_config(config, options)
    bound = bind(cfg)
    value = _value(cfg._cfg_dict, key, config)
    lines = [f"{key} = {value!r}"]
    lines += [f"  {origin}" for origin in origins(config, key)]
    lines += [f"  {origin}" for name in cfg.get("recipes", []) for origin in _recipe_origins(config, name, key)]
    lines += [f"  --cfg-options {name}={given}" for name, given in (options or {}).items() if _touches(name, key)]
    lines += [f"  bound from the dataset config: {line}" for line in bound if _touches(line.split(" = ")[0], key)]
    return lines


def _recipe_origins(config: str, name: str, key: str) -> list[Origin]:
    """Find where a recipe sets a key: one of its ``config``, or as a whole for the lists that it adds to."""
    if key.partition(".")[0] in (*PIPELINES, "custom_hooks"):
        return origins(config, f"{PREFIX}{name}")
    return origins(config, f"{PREFIX}{name}.config.{key}")


def _touches(name: str, key: str) -> bool:
    return key == name or key.startswith(name + ".")


def _value(node: Any, key: str, config: str) -> Any:
    parts = key.split(".")
    for depth, part in enumerate(parts):
        names = [str(index) for index in range(len(node))] if isinstance(node, list | tuple) else list(node or ())
        if not isinstance(node, dict | list | tuple) or part not in names:
            place = ".".join(parts[:depth]) or "the config"
            remedy = nearest(part, names) or (f"it has {', '.join(names)}" if names else "")
            raise InputError(Problem(f"{config}, {key}", f"{place} has no {part!r}", remedy))
        node = node[int(part)] if isinstance(node, list | tuple) else node[part]
    return node
