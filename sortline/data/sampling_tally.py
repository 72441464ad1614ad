"""What was drawn, beside what the data holds: counts, a table for the log, a record for a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sortline.arrays import IntArray
from sortline.data.sampling_weights import Pool
from sortline.reports.tables import Table


@dataclass(frozen=True)
class Drawn:
    """Counts of a draw.

    Attributes:
        images: Draws in all.
        distinct: Different images among them.
        boxes: Boxes of each class on the drawn images, each as often as its image, shape ``(C,)``.
        sources: Draws of each source's images, shape ``(S,)``.
    """

    images: int
    distinct: int
    boxes: IntArray
    sources: IntArray


class DrawTally:
    """Counts, epoch by epoch, how often each image was drawn.

    Args:
        pool: What is drawn from.
        draw: Returns the indices drawn in an epoch, counted from 0; the same whenever it is asked.
        epochs: Epochs to count at once: those that a resumed run has behind it.

    Attributes:
        epochs: Epochs counted.
        total: Draws of each image in all of them, shape ``(N,)``.
    """

    def __init__(self, pool: Pool, draw: Callable[[int], IntArray], epochs: int = 0) -> None:
        self.pool = pool
        self.epochs = 0
        self.total = np.zeros(len(pool.counts), dtype=np.int64)
        self._draw = draw
        for _ in range(epochs):
            self.advance()

    def advance(self) -> IntArray:
        """Count the next epoch and return how often it draws each image, shape ``(N,)``."""
        times = np.bincount(self._draw(self.epochs), minlength=len(self.total))
        self.total += times
        self.epochs += 1
        return times


def count_drawn(times: IntArray, pool: Pool) -> Drawn:
    """Count what was drawn.

    Args:
        times: How often each image was drawn, shape ``(N,)``.
        pool: What was drawn from.
    """
    sources = np.zeros(len(pool.sources), dtype=np.int64)
    np.add.at(sources, pool.source_of, times)
    return Drawn(int(times.sum()), int(np.count_nonzero(times)), times @ pool.counts, sources)


def as_record(drawn: Drawn, pool: Pool) -> dict[str, Any]:
    """Return the counts by name, for a json."""
    return {
        "images": drawn.images,
        "distinct_images": drawn.distinct,
        "boxes": dict(zip(pool.classes, drawn.boxes.tolist(), strict=True)),
        "sources": dict(zip(pool.sources, drawn.sources.tolist(), strict=True)),
    }


def short_line(drawn: Drawn, pool: Pool) -> str:
    """Say in one line what was drawn.

    >>> pool = Pool(("cup", "can"), np.array([[3, 0], [0, 1]]), ("main",), np.array([0, 0]))
    >>> short_line(count_drawn(np.array([1, 2]), pool), pool)
    '3 images, 2 of them distinct; 5 boxes: cup 60.0%, can 40.0%'
    """
    total = int(drawn.boxes.sum())
    shares = ", ".join(
        f"{name} {_percent(boxes, total)}" for name, boxes in zip(pool.classes, drawn.boxes, strict=True)
    )
    line = f"{drawn.images:,} images, {drawn.distinct:,} of them distinct; {total:,} boxes: {shares}"
    if len(pool.sources) > 1:
        parts = zip(pool.sources, drawn.sources, strict=True)
        line += "; " + ", ".join(f"{images:,} of {name}" for name, images in parts)
    return line


def draw_table(drawn: Drawn, pool: Pool) -> str:
    """Lay out what was drawn beside what the data holds, by class and, where there are several, by source."""
    data = count_drawn(np.ones(len(pool.counts), dtype=np.int64), pool)
    text = _table(("class", "boxes drawn"), pool.classes, drawn.boxes, data.boxes)
    if len(pool.sources) > 1:
        text += "\n\n" + _table(("source", "images drawn"), pool.sources, drawn.sources, data.sources)
    return text


def _table(headers: tuple[str, str], names: Sequence[str], drawn: IntArray, data: IntArray) -> str:
    rows = [
        (name, f"{ours:,}", _percent(ours, drawn.sum()), f"{theirs:,}", _percent(theirs, data.sum()))
        for name, ours, theirs in zip(names, drawn.tolist(), data.tolist(), strict=True)
    ]
    return Table((*headers, "share", "in the data", "share"), rows).text()


def _percent(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "0.0%"
