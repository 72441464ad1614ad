"""Random numbers that follow from the seed of a run and a place in it, not from what happened before.

mmengine seeds once, at the start: every random number then depends on all that were drawn before it, in the main
process and in each worker of the data loader, whose states nobody can save. Here each photo and each iteration gets
a seed of its own. A run that is resumed anywhere draws what the whole run would have drawn, and the number of
workers changes nothing.
"""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_rank
from torch.utils.data import DataLoader, Sampler

from custom_modules.loops.caches import caching_transforms, forget_photos, samples_behind
from custom_modules.loops.workers import init_worker

# Purposes, so that no two seeds of a run are made from the same numbers.
PHOTO, ITERATION, VALIDATION = range(3)


def derived_seed(seed: int, *place: int) -> int:
    """Make the seed of a place in a run, below 2**32.

    The numbers are mixed by numpy's ``SeedSequence``, so that neighbouring places have unlike random numbers.

    Args:
        seed: The run's.
        place: Whole numbers from 0 on: a purpose, then epoch, iteration or whatever tells the place.
    """
    return int(np.random.SeedSequence([seed, *place]).generate_state(1)[0])


def seed_everything(seed: int) -> None:
    """Seed the generators of Python, numpy and torch, on all devices."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


class SeededIndex(int):
    """Index of an item together with the seed to load it with; an ``int`` everywhere else.

    Attributes:
        seed: Below 2**32.
    """

    seed: int

    def __new__(cls, index: int, seed: int) -> SeededIndex:
        self = super().__new__(cls, index)
        self.seed = seed
        return self

    def __getnewargs__(self) -> tuple[int, int]:  # type: ignore[override]
        """Let pickle, on the way to a worker, make it anew."""
        return int(self), self.seed


class SeededBatch(list[SeededIndex]):
    """Indices of a batch, with what a worker has to know before it loads them.

    Attributes:
        begins: Whether the worker has loaded nothing of this pass yet; photos that it keeps are to be forgotten.
        behind: Batches that the worker would have loaded before, had the pass not begun in its midst.
    """

    def __init__(self, indices: Iterable[SeededIndex] = (), begins: bool = False) -> None:
        super().__init__(indices)
        self.begins = begins
        self.behind: list[SeededBatch] = []


class SeededBatchSampler(Sampler[SeededBatch]):
    """Batches of another batch sampler, each index with its seed, from any place on.

    Args:
        batch_sampler: What decides on the batches.
        seed: The run's.
        rank: Number of this process among those that train.
        workers: Processes that load the batches in turn; 1 without any.
        behind: Batches before a worker's first one that it loads as well, to keep the photos that it would have kept.
    """

    def __init__(self, batch_sampler: Any, seed: int, rank: int, workers: int = 1, behind: int = 0) -> None:
        self.batch_sampler = batch_sampler
        # Where mmengine's and Sortline's hooks look for it.
        self.sampler = getattr(batch_sampler, "sampler", None)
        self.batch_size = getattr(batch_sampler, "batch_size", None)
        self.drop_last = getattr(batch_sampler, "drop_last", False)
        self.seed, self.rank = seed, rank
        self.workers, self.behind = workers, behind
        self.epoch = 0
        self.first = 0

    def start_at(self, epoch: int, first: int = 0) -> None:
        """Choose what the next pass gives.

        Args:
            epoch: Number of the pass, from 0 on.
            first: Number of its first batch; those before it are left out without loading them.
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
                # Its worker's batches lie before it at multiples of the number of workers.
                seeded.behind = list(earlier)[-self.workers :: -self.workers][::-1] if begins else []
                yield seeded
            if begins:
                earlier.append(seeded)

    def _seeded(self, index: int, *place: int) -> SeededIndex:
        return SeededIndex(index, derived_seed(self.seed, PHOTO, self.rank, *place))

    def __len__(self) -> int:
        """Count the batches of a whole pass."""
        return len(self.batch_sampler)


def seeded_loader(loader: DataLoader[Any], seed: int) -> DataLoader[Any]:
    """Make a loader like another one that loads each item with its own seed.

    Args:
        loader: A loader with a batch sampler over a dataset with indices.
        seed: The run's.

    Returns:
        A loader of the same dataset, whose ``batch_sampler`` is a :class:`SeededBatchSampler`.
    """
    # torch's fetcher asks a dataset for a whole batch where it has this method; the dataset itself stays what it is
    # to hooks that look at it or change its pipeline.
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
        if isinstance(index, SeededIndex):  # another loader of the same dataset gives plain ones
            seed_everything(index.seed)
        items.append(dataset[int(index)])
    return items
