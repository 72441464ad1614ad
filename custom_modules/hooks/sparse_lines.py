"""Progress for log files and pipes: a line now and then."""

from __future__ import annotations


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
