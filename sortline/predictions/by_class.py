"""Numbers for all classes and for single ones, as the command line gives them."""

from __future__ import annotations

from collections.abc import Sequence

from sortline.errors import InputError, Problem


def numbers_by_class(words: Sequence[str], option: str) -> tuple[float | None, dict[str, float]]:
    """Read one number for all classes, then ``CLASS=NUMBER`` for single ones.

    >>> numbers_by_class(["0.55", "Battery=0.4"], "--iou-thr")
    (0.55, {'Battery': 0.4})

    Args:
        words: What follows the option.
        option: Its name, as shown to the user.

    Returns:
        The number for all classes, None if there is none, and those of single ones.

    Raises:
        InputError: A word is neither, or a second number is given for the same.
    """
    general: list[float] = []
    by_class: dict[str, float] = {}
    for word in words:
        name, _, number = word.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            remedy = f"write a number for all classes, then CLASS=NUMBER: {option} 0.55 Battery=0.4"
            raise InputError(Problem(option, f"can't be read: {word!r}", remedy)) from None
        if name in by_class:
            raise InputError(Problem(option, f"has two numbers for {name!r}", "give one"))
        if name:
            by_class[name] = value
        else:
            general.append(value)
    if len(general) > 1:
        raise InputError(Problem(option, f"has {len(general)} numbers for all classes", "give one"))
    return (general[0] if general else None), by_class
