"""The score that decides about a run. A value never goes without the name of its metric."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sortline.runs.typed_json import finite_number

#: Directions in which a score gets better, as mmengine names them.
GREATER, LESS = "greater", "less"
#: The prefix of ContestMetric, which reports what most runs are decided by; texts leave it out.
USUAL_PREFIX = "contest/"
#: Shown beside the deciding score where it was measured.
COCO_MAP = "contest/coco_mAP"
#: In mmengine's message hub, and so in checkpoints: the best score so far, and the metric that it is of.
BEST_SCORE, BEST_METRIC = "best_score", "best_metric"


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
    best = _checkpoint_hook(settings).get("save_best")
    first = best[0] if isinstance(best, list | tuple) and best else best
    name = first or settings.get("deciding_score")
    return name if isinstance(name, str) and name != "auto" else ""


def decided_by(best: Score | None, settings: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    """Name the metric that decided about a run; an empty string if nothing tells.

    Args:
        best: Best score in training, by which the best checkpoint was chosen.
        settings: The resolved config, which decides where that is not known.
        metrics: What a test has measured; its first one decides where neither says.
    """
    return best.name if best else deciding_name(settings) or next(iter(metrics), "")


def deciding_rule(settings: Mapping[str, Any]) -> str:
    """Say in which direction a run's deciding score gets better: as its checkpoint hook was told, else by its name."""
    rule = _checkpoint_hook(settings).get("rule")
    return rule if rule in (GREATER, LESS) else rule_of(deciding_name(settings))


def _checkpoint_hook(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    hooks = settings.get("default_hooks")
    hook = hooks.get("checkpoint") if isinstance(hooks, Mapping) else None
    return hook if isinstance(hook, Mapping) else {}


def best_in_training(info: Mapping[str, Any], settings: Mapping[str, Any]) -> Score | None:
    """Return the best score of a training so far; None before the first.

    Args:
        info: What the message hub holds; that of an earlier version's checkpoint lacks the name.
        settings: The resolved config.
    """
    return _score(info.get(BEST_METRIC) or deciding_name(settings), info.get(BEST_SCORE))


def recorded_best(content: Mapping[str, Any]) -> Score | None:
    """Read the best score of a run's record; None where there is none, or where its metric is not known.

    Args:
        content: The record as JSON holds it; that of an earlier version has a number, and the name in its settings.
    """
    best, settings = content.get("best_score"), content.get("settings")
    if isinstance(best, Mapping):
        return _score(best.get("name"), best.get("value"))
    return _score(deciding_name(settings) if isinstance(settings, Mapping) else "", best)


def _score(name: Any, value: Any) -> Score | None:
    number = finite_number(value)
    return Score(name, number) if isinstance(name, str) and name and number is not None else None


def shown(score: Score) -> str:
    """Write a score as messages show it.

    >>> shown(Score("coco/bbox_mAP", 0.25))
    'coco/bbox_mAP 0.2500'
    """
    return f"{label(score.name)} {score.value:.4f}"
