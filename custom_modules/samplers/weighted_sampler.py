"""Draw the images of an epoch by weight, with a given share for each source."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from mmdet.registry import DATA_SAMPLERS
from mmengine.dist import get_dist_info, sync_random_seed
from torch.utils.data import Sampler

from sortline.arrays import FloatArray, IntArray
from sortline.data.sampling_weights import (
    MAIN_SOURCE,
    Pool,
    setting_problems,
    source_draws,
    spread_over_sources,
    systematic_draw,
)
from sortline.errors import InputError


@DATA_SAMPLERS.register_module()
class WeightedSampler(Sampler):
    """Draws a fixed number of images an epoch, each image and source in proportion to its weight, up to rounding.

    All processes make the same draw from seed and epoch and take their part of it; so a resumed run draws the same
    images as an uninterrupted one. Subclasses that weight images by their boxes override :meth:`class_weights`.

    Args:
        dataset: What to draw from; passed by the runner.
        source_weights: By name of a source, the number of its images drawn for each image of the main source;
            ``train_sources`` of a config sets it. A source without a weight is drawn as often as it has images.
        epoch_size: Images drawn an epoch in all processes together. By default as many as the dataset has, or with
            source weights as many as they add up to.
        seed: The same in all processes; passed by the runner.

    Raises:
        InputError: A weight is not above 0 or for no source, or the epoch size is not an integer above 0.
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
        """Raise an InputError with all problems of some settings."""
        where = "train_dataloader.sampler"
        if problems := setting_problems(settings, self.pool.classes, self.pool.sources, where):
            raise InputError(problems)

    def class_weights(self, counts: IntArray) -> FloatArray:
        """Weight images by their boxes; here all weights are 1.

        Args:
            counts: Boxes of each class on each image, shape ``(N, C)``.

        Returns:
            Weights above 0, shape ``(N,)``.
        """
        return np.ones(len(counts))

    @cached_property
    def weights(self) -> FloatArray:
        """Weight of each image, shape ``(N,)``; source weights set the sum of each source."""
        weights = self.class_weights(self.pool.counts)
        if not self.source_weights:
            return weights
        return spread_over_sources(weights, self.pool.source_of, source_draws(self.pool, self.source_weights))

    def draw(self, epoch: int) -> IntArray:
        """Return the indices that all processes together draw in an epoch, in order; ``epoch`` counts from 0."""
        rng = np.random.default_rng([self.seed, epoch])
        return systematic_draw(self.weights, self.num_samples * self.world_size, rng, self.pool.source_of)

    def __iter__(self) -> Iterator[int]:
        return iter(self.draw(self.epoch)[self.rank :: self.world_size].tolist())

    def __len__(self) -> int:
        """Return the number of images that this process draws in an epoch."""
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch to draw next; the runner calls it before each epoch."""
        self.epoch = epoch


def dataset_pool(dataset: Any) -> Pool:
    """Count the boxes of each image and class as a dataset yields them (filtered, wrapped), without loading a photo.

    Wrappers forward ``get_data_info`` but not ``get_cat_ids``; so the former is read.

    Args:
        dataset: A detection dataset or a wrapper around several; SourcesDataset adds the source of each image.
    """
    metainfo = dataset.metainfo
    # mmdet's ConcatDataset holds a list where the metainfos of its datasets differ.
    classes = tuple((metainfo[0] if isinstance(metainfo, list) else metainfo).get("classes") or ())
    counts = np.zeros((len(dataset), len(classes)), dtype=np.int64)
    sources: dict[str, int] = {MAIN_SOURCE: 0}
    source_of = np.zeros(len(dataset), dtype=np.int64)
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        source_of[index] = sources.setdefault(info.get("source", MAIN_SOURCE), len(sources))
        labels = [instance["bbox_label"] for instance in info["instances"] if not instance["ignore_flag"]]
        np.add.at(counts[index], labels, 1)
    return Pool(classes, counts, tuple(sources), source_of)
