"""One training at a time in a run folder."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sortline.errors import InputError, Problem

NAME = ".lock"
#: What a lock holds: the number of the process that took it, or nothing yet.
CONTENT = re.compile(rb"\d{0,20}\n?")
#: A link is not followed, and opening a named pipe does not wait for its other end.
FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
#: How often the file may be gone again before it is locked.
TRIES = 100


@contextmanager
def sole_user(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Hold a run folder while training in it: two runs would overwrite each other's checkpoints.

    A folder that does not exist is made, and removed at the end if nothing was written to it. The operating system
    lets go of the lock when the process ends, however it ends. Where a file system knows no locks, nothing is held.

    Raises:
        InputError: Another process holds the folder, or a file that is no lock has its name.
    """
    path = Path(folder) / NAME
    made = [parent for parent in path.parents if not parent.exists()]
    descriptor = _take(path)
    try:
        yield
    finally:
        # The lock is still held, so nobody else can have begun to use the folder.
        with suppress(OSError):
            if _is_at(path, descriptor):
                path.unlink()
            for parent in made:
                parent.rmdir()
        os.close(descriptor)


def _take(path: Path) -> int:
    """Open and lock a file, which is made where there is none, and return its descriptor."""
    for _ in range(TRIES):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, FLAGS, 0o666)
        except FileNotFoundError:
            continue
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.EISDIR, errno.ENXIO):  # a link, a folder, a socket
                raise InputError(_no_lock(path)) from None
            raise
        try:
            _lock(path, descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        if _is_at(path, descriptor):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            return descriptor
        os.close(descriptor)
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))


def _lock(path: Path, descriptor: int) -> None:
    content = os.read(descriptor, 32) if stat.S_ISREG(os.fstat(descriptor).st_mode) else None
    if content is None or CONTENT.fullmatch(content) is None:
        raise InputError(_no_lock(path))
    try:
        # Unlike flock's, this lock is not shared with forked data-loader workers, which may outlive a killed run.
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        what = f"another process (number {content.decode().strip() or 'unknown'}) is training in this folder"
        raise InputError(Problem(str(path.parent), what, "wait for it, or choose another --work-dir")) from None
    except OSError:  # the file system knows no locks
        pass


def _is_at(path: Path, descriptor: int) -> bool:
    """Tell whether a file still has its name: who ends removes the lock, and another one may be there already."""
    try:
        return os.path.samestat(os.lstat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _no_lock(path: Path) -> Problem:
    what = "is not the lock of a run: that is a small file which holds the number of a process"
    return Problem(str(path), what, "move it away, or choose another --work-dir")
