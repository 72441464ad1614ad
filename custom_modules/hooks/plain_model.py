"""The model itself, whatever it is wrapped in."""

from __future__ import annotations

from typing import Any

from mmengine.model import is_model_wrapper


def plain_model(runner: Any) -> Any:
    """Return a runner's model without what several processes wrap it in."""
    return runner.model.module if is_model_wrapper(runner.model) else runner.model
