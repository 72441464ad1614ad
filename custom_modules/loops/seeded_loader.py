"""A data loader whose random numbers depend on the run's seed and the place in the run only.

mmengine seeds once, at the start: every random number then depends on all that were drawn before it, in the main
process and in each worker of the data loader, whose states can't be saved. Here each photo, each iteration and each
validation has a seed of its own. So a resumed run draws the same numbers as the uninterrupted one, and the number of
workers makes no difference.
"""

from __future__ import annotations

import math
import random
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_rank
from torch.utils.data import DataLoader, Sampler

# What a seed is for, so that no two seeds of a run are derived from the same numbers.
PHOTO, ITERATION, VALIDATION = range(3)
#: Seconds that a worker goes on after a SIGTERM: its training saves its state in the meantime.
GRACE = 30
#: Attributes in which datasets, pipelines and transforms hold others.
HOLDERS = ("dataset", "datasets", "pipeline", "transforms")


def derived_seed(seed: int, *place: int) -> int:
    """Return the seed of a place in a run, below 2**32.

    numpy's ``SeedSequence`` mixes the numbers, so that neighbouring places have unrelated random numbers.

    Args:
        seed: The run's seed.
        place: Integers from 0: what the seed is for, then epoch, iteration or whatever identifies the place.
    """
    return int(np.random.SeedSequence([seed, *place]).generate_state(1)[0])


def seed_everything(seed: int) -> None:
    """Seed the generators of Python, numpy and torch, on all devices."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


class SeededIndex(int):
    """Index of an item with the seed to load it with; elsewhere it behaves as an ``int``.

    Attributes:
        seed: Below 2**32.
    """

    seed: int

    def __new__(cls, index: int, seed: int) -> SeededIndex:
        self = super().__new__(cls, index)
        self.seed = seed
        return self

    def __getnewargs__(self) -> tuple[int, int]:  # type: ignore[override]
        """Return what pickle, on the way to a worker, makes the index from."""
        return int(self), self.seed


class SeededBatch(list[SeededIndex]):
    """Indices of a batch, with what a worker has to know before it loads them.

    Attributes:
        begins: Whether this is the worker's first batch of the pass: photos that its transforms keep are dropped.
        behind: Batches that the worker would have loaded before this one, had the pass not started in the middle.
    """

    def __init__(self, indices: Iterable[SeededIndex] = (), begins: bool = False) -> None:
        super().__init__(indices)
        self.begins = begins
        self.behind: list[SeededBatch] = []


class SeededBatchSampler(Sampler[SeededBatch]):
    """Batches of another batch sampler, each index with its seed, starting at any batch.

    Args:
        batch_sampler: Decides which indices form a batch.
        seed: The run's seed.
        rank: Rank of this process among those that train.
        workers: Number of processes that load the batches in turn; 1 without any.
        behind: Number of batches before a worker's first one that it loads too, so that its transforms keep the same
            photos as in an uninterrupted run.
    """

    def __init__(self, batch_sampler: Any, seed: int, rank: int, workers: int = 1, behind: int = 0) -> None:
        self.batch_sampler = batch_sampler
        # Where mmengine's and Sortline's hooks look for it.
        self.sampler: Any = getattr(batch_sampler, "sampler", None)
        self.batch_size = getattr(batch_sampler, "batch_size", None)
        self.drop_last = getattr(batch_sampler, "drop_last", False)
        self.seed, self.rank = seed, rank
        self.workers, self.behind = workers, behind
        self.epoch = 0
        self.first = 0

    def start_at(self, epoch: int, first: int = 0) -> None:
        """Choose what the next pass yields.

        Args:
            epoch: Number of the pass, from 0.
            first: Index of its first batch; those before it are skipped without loading them.
        """
        self.epoch = epoch
        self.first = first

    def __iter__(self) -> Iterator[SeededBatch]:
        epoch, first, reach = self.epoch, self.first, self.workers * self.behind
        earlier: deque[SeededBatch] = deque(maxlen=reach)
        for number, batch in enumerate(self.batch_sampler):
            if number < first - reach:
                continue
            begins = number < first + self.workers
            seeded = SeededBatch((self._seeded(item, epoch, number, place) for place, item in enumerate(batch)), begins)
            if number >= first:
                # Batches go to the workers in turn, so every ``workers``-th one before it is of the same worker.
                seeded.behind = list(earlier)[-self.workers :: -self.workers][::-1] if begins else []
                yield seeded
            if begins:
                earlier.append(seeded)

    def _seeded(self, index: int, *place: int) -> SeededIndex:
        return SeededIndex(index, derived_seed(self.seed, PHOTO, self.rank, *place))

    def __len__(self) -> int:
        """Return the number of batches of a whole pass."""
        return len(self.batch_sampler)


def seeded_loader(loader: DataLoader[Any], seed: int) -> DataLoader[Any]:
    """Return a copy of a loader that loads each item with a seed of its own.

    Args:
        loader: A loader with a batch sampler over a map-style dataset.
        seed: The run's seed.

    Returns:
        A loader of the same dataset, whose ``batch_sampler`` is a :class:`SeededBatchSampler`.
    """
    # torch's fetcher calls this method, where a dataset has it, for a whole batch. The dataset is not wrapped, because
    # hooks read it and change its pipeline.
    loader.dataset.__getitems__ = partial(_load_seeded, loader.dataset)  # type: ignore[attr-defined]
    behind = math.ceil(samples_behind(loader.dataset) / (loader.batch_size or 1))
    return DataLoader(
        loader.dataset,
        batch_sampler=SeededBatchSampler(loader.batch_sampler, seed, get_rank(), max(loader.num_workers, 1), behind),
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        pin_memory=loader.pin_memory,
        timeout=loader.timeout,
        worker_init_fn=partial(init_worker, loader.worker_init_fn),
        multiprocessing_context=loader.multiprocessing_context,
        generator=loader.generator,
        prefetch_factor=loader.prefetch_factor if loader.num_workers else None,
        persistent_workers=loader.persistent_workers,
    )


def _load_seeded(dataset: Any, indices: Sequence[int]) -> list[Any]:
    if isinstance(indices, SeededBatch) and indices.begins:
        forget_photos(dataset)
        for batch in indices.behind if caching_transforms(dataset) else ():
            _load_each(dataset, batch)
    return _load_each(dataset, indices)


def _load_each(dataset: Any, indices: Sequence[int]) -> list[Any]:
    items = []
    for index in indices:
        if isinstance(index, SeededIndex):  # another loader of the same dataset has plain indices
            seed_everything(index.seed)
        items.append(dataset[int(index)])
    return items


def caching_transforms(dataset: Any) -> list[Any]:
    """List the transforms of a dataset and of the datasets inside it that keep photos, such as mmdet's CachedMosaic."""
    found = {id(part): part for part in _parts(dataset) if isinstance(getattr(part, "results_cache", None), list)}
    return list(found.values())


def _parts(node: Any) -> Iterator[Any]:
    """Yield a dataset with all datasets, pipelines and transforms inside it."""
    if isinstance(node, list | tuple):
        for item in node:
            yield from _parts(item)
        return
    yield node
    for name in HOLDERS:
        yield from _parts(vars(node).get(name, ()) if hasattr(node, "__dict__") else ())


def samples_behind(dataset: Any) -> int:
    """Return how many samples before a sample decide what it can be mixed with.

    Each cache holds the last samples that reached it, which earlier transforms may have mixed with those of their own.
    """
    return sum(transform.max_cached_images for transform in caching_transforms(dataset))


def forget_photos(dataset: Any) -> None:
    """Empty the caches of a dataset's transforms."""
    for transform in caching_transforms(dataset):
        transform.results_cache.clear()


def init_worker(init: Callable[[int], None] | None, worker: int) -> None:
    """Start a worker process that survives SIGTERM for a while.

    Schedulers such as Slurm send SIGTERM to every process of a job, and torch aborts a training at once when one of its
    workers has ended.

    Args:
        init: Further initialisation, called with the worker's number.
        worker: Number of the worker.
    """
    signal.signal(signal.SIGTERM, lambda *_: signal.alarm(GRACE))
    if init is not None:
        init(worker)
