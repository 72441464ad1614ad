"""Draw an epoch's images by weight: so many of each source, evenly within it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from mmdet.registry import DATA_SAMPLERS
from mmengine.dist import get_dist_info, sync_random_seed
from torch.utils.data import Sampler

from custom_modules.samplers.dataset_pool import dataset_pool
from sortline.arrays import FloatArray, IntArray
from sortline.data.sampling_weights import setting_problems, source_draws, spread_over_sources, systematic_draw
from sortline.errors import InputError


@DATA_SAMPLERS.register_module()
class WeightedSampler(Sampler):
    """Draws a fixed number of images an epoch, each image and source as often as weighed, up to rounding.

    All processes make the same draw from seed and epoch and take their part of it, so that a resumed run draws what
    it would have drawn. Classes that weigh images by their boxes override :meth:`class_weights`.

    Args:
        dataset: What to draw from; given by the runner.
        source_weights: Images drawn of a source for each one of the main source, by name of the source;
            ``train_sources`` of a config sets it. A source without a weight is drawn as often as it has images.
        epoch_size: Images drawn an epoch in all processes together. By default as many as the dataset has, or with
            source weights as many as they ask for.
        seed: Same in all processes; given by the runner.

    Raises:
        InputError: A weight is not above 0 or of no source, or the epoch size is no whole number above 0.
    """

    def __init__(
        self,
        dataset: Any,
        source_weights: Mapping[str, float] | None = None,
        epoch_size: int | None = None,
        seed: int | None = None,
    ) -> None:
        self.dataset = dataset
        self.rank, self.world_size = get_dist_info()
        self.seed = sync_random_seed() if seed is None else seed
        self.epoch = 0
        self.pool = dataset_pool(dataset)
        self.check(source_weights=source_weights, epoch_size=epoch_size)
        self.source_weights = dict(source_weights or {})
        draws = source_draws(self.pool, self.source_weights).sum()
        self.num_samples = math.ceil((epoch_size or round(draws)) / self.world_size)

    def check(self, **settings: Any) -> None:
        """Raise InputError for what is wrong with settings, all together."""
        where = "train_dataloader.sampler"
        if problems := setting_problems(settings, self.pool.classes, self.pool.sources, where):
            raise InputError(problems)

    def class_weights(self, counts: IntArray) -> FloatArray:
        """Weigh images by their boxes: here all alike.

        Args:
            counts: Boxes of each class on each image, shape ``(N, C)``.

        Returns:
            Weights above 0, shape ``(N,)``.
        """
        return np.ones(len(counts))

    @cached_property
    def weights(self) -> FloatArray:
        """Weight of each image, shape ``(N,)``. Source weights fix the sum of each source."""
        weights = self.class_weights(self.pool.counts)
        if not self.source_weights:
            return weights
        return spread_over_sources(weights, self.pool.source_of, source_draws(self.pool, self.source_weights))

    def draw(self, epoch: int) -> IntArray:
        """Return the indices that all processes together draw in an epoch, counted from 0, in their order."""
        rng = np.random.default_rng([self.seed, epoch])
        return systematic_draw(self.weights, self.num_samples * self.world_size, rng, self.pool.source_of)

    def __iter__(self) -> Iterator[int]:
        return iter(self.draw(self.epoch)[self.rank :: self.world_size].tolist())

    def __len__(self) -> int:
        """Count the images that this process draws in an epoch."""
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch to draw next; the runner does it before each."""
        self.epoch = epoch
