"""Draw all classes equally often."""

from __future__ import annotations

from mmdet.registry import DATA_SAMPLERS

from custom_modules.samplers.weighted_sampler import WeightedSampler
from sortline.arrays import FloatArray, IntArray
from sortline.data.sampling_weights import class_balanced_weights


@DATA_SAMPLERS.register_module()
class ClassBalancedSampler(WeightedSampler):
    """Draws as if first a class were drawn and then one of its images; images without boxes keep their share.

    A class with few images repeats them often: of ten classes, one with a single image makes that image a tenth of the
    epoch. Arguments as for :class:`WeightedSampler`.
    """

    def class_weights(self, counts: IntArray) -> FloatArray:
        """Return weights under which each class is equally often drawn, shape ``(N,)``."""
        return class_balanced_weights(counts)
