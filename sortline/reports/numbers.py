"""How numbers are written for people, in tables, messages and on pages."""

from __future__ import annotations

from typing import Protocol

#: Stands for a number that is not defined, such as the score of a class without boxes.
NOT_DEFINED = "-"


class Bounds(Protocol):
    """The ends of an interval."""

    @property
    def low(self) -> float: ...

    @property
    def high(self) -> float: ...


def some(count: int, noun: str) -> str:
    """Write a number of things.

    Args:
        count: How many.
        noun: What one of them is called.

    >>> some(1, "box"), some(2, "box"), some(0, "category"), some(12345, "image")
    ('1 box', '2 boxes', '0 categories', '12,345 images')
    """
    return f"{count:,} {noun if count == 1 else _plural(noun)}"


def _plural(noun: str) -> str:
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "x", "ch", "sh")) else f"{noun}s"


def score_text(value: float | None, form: str = ".4f") -> str:
    """Write a score from 0 to 1.

    Args:
        value: The score; None where it is not defined.
        form: ``".4f"`` for four decimals, ``"+.4f"`` for a difference with its sign.

    >>> score_text(0.5), score_text(0.5, "+.3f"), score_text(None)
    ('0.5000', '+0.500', '-')
    """
    return NOT_DEFINED if value is None else f"{value:{form}}"


def interval_text(bounds: Bounds | None, form: str = ".4f") -> str:
    """Write an interval of scores: ``"0.2500 to 0.5000"``.

    Args:
        bounds: Its ends; None where it is not defined.
        form: Of each end, as for :func:`score_text`.
    """
    return NOT_DEFINED if bounds is None else f"{bounds.low:{form}} to {bounds.high:{form}}"


def share_text(share: float) -> str:
    """Write a share from 0 to 1 as a percentage, small ones with a decimal.

    >>> share_text(0.256), share_text(0.0256), share_text(0)
    ('26%', '2.6%', '0%')
    """
    return f"{share:.0%}" if share >= 0.1 or share == 0 else f"{share:.1%}"


def measure_text(value: float) -> str:
    """Write a length, an area or the like to three digits.

    >>> measure_text(12345.6), measure_text(0.012345)
    ('12,346', '0.0123')
    """
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def size_text(size: int) -> str:
    """Write a file's size, in decimal units as download pages do.

    Args:
        size: In bytes.

    >>> size_text(2_345), size_text(12_340_000), size_text(102_540_417), size_text(1_234_000_000)
    ('2,345 bytes', '12.3 MB', '103 MB', '1.2 GB')
    """
    if size < 1e5:
        return some(size, "byte")
    if size < 1e9:
        return f"{size / 1e6:.{0 if size >= 1e8 else 1}f} MB"
    return f"{size / 1e9:.1f} GB"
