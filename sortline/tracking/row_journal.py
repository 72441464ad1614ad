"""The rows of numbers that a run has handed to a tracker, in a file of the run folder that a kill can't empty."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

Row = dict[str, Any]


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
