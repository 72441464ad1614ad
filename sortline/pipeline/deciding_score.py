"""The score that decides which checkpoint is best: stated in the dataset config, carried to all that watch it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmengine.config import Config

from sortline.errors import Problem, counted, nearest
from sortline.predictions.coco_metrics import METRICS as COCO_METRICS
from sortline.runs.named_score import rule_of

EARLY_STOPPING = ("EarlyStoppingHook", "ResumableEarlyStoppingHook")
COCO_ITEMS = ("mAP", "mAP_50", "mAP_75", "mAP_s", "mAP_m", "mAP_l")


def reported_names(cfg: Config) -> list[str] | None:
    """List the metrics that a config's validation reports; None where an evaluator is not known here."""
    names: list[str] = []
    evaluators = cfg.get("val_evaluator") or []
    classes = (cfg.get("metainfo") or {}).get("classes") or ()
    for evaluator in evaluators if isinstance(evaluators, list | tuple) else [evaluators]:
        if evaluator.get("type") == "ContestMetric":
            own = ["mAP50", *(f"coco_{name}" for name in COCO_METRICS), *(f"AP50_{name}" for name in classes)]
        elif evaluator.get("type") == "CocoMetric":
            own = list(_coco_names(evaluator, classes))
        else:
            return None
        prefix = evaluator.get("prefix") or evaluator.type.removesuffix("Metric").lower()
        names += [f"{prefix}/{name}" for name in own]
    return names


def _coco_names(evaluator: Any, classes: Any) -> Iterator[str]:
    """List what mmdet's CocoMetric reports (mmdet/evaluation/metrics/coco_metric.py)."""
    metrics = evaluator.get("metric", "bbox")
    for metric in metrics if isinstance(metrics, list | tuple) else [metrics]:
        if metric in ("bbox", "segm"):
            yield from (f"{metric}_{item}" for item in evaluator.get("metric_items") or COCO_ITEMS)
            if evaluator.get("classwise"):
                yield from (f"{name}_precision" for name in classes)
        else:
            yield from (f"AR@{number}" for number in evaluator.get("proposal_nums", (100, 300, 1000)))


def bind_score(cfg: Config) -> list[str]:
    """Let the checkpoint hook and early stopping watch the deciding score, where they name no other.

    A config without ``deciding_score`` is decided by the first metric that its evaluators report; one whose checkpoint
    hook names another, by that.

    Args:
        cfg: Changed in place.

    Returns:
        One line for each value set, for the log.
    """
    lines: list[str] = []
    if not cfg.get("val_evaluator"):
        return lines
    checkpoint = (cfg.get("default_hooks") or {}).get("checkpoint")
    written = _names(checkpoint.get("save_best")) if checkpoint else []
    stated = cfg.get("deciding_score")
    score = next(iter(written or _names(stated) or reported_names(cfg) or []), "auto")
    if stated and score != stated:
        lines.append(f"deciding_score = {score!r} (was {stated!r}): default_hooks.checkpoint.save_best says so")
    if score != "auto":
        cfg.deciding_score = score
    if checkpoint and "save_best" not in checkpoint:
        checkpoint.save_best = score
        lines.append(f"default_hooks.checkpoint.save_best = {score!r}")
    rule = checkpoint.get("rule") if checkpoint else None
    for place, hook in _early_stopping(cfg):
        if "monitor" not in hook and score != "auto":
            hook.monitor = score
            lines.append(f"{place}.monitor = {score!r}")
        if "monitor" in hook and "rule" not in hook:
            hook.rule = rule if isinstance(rule, str) and hook.monitor == score else rule_of(hook.monitor)
    return lines


def check_score(cfg: Config) -> list[Problem]:
    """Find metrics that a config wants to watch and its validation does not report.

    Args:
        cfg: A config as read, before it is bound.
    """
    reported = reported_names(cfg)
    if not cfg.get("val_evaluator") or reported is None:
        return []
    checkpoint = (cfg.get("default_hooks") or {}).get("checkpoint") or {}
    watched = [("deciding_score", name) for name in _names(cfg.get("deciding_score"))]
    watched += [("default_hooks.checkpoint.save_best", name) for name in _names(checkpoint.get("save_best"))]
    watched += [(f"{place}.monitor", hook.monitor) for place, hook in _early_stopping(cfg) if "monitor" in hook]
    return [
        Problem(f"{cfg.filename}, {place}", f"val_evaluator reports no {name!r}", _remedy(str(name), reported))
        for place, name in watched
        # The parts of the loss stand beside the metrics; their names are the model's.
        if name not in reported and name != "auto" and "loss" not in str(name)
    ]


def _remedy(name: str, reported: list[str]) -> str:
    metric = name.partition("/")[2].partition("_")[0]
    if name.startswith("coco/") and not any(other.startswith("coco/") for other in reported):
        kind = metric if metric in ("bbox", "segm") else "bbox"
        return f'add dict(type="CocoMetric", metric="{kind}") to val_evaluator, or choose {reported[0]!r}'
    return nearest(name, reported) or f"choose one of {counted(reported, limit=10)}"


def _names(value: Any) -> list[str]:
    """Return the metrics that a config names, one or several."""
    if not value:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _early_stopping(cfg: Config) -> Iterator[tuple[str, Any]]:
    """List the hooks that stop early, with their places."""
    hooks = [(f"default_hooks.{name}", hook) for name, hook in (cfg.get("default_hooks") or {}).items()]
    hooks += [(f"custom_hooks.{index}", hook) for index, hook in enumerate(cfg.get("custom_hooks") or [])]
    return ((place, hook) for place, hook in hooks if hook and hook.get("type") in EARLY_STOPPING)
