"""Settings of a run as its record holds them, and back: what JSON has no type for is noted beside them."""

from __future__ import annotations

import copy
import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sortline.nested import flatten
from sortline.runs.settings import PLACES
from sortline.secrets import HIDDEN, without_secrets

#: Types that come back, by the name under which they are noted.
RESTORED: dict[str, Callable[[Any], Any]] = {"tuple": tuple, "set": set, "frozenset": frozenset, "float": float}
#: The type noted for values that are recorded as text and can't be restored, such as a function.
LOST = "lost"


def record_settings(config: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """Write a resolved config in values that JSON holds, without secrets.

    >>> record_settings({"scale": (640, 640), "thr": float("inf")})
    ({'scale': [640, 640], 'thr': 'inf'}, {'tuple': ['/scale'], 'float': ['/thr']})

    Returns:
        The settings, and JSON pointers (RFC 6901) of the values that JSON has no type for, by their type.
    """
    settings: dict[str, Any] = without_secrets(config)
    kinds: dict[str, list[str]] = {}
    for pointer, kind in _foreign(config, ""):
        kinds.setdefault(kind, []).append(pointer)
    for pointer in kinds.get("float", []):
        _change(settings, pointer, str)
    return settings, kinds


def _foreign(value: Any, pointer: str) -> Iterator[tuple[str, str]]:
    """List what JSON has no type for: outer values before those within them."""
    kind = _kind(value)
    if kind:
        yield pointer, kind
    items: Any = ()
    if isinstance(value, Mapping):
        items = value.items()
    elif isinstance(value, list | tuple):
        items = enumerate(value)
    for key, item in items:
        yield from _foreign(item, f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}")


def _kind(value: Any) -> str:
    """Name the type of a value where JSON has none for it; an empty string for all others."""
    if isinstance(value, Mapping):
        return "" if all(isinstance(key, str) for key in value) else LOST
    if isinstance(value, float) and not math.isfinite(value):
        return "float"
    if value is None or isinstance(value, str | bool | int | float | list):
        return ""
    return type(value).__name__ if type(value) in RESTORED.values() else LOST


def _change(settings: Any, pointer: str, action: Callable[[Any], Any]) -> None:
    """Replace the value at a pointer."""
    *path, last = (part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])
    node = settings
    for part in path:
        node = node[int(part)] if isinstance(node, list) else node[part]
    key: Any = int(last) if isinstance(node, list) else last
    node[key] = action(node[key])


def restore_settings(settings: Mapping[str, Any], kinds: Mapping[str, list[str]]) -> dict[str, Any]:
    """Return recorded settings with their own types again; secrets and lost values stay as they were recorded.

    Raises:
        KeyError, IndexError, ValueError, TypeError: A pointer leads nowhere, or to a value of another kind.
    """
    restored = copy.deepcopy(dict(settings))
    pointers = [(pointer, kind) for kind, found in kinds.items() if kind != LOST for pointer in found]
    # From the innermost out: there is no way into a tuple to change it.
    for pointer, kind in sorted(pointers, key=lambda entry: entry[0].count("/"), reverse=True):
        _change(restored, pointer, RESTORED[kind])
    return restored


def without_hidden(value: Any, place: str = "") -> tuple[Any, list[str]]:
    """Leave out what was hidden as a secret.

    >>> without_hidden({"init_kwargs": {"api_key": "(hidden)", "name": "a"}})
    ({'init_kwargs': {'name': 'a'}}, ['init_kwargs.api_key'])

    Returns:
        The value, and the dotted keys of what is left out.
    """
    if isinstance(value, str):
        login = f"{HIDDEN}@"
        return value.replace(login, ""), [place] if login in value else []
    if not isinstance(value, Mapping | list | tuple):
        return value, []
    dropped: list[str] = []
    kept: list[tuple[Any, Any]] = []
    for key, item in value.items() if isinstance(value, Mapping) else enumerate(value):
        at = f"{place}.{key}" if place else str(key)
        if item == HIDDEN or (isinstance(item, list | tuple) and HIDDEN in item):
            dropped.append(at)
            continue
        item, below = without_hidden(item, at)
        kept.append((key, item))
        dropped += below
    return (dict(kept) if isinstance(value, Mapping) else type(value)(item for _, item in kept)), dropped


def settings_hash(settings: Mapping[str, Any]) -> str:
    """Return the SHA-256 of what settings change in a run's result: not of places, workers and tracking."""
    flat = {key: value for key, value in flatten(settings).items() if PLACES.isdisjoint(key.split("."))}
    return hashlib.sha256(json.dumps(flat, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
