"""Settings of runs as flat tables of dotted keys, for printing, comparing and recognising."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

ABSENT = "(absent)"
#: Keys that say where a run happens and how fast, not what it does. Annotation files count by their content.
PLACES = frozenset(
    (
        *("work_dir", "data_root", "ann_file", "ann_files", "num_workers", "persistent_workers", "prefetch_factor"),
        *("visualizer", "vis_backends", "log_level", "env_cfg", "launcher"),
    )
)


def flatten(value: Any, prefix: str = "") -> dict[str, Any]:
    """List every leaf of nested settings by its dotted key; a number is an index into a list.

    >>> flatten({"a": {"b": [1, {"c": 2}], "d": [3, 4]}})
    {'a.b.0': 1, 'a.b.1.c': 2, 'a.d': [3, 4]}

    A list of plain values, such as ``[0.9, 0.999]``, is one leaf.
    """
    items: Iterable[tuple[Any, Any]]
    if isinstance(value, Mapping) and value:
        items = value.items()
    elif isinstance(value, list | tuple) and any(isinstance(item, Mapping | list | tuple) for item in value):
        items = enumerate(value)
    else:
        return {prefix: value} if prefix else {}
    flat: dict[str, Any] = {}
    for key, item in items:
        flat |= flatten(item, f"{prefix}.{key}" if prefix else str(key))
    return flat


def difference(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """List the keys on which two runs' settings differ.

    Returns:
        ``(key, value in first, value in second)`` by key, with the text ``"(absent)"`` where one has no such key.
    """
    left, right = flatten(first), flatten(second)
    return [
        (key, left.get(key, ABSENT), right.get(key, ABSENT))
        for key in sorted(left.keys() | right.keys())
        if key not in left or key not in right or left[key] != right[key]
    ]


def difference_in_effect(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """List the differences that change what a run computes, leaving out :data:`PLACES`.

    >>> difference_in_effect({"lr": 0.1, "work_dir": "a"}, {"lr": 0.2, "work_dir": "b"})
    [('lr', 0.1, 0.2)]
    """
    return [entry for entry in difference(first, second) if PLACES.isdisjoint(entry[0].split("."))]
