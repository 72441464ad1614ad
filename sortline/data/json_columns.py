"""Columns of a list of JSON objects; what is wrong with them is collected, to be reported together."""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

import numpy as np

from sortline.arrays import BoolArray, FloatArray, IntArray
from sortline.errors import Problem, counted

MISSING: Final = object()
INT64_LIMIT: Final = 2**63


SHOWN: Final = reprlib.Repr()
SHOWN.maxstring = SHOWN.maxlong = SHOWN.maxother = 40


@dataclass(frozen=True)
class Fault:
    """One thing wrong with some rows of a list.

    Attributes:
        where: The file, as shown to the user.
        kind: Short name of the rule that is broken, such as ``"image-width-missing"``.
        rows: Positions of the rows in the file's list, ascending, shape ``(N,)``.
        what: How many rows of which noun, and what is wrong with them.
        listed: The first rows by name, and how many more there are.
        remedy: What to do about it.
        key: Key of the rows that holds the fault; empty when it isn't one.
    """

    where: str
    kind: str
    rows: IntArray
    what: str
    listed: str
    remedy: str = ""
    key: str = ""

    @property
    def problem(self) -> Problem:
        """The fault as it's shown to the user."""
        return Problem(self.where, f"{self.what}: {self.listed}", self.remedy)


class Columns:
    """Reads typed columns from JSON objects. A well-formed column costs one pass; only a bad one is searched.

    Every reader returns the values and a mask of the rows that hold a usable one; the other rows carry a
    placeholder and are already reported in :attr:`faults`.

    Args:
        where: The file, as shown to the user.
        noun: What one row is, singular and plural: ``("box", "boxes")``.
        rows: The parsed list. Rows that are not objects are reported and left out.

    Attributes:
        rows: The rows that are objects.
        positions: Where in the parsed list each of them stands, shape ``(N,)``.
        faults: What has been found wrong up to now.
    """

    def __init__(self, where: str, noun: tuple[str, str], rows: Sequence[Any]) -> None:
        self.where = where
        self.noun = noun
        self.faults: list[Fault] = []
        self.label = "row" if noun[0] == "row" else f"{noun[0]} number"
        self.names: Sequence[object] = range(len(rows))
        self.positions: IntArray = np.arange(len(rows))
        self.rows: list[dict[str, Any]] = list(rows)
        if set(map(type, rows)) - {dict}:
            is_object = np.array([isinstance(row, dict) for row in rows], dtype=bool)
            self.report(~is_object, "not given as a JSON object", kind="row-bad")
            self.positions = np.flatnonzero(is_object)
            self.names = self.positions.tolist()
            self.rows = [row for row in rows if isinstance(row, dict)]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def problems(self) -> list[Problem]:
        """The faults as they are shown to the user."""
        return [fault.problem for fault in self.faults]

    def name_rows_by(self, label: str, names: Sequence[object]) -> None:
        """Refer to rows in later reports by ``names``, such as their ids, instead of their numbers."""
        self.label = label
        self.names = names

    def report(self, bad: BoolArray, what: str, remedy: str = "", kind: str = "", key: str = "") -> None:
        """Add one fault that counts and lists the ``bad`` rows, if there are any.

        Args:
            bad: Mask of shape ``(N,)``.
            what: What is wrong, to follow a count and a noun: ``"with zero width"``.
            remedy: What to do about it.
            kind: Short name of the rule; what one row is comes before it.
            key: Key that holds the fault.
        """
        rows = np.flatnonzero(bad)
        if len(rows) == 0:
            return
        noun = self.noun[len(rows) > 1]
        label = self.label if len(rows) == 1 else f"{self.label}s"
        listed = f"{label} {counted([self.names[row] for row in rows])}"
        self.add_fault(kind, rows, f"{len(rows):,} {noun} {what}", listed, remedy, key)

    def add_fault(self, kind: str, rows: IntArray, what: str, listed: str, remedy: str = "", key: str = "") -> None:
        """Add a fault in words of its own; the arguments are those of :class:`Fault`, but rows count from here."""
        kind = f"{self.noun[0]}-{kind}"
        self.faults.append(Fault(self.where, kind, self.positions[rows], what, listed, remedy, key))

    def integers(self, key: str, default: int | None = None) -> tuple[IntArray, BoolArray]:
        """Read whole numbers that fit 64 bits; ``default`` stands in for an absent key, if given."""
        values = self._values(key, default)
        if set(map(type, values)) <= {int}:
            try:
                return np.array(values, dtype=np.int64), np.ones(len(values), dtype=bool)
            except OverflowError:
                pass
        good = self._check(key, values, [_is_int64(value) for value in values], "a whole number")
        return np.array(_replaced(values, good, 0), dtype=np.int64), good

    def numbers(self, key: str, default: float | None = None) -> tuple[FloatArray, BoolArray]:
        """Read finite numbers; ``default`` stands in for an absent key, if given."""
        values = self._values(key, default)
        numbers = _float_array(values)
        if numbers is not None and np.isfinite(numbers).all():
            return numbers, np.ones(len(values), dtype=bool)
        good = self._check(key, values, [is_finite_number(value) for value in values], "a finite number")
        return np.array(_replaced(values, good, np.nan), dtype=np.float64), good

    def texts(self, key: str) -> tuple[list[str], BoolArray]:
        """Read strings that hold more than blanks and can be written to a file."""
        values = self._values(key)
        is_text = [isinstance(value, str) and bool(value.strip()) for value in values]
        good = self._check(key, values, is_text, "a text")
        whole = np.array([not ok or _is_whole(value) for value, ok in zip(values, good, strict=True)], dtype=bool)
        self.report(~whole, f"with a NUL or half a character in {key!r}", "give it another name", f"{key}-bad", key)
        good = good & whole
        return _replaced(values, good, ""), good

    def boxes(self, key: str) -> tuple[FloatArray, BoolArray]:
        """Read boxes ``[left, top, width, height]`` of positive size, shape ``(N, 4)``."""
        values = self._values(key)
        if set(map(type, values)) <= {list} and set(map(len, values)) <= {4}:
            flat = _float_array(list(chain.from_iterable(values)))
            if flat is not None and np.isfinite(flat).all():
                bboxes_xywh = flat.reshape(-1, 4)
                return bboxes_xywh, self._check_sizes(key, bboxes_xywh, np.ones(len(values), dtype=bool))
        is_box = [isinstance(value, list) and len(value) == 4 and all(map(_is_number, value)) for value in values]
        good = self._check(key, values, is_box, "four numbers [left, top, width, height]")
        rows = _replaced(values, good, [0, 0, 1, 1])
        finite = np.array([all(map(is_finite_number, row)) for row in rows], dtype=bool)
        self.report(good & ~finite, f"with NaN or infinity in {key!r}", kind="not-finite", key=key)
        bboxes_xywh = np.array(_replaced(rows, finite, [0, 0, 1, 1]), dtype=np.float64).reshape(-1, 4)
        return bboxes_xywh, self._check_sizes(key, bboxes_xywh, good & finite)

    def _check_sizes(self, key: str, bboxes_xywh: FloatArray, good: BoolArray) -> BoolArray:
        order = f"{key!r} is [left, top, width, height], not [xmin, ymin, xmax, ymax]"
        for column, side in ((2, "width"), (3, "height")):
            sizes = bboxes_xywh[:, column]
            remedy = "remove them: nothing can match an empty box"
            self.report(good & (sizes == 0), f"with zero {side}", remedy, "empty", key)
            self.report(good & (sizes < 0), f"with negative {side}", order, "negative", key)
        return good & (bboxes_xywh[:, 2:] > 0).all(axis=1)

    def _values(self, key: str, default: Any = None) -> list[Any]:
        """Collect a key's values. An absent key is reported unless it has a default."""
        absent = MISSING if default is None else default
        values = [row.get(key, absent) for row in self.rows]
        if default is None:
            absent_rows = np.array([value is MISSING for value in values], dtype=bool)
            self.report(absent_rows, f"without {key!r}", kind=f"{key}-missing")
        return values

    def _check(self, key: str, values: list[Any], is_good: list[bool], wanted: str) -> BoolArray:
        """Report the rows that hold something else than ``wanted``; absent keys are reported already."""
        good = np.array(is_good, dtype=bool)
        bad = ~good & np.array([value is not MISSING for value in values], dtype=bool)
        if bad.any():
            seen = shown_value(values[int(np.argmax(bad))])
            self.report(bad, f"whose {key!r} is not {wanted} but, for example, {seen}", kind=f"{key}-bad", key=key)
        return good


def shown_value(value: Any) -> str:
    """Show a value on one line, long and deeply nested ones shortened."""
    text = SHOWN.repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _float_array(values: list[Any]) -> FloatArray | None:
    """Convert numbers; None if any value is not one (numpy would accept ``"1"`` and ``True`` in silence)."""
    if set(map(type, values)) - {int, float}:
        return None
    try:
        return np.array(values, dtype=np.float64)
    except OverflowError:
        return None


def _replaced(values: list[Any], good: BoolArray, placeholder: Any) -> list[Any]:
    return [value if ok else placeholder for value, ok in zip(values, good, strict=True)]


def _is_whole(text: str) -> bool:
    """Tell text that a file system takes from one with a NUL or a lone surrogate, which JSON can spell."""
    return "\0" not in text and (text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text))


def _is_number(value: object) -> bool:
    return type(value) in (int, float)


def _is_int64(value: Any) -> bool:
    return type(value) is int and -INT64_LIMIT <= value < INT64_LIMIT


def is_finite_number(value: Any) -> bool:
    """Tell a number that a float can hold from everything else, truth values included."""
    try:
        return _is_number(value) and bool(np.isfinite(float(value)))
    except OverflowError:
        return False
