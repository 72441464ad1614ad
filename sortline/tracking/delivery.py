"""How rows and facts reach a tracker: in the background, in order, and once each, whatever a kill cuts off."""

from __future__ import annotations

import json
import os
import queue
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

Action = Callable[[], object]
#: Actions that may wait. A tracker that has stopped answering must not fill the memory.
CAPACITY = 1000
Row = dict[str, Any]


class Background:
    """Does actions in the order given, in a thread of its own.

    Args:
        on_error: Called in that thread with what an action raises.
        capacity: Actions that may wait; further ones are refused.
    """

    def __init__(self, on_error: Callable[[Exception], None], capacity: int = CAPACITY) -> None:
        self._actions: queue.Queue[Action | None] = queue.Queue(capacity)
        self._on_error = on_error
        # A daemon: a call that never returns must not keep the process from ending.
        self._thread = threading.Thread(target=self._work, name="tracking", daemon=True)
        self._thread.start()

    def do(self, action: Action) -> bool:
        """Queue an action; return at once whether there was room for it."""
        try:
            self._actions.put_nowait(action)
        except queue.Full:
            return False
        return True

    def finish(self, seconds: float) -> bool:
        """Take no further action and wait for those given.

        Args:
            seconds: How long to wait at most.

        Returns:
            Whether all are done.
        """
        try:
            self._actions.put(None, timeout=seconds)
        except queue.Full:
            return False
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while (action := self._actions.get()) is not None:
            try:
                action()
            except Exception as error:
                self._on_error(error)


class RowJournal:
    """Keeps rows, one a line, each written before the tracker gets it.

    A tracker's own buffers, its service and the network may lose the last rows of a killed run. Those that lie before
    the checkpoint are not made again when the run is resumed, and can be handed over once more from here; those after
    it are made again and told by their step and keys.

    Args:
        path: The file.
        resume: Go on with the file that is there.

    Attributes:
        earlier: ``(step, row)`` of a run that is resumed, in order.
    """

    def __init__(self, path: str | os.PathLike[str], resume: bool) -> None:
        self.earlier = read_rows(path) if resume else []
        self._known = {_key(step, row) for step, row in self.earlier}
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        # Line by line: what is written is the operating system's, and outlives this process.
        self._file: IO[str] = open(path, "a" if resume else "w", encoding="utf-8", buffering=1)  # noqa: SIM115
        if resume and self._file.tell():
            self._file.write("\n")  # a kill may have cut the last line

    def add(self, step: int, row: Mapping[str, Any]) -> bool:
        """Keep a row; return whether it is new.

        Args:
            step: Training iterations done.
            row: Numbers by key.
        """
        key = _key(step, row)
        if key in self._known:
            return False
        self._known.add(key)
        self._file.write(json.dumps([step, row], default=str) + "\n")
        return True

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_rows(path: str | os.PathLike[str]) -> list[tuple[int, Row]]:
    """Read the ``(step, row)`` pairs of a journal; none where there is no such file. Broken lines are left out."""
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    rows = []
    for line in lines:
        try:
            step, row = json.loads(line)
        except (ValueError, TypeError):
            continue
        if isinstance(step, int) and isinstance(row, dict):
            rows.append((step, row))
    return rows


def _key(step: int, row: Mapping[str, Any]) -> tuple[int, frozenset[str]]:
    return step, frozenset(row)
