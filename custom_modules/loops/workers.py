"""Processes that load data: how they begin and end."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

#: Seconds that a worker goes on after a SIGTERM: its training saves its state in the meantime.
GRACE = 30


def init_worker(init: Callable[[int], None] | None, worker: int) -> None:
    """Start a worker that outlives a signal to the whole job for a while.

    Schedulers such as Slurm send SIGTERM to every process of a job. torch ends a training at once whose worker is
    gone, in the midst of whatever it does.

    Args:
        init: What else to do first.
        worker: Number of the worker.
    """
    signal.signal(signal.SIGTERM, lambda *_: signal.alarm(GRACE))
    if init is not None:
        init(worker)


def end_workers(batches: Any) -> None:
    """End the workers behind an iterator over a loader, if it has any.

    Python would send them SIGTERM when the program ends, and wait for them.
    """
    end = getattr(batches, "_shutdown_workers", None)
    if end is not None:
        end()
