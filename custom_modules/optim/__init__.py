"""Optimiser wrappers, their constructors and schedulers, registered in mmengine's registries."""

from custom_modules.optim.bfloat16_optim_wrapper import BFloat16OptimWrapper
from custom_modules.optim.layerwise_optim_wrapper_constructor import LayerwiseOptimWrapperConstructor
from custom_modules.optim.storable_one_cycle_lr import StorableOneCycleLR

__all__ = ["BFloat16OptimWrapper", "LayerwiseOptimWrapperConstructor", "StorableOneCycleLR"]
