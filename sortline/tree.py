"""Walking through the dicts of a config."""

from __future__ import annotations

from collections.abc import Collection, Iterator
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
