"""The one-cycle schedule with a state that can be loaded from checkpoints safely."""

from __future__ import annotations

from typing import Any

from mmengine.optim import OneCycleLR
from mmengine.registry import PARAM_SCHEDULERS


@PARAM_SCHEDULERS.register_module(name="OneCycleLR", force=True)
class StorableOneCycleLR(OneCycleLR):
    """mmengine's OneCycleLR with a state of numbers only; it replaces mmengine's class in the registry.

    mmengine's class puts a function into its state, so that a checkpoint can't be read without running code
    (https://github.com/open-mmlab/mmengine/blob/main/mmengine/optim/scheduler/param_scheduler.py,
    ``OneCycleParamScheduler.anneal_func``).

    Args:
        args: As for mmengine's OneCycleLR.
        kwargs: As for mmengine's OneCycleLR.
    """

    def state_dict(self) -> dict[str, Any]:
        """Return the state without the function, which the constructor derives from ``anneal_strategy``."""
        return {key: value for key, value in super().state_dict().items() if key != "anneal_func"}
