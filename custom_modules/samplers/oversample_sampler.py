"""Draw images of named classes more often."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmdet.registry import DATA_SAMPLERS

from custom_modules.samplers.weighted_sampler import WeightedSampler
from sortline.arrays import FloatArray, IntArray
from sortline.data.sampling_weights import class_factors, oversampling_weights


@DATA_SAMPLERS.register_module()
class OversampleSampler(WeightedSampler):
    """Weights an image by the largest factor of its classes; an image without one of them has weight 1.

    Args:
        dataset: What to draw from; passed by the runner.
        factors: Factor by class name: ``{"Battery": 4}``. Other classes have 1. With a factor below 1, images that
            hold nothing else are drawn less often.
        **kwargs: Arguments of WeightedSampler.

    Raises:
        InputError: An argument is out of range, or a factor is for no class of the dataset.
    """

    def __init__(self, dataset: Any, factors: Mapping[str, float], **kwargs: Any) -> None:
        super().__init__(dataset, **kwargs)
        self.check(factors=factors)
        self.factors = dict(factors)

    def class_weights(self, counts: IntArray) -> FloatArray:
        """Return the largest factor of each image's classes, shape ``(N,)``."""
        return oversampling_weights(counts, class_factors(self.factors, self.pool.classes))
