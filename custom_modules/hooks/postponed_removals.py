"""Removing old files only after the new ones are there."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any


class PostponedRemovals:
    """A file backend of mmengine that notes what to remove and does it when told to; the rest it passes on.

    Args:
        backend: The backend that does the work.
    """

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self._pending: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def remove(self, filepath: str | Path) -> None:
        """Note a file."""
        self._pending[str(filepath)] = self._backend.remove

    def rmtree(self, dir_path: str | Path) -> None:
        """Note a folder, as which deepspeed keeps a checkpoint."""
        self._pending[str(dir_path)] = self._backend.rmtree

    def carry_out(self, keep: Collection[str]) -> None:
        """Remove what was noted, except the paths in ``keep``, which were written anew in the meantime."""
        for path, remove in self._pending.items():
            if path not in keep:
                remove(path)
        self._pending.clear()
