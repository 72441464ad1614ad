"""Dataclasses from what JSON holds, refusing values of other types than the classes declare."""

from __future__ import annotations

import math
import types
from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

Kind = TypeVar("Kind")


def from_json(kind: type[Kind], content: Any) -> Kind:
    """Build a dataclass, and those within it, from the dicts that :func:`dataclasses.asdict` makes of them.

    Fields may be declared as ``str``, ``int``, ``float``, ``bool``, ``Any``, as dataclasses, as lists or dicts of
    these, or as unions. A field that has a default may be absent, and a ``float`` is a finite one.

    Raises:
        TypeError: A value is of another type than declared, a key is no field, or a field without default is absent.
    """
    built = _converted(kind, content)
    if not isinstance(built, kind):
        raise TypeError(f"{content!r} is no {kind.__name__}")
    return built


def finite_number(value: Any) -> float | None:
    """Return a number that JSON holds; None for what is none, for NaN and for what is too large.

    >>> finite_number(2), finite_number(float("nan")), finite_number(10**400), finite_number(True)
    (2.0, None, None, None)
    """
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _converted(hint: Any, value: Any) -> Any:
    if hint is Any:
        return value
    if hint is float and finite_number(value) is None:
        raise TypeError(f"{type(value)} is no finite number")
    if is_dataclass(hint):
        return _dataclass(hint, value)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _first_that_fits(arguments, value)
    if origin is list and isinstance(value, list):
        return [_converted(arguments[0], item) for item in value]
    if origin is dict and isinstance(value, Mapping):
        return {_converted(arguments[0], key): _converted(arguments[1], item) for key, item in value.items()}
    accepted = (int, float) if hint is float else origin or hint
    if not isinstance(value, accepted) or (isinstance(value, bool) and hint is not bool):
        raise TypeError(f"{value!r} is no {hint}")
    return value


def _dataclass(kind: Any, value: Any) -> Any:
    if not isinstance(value, Mapping):
        raise TypeError(f"{value!r} is no {kind.__name__}")
    hints = get_type_hints(kind)
    if unknown := value.keys() - hints.keys():
        raise TypeError(f"{kind.__name__} has no {sorted(unknown)}")
    return kind(**{key: _converted(hints[key], item) for key, item in value.items()})


def _first_that_fits(hints: tuple[Any, ...], value: Any) -> Any:
    for hint in hints:
        try:
            return _converted(hint, value)
        except TypeError:
            continue
    raise TypeError(f"{value!r} is none of {hints}")
