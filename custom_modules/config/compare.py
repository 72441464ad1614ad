"""Configs as flat tables of dotted keys, for printing and comparing."""

from __future__ import annotations

from typing import Any

from mmengine.config import Config


def flatten(value: Any, prefix: str = "") -> dict[str, Any]:
    """List every leaf of a nested config by its dotted key; a number is an index into a list.

    >>> flatten({"a": {"b": [1, {"c": 2}], "d": [3, 4]}})
    {'a.b.0': 1, 'a.b.1.c': 2, 'a.d': [3, 4]}

    A list of plain values, such as ``[0.9, 0.999]``, is one leaf.
    """
    if isinstance(value, dict) and value:
        items = value.items()
    elif isinstance(value, list | tuple) and any(isinstance(item, dict | list | tuple) for item in value):
        items = enumerate(value)  # type: ignore[assignment]
    else:
        return {prefix: value}
    flat: dict[str, Any] = {}
    for key, item in items:
        flat |= flatten(item, f"{prefix}.{key}" if prefix else str(key))
    return flat


def difference(first: Config, second: Config) -> list[tuple[str, Any, Any]]:
    """List the keys on which two configs differ.

    Returns:
        ``(key, value in first, value in second)`` by key, with ``None`` given as the text ``"(absent)"`` where
        a config has no such key.
    """
    left, right = flatten(first._cfg_dict.to_dict()), flatten(second._cfg_dict.to_dict())
    return [
        (key, left.get(key, "(absent)"), right.get(key, "(absent)"))
        for key in sorted(left.keys() | right.keys())
        if key not in left or key not in right or left[key] != right[key]
    ]
