"""The score that decides about a run. A value never goes without the name of its metric."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: Directions in which a score gets better, as mmengine names them.
GREATER, LESS = "greater", "less"
#: The prefix of ContestMetric, which reports what most runs are decided by; texts leave it out.
USUAL_PREFIX = "contest/"


@dataclass(frozen=True)
class Score:
    """A value of a metric. Only scores of one name compare.

    Attributes:
        name: The metric, as the evaluator reports it: ``"contest/mAP50"``.
        value: What was measured.
    """

    name: str
    value: float


def rule_of(name: str) -> str:
    """Say in which direction a metric gets better, by its name: ``"less"`` for losses, else ``"greater"``."""
    return LESS if "loss" in name.lower() else GREATER


def label(name: str) -> str:
    """Return the name of a metric as tables and messages show it.

    >>> label("contest/mAP50"), label("coco/bbox_mAP")
    ('mAP50', 'coco/bbox_mAP')
    """
    return name.removeprefix(USUAL_PREFIX)


def deciding_name(settings: Mapping[str, Any]) -> str:
    """Name the metric that chooses a run's best checkpoint; an empty string where its settings don't say.

    Args:
        settings: The resolved config; one of an earlier version has no ``deciding_score``.
    """
    hooks = settings.get("default_hooks")
    hook = hooks.get("checkpoint") if isinstance(hooks, Mapping) else None
    best = hook.get("save_best") if isinstance(hook, Mapping) else None
    first = best[0] if isinstance(best, list | tuple) and best else best
    name = first or settings.get("deciding_score")
    return name if isinstance(name, str) and name != "auto" else ""
