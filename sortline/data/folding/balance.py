"""How alike the parts of a split are: counts by part beside what each should have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from sortline.arrays import FloatArray, IntArray
from sortline.data.annotations import CocoJson
from sortline.data.describe.statistics import SIZE_NAMES, box_table
from sortline.data.folding.folds import box_sizes, boxes_by_class
from sortline.reports.tables import GAP, Table

#: With more parts than this the table shows the least and the most of them instead of each.
MOST_COLUMNS = 10


@dataclass(frozen=True)
class BalanceRow:
    """One feature in each part.

    Attributes:
        name: Class, or what is counted.
        total: In the whole file.
        by_part: In each part.
        deviation: Largest distance of a part from its share of the total, relative to that share: 0.01 where the
            worst part has a hundredth too few or too many. None where the total is 0.
    """

    name: str
    total: float
    by_part: list[float]
    deviation: float | None


@dataclass(frozen=True)
class Balance:
    """How alike the parts of a split are.

    Attributes:
        parts: Names of the parts.
        classes: Boxes of each class, in the file's order of categories; crowd regions don't count.
        overall: Images, boxes, boxes an image, and boxes by COCO's size classes.
        rare_classes: Classes with boxes in fewer groups than there are parts, so that some part has none.
        empty_classes: Classes without boxes.
    """

    parts: list[str]
    classes: list[BalanceRow]
    overall: list[BalanceRow]
    rare_classes: list[str]
    empty_classes: list[str]

    def as_json(self) -> dict[str, Any]:
        """Return all of it as plain values."""
        return asdict(self)


def balance(
    annotations: CocoJson, of_image: IntArray, parts: Sequence[str], shares: Sequence[float], groups: IntArray
) -> Balance:
    """Count what each part holds.

    Args:
        annotations: The file that was split.
        of_image: Part of each image, shape ``(N,)``.
        parts: Names of the ``K`` parts.
        shares: Share of the whole that each part should have, summing to 1.
        groups: Group of each image, from 0, shape ``(N,)``.
    """
    table = box_table(annotations)
    of_box = of_image[table.rows]
    by_class = _by_part(of_box, table.labels, (len(parts), len(table.classes)))
    by_size = _by_part(of_box, box_sizes(table), (len(parts), len(SIZE_NAMES)))
    images = np.bincount(of_image, minlength=len(parts))
    boxes = by_class.sum(axis=1)
    classes = [_row(name, column, shares) for name, column in zip(table.classes, by_class.T, strict=True)]
    rate = boxes.sum() / images.sum()
    rates = boxes / np.maximum(images, 1)
    overall = [
        _row("images", images, shares),
        _row("boxes", boxes, shares),
        BalanceRow("boxes an image", float(rate), rates.tolist(), _deviation(rates, np.full(len(parts), rate))),
        *(_row(f"{name} boxes", column, shares) for name, column in zip(SIZE_NAMES, by_size.T, strict=True)),
    ]
    present = boxes_by_class(table).tocoo()
    holders = np.unique(np.stack([groups[present.row], present.col]), axis=1)[1]
    held_by = np.bincount(holders, minlength=len(table.classes)).tolist()
    rare = [name for name, count in zip(table.classes, held_by, strict=True) if 0 < count < len(parts)]
    empty = [name for name, count in zip(table.classes, held_by, strict=True) if count == 0]
    return Balance(list(parts), classes, overall, rare, empty)


def _by_part(of_box: IntArray, columns: IntArray, shape: tuple[int, int]) -> IntArray:
    """Count boxes by part and column."""
    counts = np.bincount(of_box * shape[1] + columns, minlength=shape[0] * shape[1])
    return counts.reshape(shape)


def _row(name: str, counts: IntArray, shares: Sequence[float]) -> BalanceRow:
    total = int(counts.sum())
    return BalanceRow(name, total, counts.tolist(), _deviation(counts, total * np.asarray(shares)))


def _deviation(values: IntArray | FloatArray, expected: FloatArray) -> float | None:
    """Return the largest relative distance of values from what is expected; None where that is nothing."""
    if not (expected > 0).all():
        return None
    return float((np.abs(values - expected) / expected).max())


def balance_table(report: Balance, title: str) -> Table:
    """Lay the report out as a table."""
    each = len(report.parts) <= MOST_COLUMNS
    rows: list[Sequence[str]] = []
    for section in (report.classes, report.overall):
        rows += [GAP] if rows else []
        for row in section:
            shown = row.by_part if each else [min(row.by_part), max(row.by_part)]
            off = "" if row.deviation is None else f"{row.deviation:.2%}"
            rows.append((row.name, *map(_number, (row.total, *shown)), off))
    return Table(("", "total", *(report.parts if each else ("least", "most")), "off by"), rows, title)


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.2f}"


def balance_notes(report: Balance) -> list[str]:
    """Say in words what the numbers can't show or what needs attention."""
    notes = []
    if not any(row.total for row in report.classes):
        notes.append("the file has no boxes: only the number of images is balanced")
    elif report.empty_classes:
        notes.append(f"classes without boxes: {', '.join(report.empty_classes)}")
    if report.rare_classes:
        names = ", ".join(report.rare_classes)
        notes.append(f"classes in too few images, or groups of images, to be in all {len(report.parts)} parts: {names}")
    return notes
