"""Atomic writing of mmengine's files."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend

from sortline.files import DISK_FULL, atomic_write

NAME = "atomic"


@register_backend(NAME)
class AtomicBackend(LocalBackend):
    """The local disk, with files that appear under their name only when they are complete and flushed to the disk.

    mmengine writes a checkpoint by :meth:`put`; its own local backend opens the final name, so that a kill or a full
    disk leaves a partial file there. Selected by ``backend_args=dict(backend="atomic")``.
    """

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes.

        Raises:
            OSError: As the system reports it, with the file's name; the file's old content stays.
        """
        try:
            with atomic_write(filepath, "wb") as file:
                file.write(obj)
        except OSError as error:
            # An error while writing to an open file does not name the file.
            raise OSError(error.errno, _reason(error, filepath, len(obj)), str(filepath)) from error

    def put_text(self, obj: str, filepath: str | Path, encoding: str = "utf-8") -> None:
        """Write text, as :meth:`put` does."""
        self.put(obj.encode(encoding), filepath)


def _reason(error: OSError, path: str | Path, size: int) -> str:
    """Return why a file of some size in bytes could not be written; for a full disk, with the space needed and free."""
    reason = os.strerror(error.errno or 0)
    if error.errno not in DISK_FULL:
        return reason
    free = shutil.disk_usage(Path(path).parent).free
    return f"{reason}: it takes {size / 1e6:,.1f} MB beside those that are kept, {free / 1e6:,.1f} MB are free"
