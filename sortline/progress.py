"""Progress of long work: a bar on a terminal, a line now and then in log files and pipes."""

from __future__ import annotations

import sys
import time
from collections.abc import Collection, Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Item = TypeVar("Item")


class SparseLines:
    """Decides when another line of progress is worth it.

    A line is due when both enough time and enough of the work have passed since the one before, so that neither
    short nor long work fills a log. The start counts as a line: short work gets none.

    Args:
        seconds: Least time between two lines.
        share: Least part of the work between two lines, from 0 to 1.
    """

    def __init__(self, seconds: float = 30, share: float = 0.1) -> None:
        self.seconds = seconds
        self.share = share
        self._time = 0.0
        self._done = 0

    def start(self, now: float, done: int = 0) -> None:
        """Begin at ``now``, a time in seconds, with ``done`` steps of the work behind."""
        self._time, self._done = now, done

    def due(self, now: float, done: int, total: int) -> bool:
        """Tell whether to print a line after ``done`` of ``total`` steps; if so, count from here."""
        is_due = now - self._time >= self.seconds and done - self._done >= self.share * total
        if is_due:
            self.start(now, done)
        return is_due


def track(items: Iterable[Item], description: str, total: int | None = None) -> Iterator[Item]:
    """Yield the items and show on stderr how far they are.

    Args:
        items: What is worked through.
        description: What is being done: ``"reading photos"``.
        total: Number of items, where ``items`` can't be asked for its length.
    """
    count = len(items) if total is None and isinstance(items, Collection) else total or 0
    return _with_bar(items, description, count) if sys.stderr.isatty() else _with_lines(items, description, count)


def _with_bar(items: Iterable[Item], description: str, total: int) -> Iterator[Item]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield from progress.track(items, total=total, description=description)


def _with_lines(items: Iterable[Item], description: str, total: int) -> Iterator[Item]:
    lines = SparseLines()
    lines.start(time.monotonic())
    for done, item in enumerate(items, start=1):
        yield item
        if lines.due(time.monotonic(), done, total):
            print(f"{description}: {done:,}/{total:,} ({done / total:.0%})", file=sys.stderr, flush=True)
