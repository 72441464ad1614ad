"""One training at a time in a run folder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sortline.errors import InputError, Problem

NAME = ".lock"


@contextmanager
def sole_user(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Hold a run folder while training in it: two runs would overwrite each other's checkpoints.

    The operating system lets go of the lock when the process ends, however it ends. Where a file system knows no
    locks, nothing is held.

    Raises:
        InputError: Another process holds the folder.
    """
    path = Path(folder) / NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        try:
            # Unlike flock's, this lock is not shared with forked data-loader workers, which may outlive a killed run.
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            file.seek(0)
            what = f"another process (number {file.read().strip() or 'unknown'}) is training in this folder"
            raise InputError(Problem(str(folder), what, "wait for it, or choose another --work-dir")) from None
        except OSError:
            yield
            return
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
