"""Whether a training run waits for its data or will run out of memory, judged from its own measurements."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

#: Least share of the time spent on waiting for data that is reported.
STARVED = 0.3
#: A trend needs at least this many samples, and must explain at least this share of their variance.
SAMPLES, EXPLAINED = 10, 0.9


def starvation(data_share: float, workers: int, cores: int) -> str | None:
    """Say that the model waits for its data, and what to do; None if it does not.

    >>> starvation(0.62, workers=2, cores=16)
    '62% of the training time is spent on waiting for data: raise train_dataloader.num_workers (2 now, 16 cores here)'

    Args:
        data_share: Share of an iteration's time before its batch is there, from 0 to 1.
        workers: Processes that load data; 0 if the training process does it itself.
        cores: Processor cores that may be used.
    """
    if data_share < STARVED:
        return None
    what = f"{data_share:.0%} of the training time is spent on waiting for data"
    if workers < cores - 1:
        return f"{what}: raise train_dataloader.num_workers ({workers} now, {cores} cores here)"
    return f"{what}, with a worker for each core: keep the photos on the disk in the size that they are trained on"


@dataclass(frozen=True)
class MemoryTrend:
    """How the memory of a run grows.

    Attributes:
        megabytes: Added in a thousand iterations.
        left: Iterations until the free memory is used up.
    """

    megabytes: float
    left: int


def memory_trend(iterations: Sequence[int], megabytes: Sequence[float], free: float) -> MemoryTrend | None:
    """Tell whether memory grows steadily, as with a leak; None if not, or if it is too early to tell.

    A line is fitted through the samples by least squares; it has to rise and to explain them.

    >>> memory_trend(range(0, 1000, 100), [1000 + 0.5 * step for step in range(0, 1000, 100)], free=2000.0)
    MemoryTrend(megabytes=500.0, left=4000)

    Args:
        iterations: When the samples were taken.
        megabytes: Memory in use then.
        free: Megabytes that are free after the last sample.
    """
    if len(iterations) < SAMPLES:
        return None
    steps, used = np.asarray(iterations, float), np.asarray(megabytes, float)
    slope, intercept = np.polyfit(steps, used, 1)
    spread = used - used.mean()
    rest = used - (slope * steps + intercept)
    if slope <= 0 or (rest**2).sum() > (1 - EXPLAINED) * (spread**2).sum():
        return None
    return MemoryTrend(round(1000 * slope, 6), round(free / slope))


def process_memory(processes: Iterable[int]) -> float | None:
    """Return the megabytes that processes hold in memory, shared pages counted in each; None off Linux.

    Args:
        processes: Their numbers; one that has ended counts nothing.
    """
    total = 0
    for number in processes:
        try:
            total += int(Path(f"/proc/{number}/statm").read_text(encoding="ascii").split()[1])
        except OSError:
            if number == os.getpid():
                return None
    return total * os.sysconf("SC_PAGE_SIZE") / 1e6


def free_memory() -> float | None:
    """Return the megabytes that new work may take without swapping; None off Linux."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    free = next((line.split()[1] for line in lines if line.startswith("MemAvailable:")), None)
    return None if free is None else int(free) * 1024 / 1e6
