"""JSON files whose content is a dataclass, and numbers that JSON holds."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from sortline.errors import InputError, Problem
from sortline.files import read_json

Kind = TypeVar("Kind")


def read_dataclass(
    path: str | os.PathLike[str],
    kind: type[Kind],
    what: str,
    remedy: str,
    renew: Callable[[Any], Any] = lambda content: content,
) -> Kind:
    """Read a file that holds what :func:`dataclasses.asdict` makes of a dataclass.

    A field that has a default may be absent.

    Args:
        path: The file.
        kind: The dataclass.
        what: What to say of a file that holds something else: ``"is not a run's record"``.
        remedy: What to do then.
        renew: Turns what an earlier version wrote into today's form.

    Raises:
        InputError: The file can't be read, a value is of another type than declared, or a key is not one of its fields.
    """
    content = renew(read_json(path))
    try:
        built = msgspec.convert(content, kind)
        _compare(content, msgspec.to_builtins(built))
    except msgspec.ValidationError as error:
        raise InputError(Problem(str(path), f"{what}: {error}", remedy)) from None
    return built


def _compare(content: Any, built: Any, place: str = "$") -> None:
    """Refuse what msgspec lets pass: keys that are no fields, and numbers that are not finite."""
    if isinstance(content, dict):
        if unknown := content.keys() - built.keys():
            raise msgspec.ValidationError(f"Unknown field `{min(unknown)}` - at `{place}`")
        for key, value in content.items():
            _compare(value, built[key], f"{place}.{key}")
    elif isinstance(content, list):
        for index, (value, item) in enumerate(zip(content, built, strict=True)):
            _compare(value, item, f"{place}[{index}]")
    elif isinstance(content, float) and not math.isfinite(content):
        raise msgspec.ValidationError(f"Number is not finite - at `{place}`")


def finite_number(value: Any) -> float | None:
    """Return a number that JSON holds; None for any other value, for NaN and for a number too large for a float.

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
