"""Draw images of rare classes more often, by the square root of their rarity."""

from __future__ import annotations

from typing import Any

from mmdet.registry import DATA_SAMPLERS

from custom_modules.samplers.weighted_sampler import WeightedSampler
from sortline.arrays import FloatArray, IntArray
from sortline.data.sampling_weights import repeat_factors


@DATA_SAMPLERS.register_module()
class RepeatFactorSampler(WeightedSampler):
    """Weights images with LVIS's repeat factors, see :func:`sortline.data.sampling_weights.repeat_factors`.

    Unlike with mmdet's ClassBalancedDataset an epoch keeps its length: rare classes gain what the others lose.

    Args:
        dataset: What to draw from; passed by the runner.
        thr: Share of the images below which a class is drawn more often. LVIS uses 0.001 for 1,203
            classes; a first choice is 1 divided by the number of classes.
        **kwargs: Arguments of WeightedSampler.

    Raises:
        InputError: An argument is out of range.
    """

    def __init__(self, dataset: Any, thr: float, **kwargs: Any) -> None:
        super().__init__(dataset, **kwargs)
        self.check(thr=thr)
        self.thr = thr

    def class_weights(self, counts: IntArray) -> FloatArray:
        """Return the repeat factors, shape ``(N,)``."""
        return repeat_factors(counts, self.thr)
