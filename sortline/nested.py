"""Nested dicts and lists of settings: walked through, or listed as a flat table of dotted keys."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any


def dicts_below(node: Any, place: str = "", skip: Collection[str] = ()) -> Iterator[tuple[str, Any]]:
    """Walk through a part of a config: every dict in it, itself first, with its dotted place.

    A dict may be changed when it comes; what is then below it is what is walked through.

    Args:
        node: A dict, a list, or any other value, in which there is nothing to find.
        place: Where it is.
        skip: Keys whose values are left out, with all below them.

    >>> [place for place, _ in dicts_below(dict(neck=[dict(), dict(a=1)], rpn_head=dict()), "model", ["rpn_head"])]
    ['model', 'model.neck.0', 'model.neck.1']
    """
    if isinstance(node, list | tuple):
        for index, item in enumerate(node):
            yield from dicts_below(item, f"{place}.{index}", skip)
    elif isinstance(node, dict):
        yield place, node
        for key, item in list(node.items()):
            if key not in skip:
                yield from dicts_below(item, f"{place}.{key}", skip)


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
