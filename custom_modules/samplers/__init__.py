"""Samplers registered in mmdet's registry."""

from custom_modules.samplers.class_balanced_sampler import ClassBalancedSampler
from custom_modules.samplers.oversample_sampler import OversampleSampler
from custom_modules.samplers.repeat_factor_sampler import RepeatFactorSampler
from custom_modules.samplers.weighted_sampler import WeightedSampler

__all__ = ["ClassBalancedSampler", "OversampleSampler", "RepeatFactorSampler", "WeightedSampler"]
