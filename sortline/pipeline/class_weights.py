"""Class-weighted and equalised losses: numbers from the training files, written into every head's loss."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict

from sortline.data.annotations import read_annotations
from sortline.errors import InputError, Problem, nearest
from sortline.nested import dicts_below

RULES = ("inverse", "inverse_sqrt", "effective_number")
KEYS = ("rule", "beta", "background")
#: Losses with state for each class, whose size is set from the dataset.
EQUALISED = ("SeesawLoss", "EQLV2BoxLoss")
#: Losses that weigh a sample by its label themselves, with softmax.
SOFTMAX_LOSSES = ("CrossEntropyLoss", "FocalCrossEntropyLoss")
#: Losses that take a weight for each sample, with sigmoid.
SIGMOID_LOSSES = (*SOFTMAX_LOSSES, "FocalLoss", "QualityFocalLoss", "VarifocalLoss")
WRAPPER = "ClassWeightedLoss"
#: Samplers that favour rare classes too.
RARE_CLASS_SAMPLERS = ("ClassBalancedSampler", "OversampleSampler", "RepeatFactorSampler")
#: Heads that don't hand samples to their loss in the usual way, or set its class weights themselves.
UNFIT_HEADS = (
    *("AutoAssignHead", "CenterNetUpdateHead", "DETRHead", "FreeAnchorRetinaHead", "Mask2FormerHead"),
    *("MaskFormerHead", "PISASSDHead", "YOLOV3Head"),
)
#: Heads that compare the type of their loss with QualityFocalLoss.
QUERY_HEADS = ("ConditionalDETRHead", "DABDETRHead", "DeformableDETRHead", "DINOHead", "GroundingDINOHead")


def weights_of_counts(counts: Sequence[int], rule: str, beta: float = 0.999) -> list[float]:
    """Weigh classes by how many boxes they have, so that the mean weight of a box is 1.

    The sum of the losses of boxes thus stays as large as without weights, and the learning rate fits. A class
    without boxes is never weighed and gets 1.

    Args:
        counts: Boxes of each class.
        rule: ``"inverse"``: 1 / n; ``"inverse_sqrt"``: 1 / sqrt(n); ``"effective_number"``:
            (1 - beta) / (1 - beta^n), https://arxiv.org/abs/1901.05555.
        beta: Of the effective number: towards 1 as strong as "inverse", towards 0 no weights.

    >>> weights_of_counts([100, 1], "inverse_sqrt")  # 1 : 10, scaled by 101 / (100 * 1 + 1 * 10)
    [0.9182, 9.1818]
    """
    raw = [_raw_weight(count, rule, beta) if count else 0.0 for count in counts]
    total = sum(count * weight for count, weight in zip(counts, raw, strict=True))
    return [round(weight * sum(counts) / total, 4) if count else 1.0 for count, weight in zip(counts, raw, strict=True)]


def _raw_weight(count: int, rule: str, beta: float) -> float:
    if rule == "effective_number":
        return float((1 - beta) / (1 - beta**count))
    return float(1 / count if rule == "inverse" else count**-0.5)


def losses_of_heads(model: Any) -> list[tuple[str, ConfigDict]]:
    """List every head with a ``loss_cls`` in a model: its place and its config.

    Proposal heads, which know no classes, and a teacher that is not trained are left out.
    """
    parts = dicts_below(model, "model", skip=("rpn_head", "teacher_config", "loss_cls"))
    return [(place, node) for place, node in parts if isinstance(node.get("loss_cls"), dict)]


def check_class_weights(cfg: Config) -> list[Problem]:
    """Find what is wrong with ``class_weights``, and heads whose loss can't follow them.

    Args:
        cfg: A config with its recipes put in, bound or not.
    """
    settings = cfg.get("class_weights")
    if settings is None:
        return []
    if not isinstance(settings, dict):
        return [Problem("class_weights", f"is {settings!r}", 'write class_weights = dict(rule="inverse_sqrt")')]
    problems = _setting_problems(settings)
    heads = losses_of_heads(cfg.get("model"))
    if not heads:
        what = "no head of this model has a loss_cls that could be weighted"
        problems.append(Problem("class_weights", what, "leave them out, or draw rare classes more often: docs/data.md"))
    return problems + [problem for place, head in heads for problem in _head_problems(place, head)]


def _setting_problems(settings: Mapping[str, Any]) -> list[Problem]:
    problems = [
        Problem(f"class_weights.{key}", "unknown key", nearest(str(key), KEYS) or f"known: {', '.join(KEYS)}")
        for key in settings
        if key not in (*KEYS, "_delete_")
    ]
    rule, beta, background = settings.get("rule"), settings.get("beta", 0.999), settings.get("background")
    if rule not in RULES:
        remedy = nearest(str(rule), RULES) or f"choose one of {', '.join(RULES)}"
        problems.append(Problem("class_weights.rule", f"is {rule!r}", remedy))
    if not isinstance(beta, int | float) or not 0 <= beta < 1:
        problems.append(Problem("class_weights.beta", f"is {beta!r}", "write 0 to below 1, such as 0.999"))
    if background is not None and not (isinstance(background, int | float) and background > 0):
        problems.append(Problem("class_weights.background", f"is {background!r}", "write a number above 0, or None"))
    return problems


def _head_problems(place: str, head: ConfigDict) -> Iterator[Problem]:
    loss, owner = head.loss_cls, str(head.get("type"))
    where = f"{place}.loss_cls"
    if loss.get("type") in EQUALISED:
        what = f"{loss.type} balances the classes by itself"
        yield Problem(where, what, "leave one out: recipe_class_weights = None, or the equalised loss")
    elif owner in UNFIT_HEADS or (owner in QUERY_HEADS and loss.get("type") == "QualityFocalLoss"):
        what = f"{owner} does not use {loss.get('type')} in a way that class weights could reach"
        yield Problem(where, what, "draw rare classes more often in place of weights: docs/data.md")
    elif loss.get("type") not in ((*SIGMOID_LOSSES, WRAPPER) if loss.get("use_sigmoid") else SOFTMAX_LOSSES):
        known = ", ".join(sorted({*SIGMOID_LOSSES}))
        yield Problem(where, f"{loss.get('type')} takes no class weights", f"these do: {known}")


def bind_losses(cfg: Config, classes: Sequence[str], train_files: Sequence[str]) -> list[str]:
    """Set the number of classes of equalised losses, and the weights that ``class_weights`` asks for.

    Softmax losses get mmdet's own ``class_weight``, the background's as its last number: ``class_weights.background``,
    else what the loss has there, else 1. Sigmoid losses, which take none, are put into a :class:`ClassWeightedLoss`.

    Args:
        cfg: Changed in place; a second call changes nothing.
        classes: Names of the classes.
        train_files: Annotation files that are trained on.

    Returns:
        One line for each value set, for the log.
    """
    heads = losses_of_heads(cfg.get("model"))
    lines = []
    for place, head in heads:
        loss = head.loss_cls
        if loss.get("type") in EQUALISED and loss.get("num_classes") != len(classes):
            loss.num_classes = len(classes)
            lines.append(f"{place}.loss_cls.num_classes = {len(classes)}")
    settings = cfg.get("class_weights")
    if settings is None or check_class_weights(cfg):
        return lines
    counts = _boxes_of_classes(train_files, classes)
    if counts is None:
        return lines
    weights = weights_of_counts(counts, settings.rule, settings.get("beta", 0.999))
    listed = ", ".join(f"{name} {weight:g}" for name, weight in zip(classes, weights, strict=True))
    set_at = [place for place, head in heads if _weigh(head, weights, settings.get("background"))]
    if set_at:
        lines.append(f"class weights ({settings.rule} of the training boxes) in {', '.join(set_at)}: {listed}")
        sampler: Any = (cfg.get("train_dataloader") or {}).get("sampler") or {}
        if sampler.get("type") in RARE_CLASS_SAMPLERS:
            lines.append(f"rare classes count twice: in their weights, and drawn more often by {sampler['type']}")
    return lines


def _boxes_of_classes(train_files: Sequence[str], classes: Sequence[str]) -> list[int] | None:
    """Count the training boxes by class, crowds left out; None where a file can't be read, which is reported later."""
    counts: Counter[str] = Counter()
    for path in train_files:
        if not Path(path).is_file():
            return None
        try:
            annotations = read_annotations(path)
        except InputError:
            return None
        names = {category["id"]: category["name"] for category in annotations["categories"]}
        counts.update(names[box["category_id"]] for box in annotations["annotations"] if not box.get("iscrowd"))
    found = [counts[name] for name in classes]
    return found if any(found) else None


def _weigh(head: ConfigDict, weights: list[float], background: float | None) -> bool:
    """Write weights into a head's loss; False when they are there already."""
    loss = head.loss_cls
    if loss.type == WRAPPER:
        return False
    if loss.get("use_sigmoid"):
        head.loss_cls = ConfigDict(
            type=WRAPPER, loss=loss, class_weight=weights, background=background or 1.0, use_sigmoid=True
        )
        return True
    own = loss.get("class_weight")
    last = own[-1] if isinstance(own, list | tuple) else 1.0
    wanted = [*weights, background or last]
    if own == wanted:
        return False
    loss.class_weight = wanted
    return True
