"""Check what recipes and bases put together: losses with their heads, one average of the weights, a known score."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmengine.config import Config

from sortline.errors import Problem
from sortline.pipeline.check.arguments import check_arguments
from sortline.pipeline.class_weights import EQUALISED, check_class_weights, losses_of_heads
from sortline.pipeline.deciding_score import check_score

#: Heads whose classification targets are no labels, but IoUs or maps of centres: the losses that understand them.
QUALITY_HEADS = {
    **dict.fromkeys(
        (
            *("GFLHead", "LDHead", "TOODHead", "RTMDetHead", "RTMDetSepBNHead"),
            *("RTMDetInsHead", "RTMDetInsSepBNHead"),
        ),
        "QualityFocalLoss",
    ),
    "VFNetHead": "VarifocalLoss",
    "CenterNetUpdateHead": "GaussianFocalLoss",
}
#: What the recipes put in place of a loss.
REPLACEMENTS = ("FocalCrossEntropyLoss", *EQUALISED)
AVERAGES = ("EMAHook", "TailAverageHook")


def check_training(cfg: Config) -> list[Problem]:
    """Check losses, class weights, weight averaging and the deciding score of a config with its recipes put in.

    Args:
        cfg: A config as read, before it is bound.
    """
    problems = list(_check_losses(cfg))
    averaging = [str(hook.type) for hook in all_hooks(cfg) if hook.get("type") in AVERAGES]
    if len(averaging) > 1:
        what = f"{len(averaging)} hooks average the weights: {', '.join(averaging)}"
        remedy = "keep one: recipe_ema = None or recipe_weight_average = None, or custom_hooks without the EMAHook"
        problems.append(Problem("custom_hooks", what, remedy))
    return problems + check_class_weights(cfg) + check_score(cfg) + check_arguments(cfg)


def _check_losses(cfg: Config) -> Iterator[Problem]:
    for place, head in losses_of_heads(cfg.get("model")):
        loss, owner = head.loss_cls.get("type"), str(head.get("type"))
        if owner in QUALITY_HEADS and loss in REPLACEMENTS:
            what = f"{owner} learns how good a box is as its score; {loss} learns labels"
            remedy = f"leave its {QUALITY_HEADS[owner]} as it is, and the recipe out"
            yield Problem(f"{place}.loss_cls", what, remedy)
        elif loss in EQUALISED and not owner.endswith("BBoxHead"):
            what = f"{loss} needs a box head of a two-stage detector; {owner} is none"
            yield Problem(f"{place}.loss_cls", what, "use class weights here, or a two-stage detector")


def all_hooks(cfg: Config) -> list[Any]:
    """List the hooks of a config, named ones and others; None for none is left out."""
    named = list((cfg.get("default_hooks") or {}).values())
    return [hook for hook in (*named, *(cfg.get("custom_hooks") or [])) if isinstance(hook, dict)]
