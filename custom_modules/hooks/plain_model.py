"""Access to the model inside a distributed wrapper."""

from __future__ import annotations

from typing import Any

from mmengine.model import is_model_wrapper


def plain_model(runner: Any) -> Any:
    """Return a runner's model without the wrapper for several processes."""
    return runner.model.module if is_model_wrapper(runner.model) else runner.model
