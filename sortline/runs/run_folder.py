"""A run folder: what lies in it, what its run is called, and that only one training at a time uses it."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sortline.errors import InputError, Problem

#: The run's record.
RECORD = "run.json"
#: Detections on the validation images, relative to the run folder.
VAL_PREDICTIONS = Path("predictions") / "val.bbox.json"
#: The same on the test images.
TEST_PREDICTIONS = Path("predictions") / "test.bbox.json"
#: Detections of all folds on the images that they did not train on.
OOF_PREDICTIONS = Path("predictions") / "oof.bbox.json"
#: What they score.
OOF_SCORE = Path("predictions") / "oof.score.json"
#: The rows to hand in.
SUBMISSION = "submission.csv"
#: One page about the run.
CARD = "card.html"
#: Where mmengine's visualizer keeps the scalars of each start; starts sort by time.
SCALARS = "*/vis_data/scalars.json"
#: The folder of a fold's run within its experiment's.
FOLD_FOLDER = re.compile(r"fold_(0|[1-9]\d*)")
LOCK = ".lock"
#: What a lock holds: the number of the process that took it, or nothing yet.
CONTENT = re.compile(rb"\d{0,20}\n?")
#: A link is not followed, and opening a named pipe does not wait for its other end.
FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
#: How often the file may be gone again before it is locked.
TRIES = 100
#: Letters of a tag, and of an artifact's name, that trackers allow.
LONGEST_TAG, LONGEST_NAME = 64, 128


def fold_folder(fold: int) -> str:
    """Name the folder of a fold's run within its experiment's."""
    return f"fold_{fold}"


def fold_folders(folder: str | os.PathLike[str]) -> dict[int, Path]:
    """List the folders of folds' runs within an experiment's, by fold; none where there is no such folder."""
    matches = [(FOLD_FOLDER.fullmatch(path.name), path) for path in Path(folder).glob("fold_*") if path.is_dir()]
    return dict(sorted((int(match[1]), path) for match, path in matches if match))


def run_identity(
    config_path: str | os.PathLike[str],
    work_dir: str | os.PathLike[str],
    job_type: str,
    fold: int | None = None,
) -> dict[str, Any]:
    """Derive a run's name, group and tags from its config's path, as arguments of ``wandb.init``.

    >>> run_identity("configs/rtmdet/rtmdet_s_1x_recycle.py", "work_dirs/rtmdet_s_1x_recycle/fold_2", "train", 2)
    {'name': 'rtmdet_s_1x_recycle/fold_2', 'group': 'rtmdet_s_1x_recycle', 'job_type': 'train', \
'tags': ['rtmdet', 'recycle', 'fold_2'], 'dir': 'work_dirs/rtmdet_s_1x_recycle/fold_2'}

    Args:
        config_path: The experiment's config, ``configs/<family>/<model>_..._<dataset>.py``.
        work_dir: The run folder; its part from the experiment's name on becomes the run's name, or its last part
            where the user has put it elsewhere.
        job_type: ``"train"`` or ``"test"``.
        fold: Number of the fold, if the run is one of several.
    """
    config, folder = Path(config_path), Path(work_dir)
    experiment = config.stem
    parts = folder.parts
    name = "/".join(parts[parts.index(experiment) :]) if experiment in parts else folder.name
    tags = [config.resolve().parent.name, experiment.rpartition("_")[2]]
    if fold is not None:
        tags.append(f"fold_{fold}")
        if f"fold_{fold}" not in parts:
            name += f"/fold_{fold}"
    return {
        "name": name or experiment,
        "group": experiment,
        "job_type": job_type,
        "tags": list(dict.fromkeys(tag[:LONGEST_TAG] for tag in tags if tag)),
        "dir": str(work_dir),
    }


def artifact_name(run: str, kind: str) -> str:
    """Name what a run makes, in characters that trackers allow.

    >>> artifact_name("rtmdet_s_1x_recycle/fold_2", "model")
    'rtmdet_s_1x_recycle-fold_2-model'

    Letters that are not English ones become numbers, so that names that differ in them alone stay apart.
    """
    plain = f"{run}-{kind}".encode("ascii", "backslashreplace").decode()
    return re.sub(r"[^\w.-]+", "-", plain)[-LONGEST_NAME:]


@contextmanager
def sole_user(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Hold a run folder while training in it: two runs would overwrite each other's checkpoints.

    A folder that does not exist is made, and removed at the end if nothing was written to it. The operating system
    lets go of the lock when the process ends, however it ends. Where a file system knows no locks, nothing is held.

    Raises:
        InputError: Another process holds the folder, or another kind of file has the lock's name.
    """
    path = Path(folder) / LOCK
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
