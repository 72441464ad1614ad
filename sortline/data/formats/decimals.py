"""Coordinates as decimal texts, added and subtracted without rounding, so that a round trip gives the same floats."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal, InvalidOperation

# Precision without bound: sums and differences of printed floats are exact, so none ever rounds.
EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)

# No float has digits beyond these places; a text such as 1e-999999999 would fill the memory when added to another.
EXPONENTS = range(-1100, 310)

LONGEST_SIDE = 10**9


def exact(number: float) -> Decimal:
    """Return the decimal that a float's shortest text says."""
    return Decimal(repr(number))


def parse_decimal(text: str) -> Decimal | None:
    """Read a finite number; None if the text is something else."""
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        return None
    if not number.is_finite() or number.as_tuple().exponent not in EXPONENTS:
        return None
    return number if math.isfinite(float(number)) else None


def parse_whole(text: str) -> int | None:
    """Read a positive whole number of pixels, ``640`` or ``640.0``; None if the text is something else."""
    number = parse_decimal(text)
    return int(number) if number is not None and 0 < number < LONGEST_SIDE and number == int(number) else None


def box_area(width: float, height: float) -> float:
    """Multiply the sides as their texts say: 1.1 by 1.1 is 1.21, not 1.2100000000000002."""
    return float(EXACT.multiply(exact(width), exact(height)))


def plain(number: Decimal) -> str:
    """Print a number in full, without exponent and without zeros at its end.

    >>> plain(Decimal("12.500"))
    '12.5'
    """
    return f"{EXACT.normalize(number) or Decimal(0):f}"


def box_of_corners(left: Decimal, top: Decimal, right: Decimal, bottom: Decimal, first: int = 0) -> list[float]:
    """Return left, top, width and height in pixels of the corners that :func:`corner_texts` prints."""
    left, top = EXACT.subtract(left, Decimal(first)), EXACT.subtract(top, Decimal(first))
    return [float(value) for value in (left, top, EXACT.subtract(right, left), EXACT.subtract(bottom, top))]


def corner_texts(bbox_xywh: Sequence[float], first: int = 0) -> list[str]:
    """Print left, top, right and bottom in full.

    Args:
        bbox_xywh: Left, top, width, height in pixels.
        first: Number of the first pixel. From 1, left and top are one more, while right and bottom, which
            then name the last pixel inside, are the same as from 0.
    """
    left, top, width, height = map(exact, bbox_xywh)
    sums = ((left, Decimal(first)), (top, Decimal(first)), (left, width), (top, height))
    return [plain(EXACT.add(*pair)) for pair in sums]
