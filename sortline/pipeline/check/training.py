"""Check what must go together: losses with their heads, loaders with their loops, a schedule with its run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mmengine.config import Config

from sortline.errors import InputError, Problem, counted, nearest
from sortline.nested import dicts_below, flatten
from sortline.pipeline.bind import PARTS, as_list, early_stopping_hooks, metric_names, reported_names
from sortline.pipeline.class_weights import EQUALISED, check_class_weights, losses_of_heads
from sortline.secrets import HIDDEN, without_secrets

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
#: What mmengine's Runner takes all together or not at all.
TOGETHER = (
    ("train_dataloader", "train_cfg", "optim_wrapper"),
    *((f"{part}_dataloader", f"{part}_cfg", f"{part}_evaluator") for part in PARTS[1:]),
)
#: Types that draw from generators of their own, and what takes their place.
UNSEEDED = {"Albu": "RandomAlbumentations"}
SEED_PLACES = ("train_pipeline", "train_pipeline_stage2", "train_dataloader")


#: Whether a value is good, given all arguments of its type; and what to write instead.
Rule = tuple[Callable[[Any, Mapping[str, Any]], bool], str]
#: Top-level keys of a config below which such types stand.
ARGUMENT_PLACES = (
    "default_hooks",
    "custom_hooks",
    "train_pipeline",
    "train_pipeline_stage2",
    "train_dataloader",
    "model",
)
#: Largest share of an object's box that a crop may show if the object counts as outside.
NOT_WORTH_A_LABEL = 0.02


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


def check_loops(cfg: Config) -> Iterator[Problem]:
    """A loop needs its loader and its evaluator or optimiser; without any of them it is left out."""
    for keys in TOGETHER:
        absent = [key for key in keys if not cfg.get(key) and cfg.get(key) != {}]
        if absent and len(absent) < len(keys):
            there = " and ".join(key for key in keys if key not in absent)
            remedy = f"set {' and '.join(absent)} too, or {there} to None"
            yield Problem(" and ".join(absent), f"is None or not there, beside {there}", remedy)


def check_schedule(cfg: Config) -> list[Problem]:
    """A learning-rate step behind the end of the run would never be taken, nor epochs before its last ones."""
    epochs = (cfg.get("train_cfg") or {}).get("max_epochs")
    if not epochs:
        return []
    problems: list[Problem] = []
    for index, scheduler in enumerate(as_list(cfg.get("param_scheduler"))):
        if not scheduler.get("by_epoch", True):
            continue
        late = [milestone for milestone in scheduler.get("milestones", []) if milestone >= epochs]
        late += [scheduler.begin] if scheduler.get("begin", 0) >= epochs else []
        if late:
            what = f"{late[0]} lies behind the last of {epochs} epochs: this step would never be taken"
            problems.append(Problem(f"param_scheduler.{index}", what, "fit the plan to train_cfg.max_epochs"))
    for index, hook in enumerate(cfg.get("custom_hooks") or []):
        if hook.get("type") == "LastEpochsPipelineHook" and hook.get("last_epochs", 0) >= epochs:
            what = f"the last {hook.last_epochs} of {epochs} epochs go without strong augmentation: none is left for it"
            remedy = "set the recipe's last_epochs_without to fewer epochs, or leave the recipe out"
            problems.append(Problem(f"custom_hooks.{index}", what, remedy))
    return problems


def check_secrets(cfg: Config) -> list[Problem]:
    """Report every value that looks like a secret.

    mmengine copies the config into the run folder and into every checkpoint, and trackers get it as well.
    """
    what = "holds a password or the like, which every checkpoint, log and run folder would carry on"
    remedy = "take it out; programs read theirs from the environment: WANDB_API_KEY, MLFLOW_TRACKING_PASSWORD, HF_TOKEN"
    leaves = flatten(cfg._cfg_dict.to_dict()).items()
    found = [key for key, value in leaves if HIDDEN in str(without_secrets(value, key.rpartition(".")[2]))]
    return [Problem(key, what, remedy) for key in found]


def unseeded_lines(cfg: Config) -> list[str]:
    """Warn of what makes every run another one, whatever its seed: a line for the log, or none.

    albumentations draws from generators of its own (https://albumentations.ai/docs/4-advanced-guides/reproducibility),
    which mmdet's ``Albu`` doesn't seed; forked workers get equal copies of them, so that all draw alike.
    """
    for part in SEED_PLACES:
        for place, node in dicts_below(cfg.get(part), part):
            name = str(node.get("type")).rpartition(".")[2]
            if name in UNSEEDED:
                return [
                    f"warning: {place}: {name} draws random numbers that no seed reaches: the run can't be repeated. "
                    f"{UNSEEDED[name]} takes the same transforms and follows the seed"
                ]
    return []


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _whole(least: int, wanted: str) -> Rule:
    return lambda value, _: isinstance(value, int) and not isinstance(value, bool) and value >= least, wanted


def _number(is_good: Callable[[float], bool], wanted: str) -> Rule:
    return lambda value, _: _is_number(value) and is_good(value), wanted


def _range(is_good: Callable[[float, float], bool], wanted: str) -> Rule:
    def good(value: Any, _: Mapping[str, Any]) -> bool:
        is_pair = isinstance(value, list | tuple) and len(value) == 2 and all(map(_is_number, value))
        return is_pair and value[0] <= value[1] and is_good(*value)

    return good, wanted


PROBABILITY = _number(lambda value: 0 <= value <= 1, "a probability from 0 to 1")
SHARE = _number(lambda value: 0 <= value <= 1, "a share from 0 to 1")

RULES: dict[str, dict[str, Rule]] = {
    "AtomicCheckpointHook": {"keep_best": _whole(1, "how many to keep, from 1 on")},
    "FreezeHook": {"epochs": _whole(1, "at least 1 epoch, or leave the hook out")},
    "TailAverageHook": {
        "begin": _number(lambda value: 0 <= value < 1, "a share of the run from 0 to below 1"),
        "interval": _whole(1, "1 or more iterations"),
    },
    "TrackingHook": {
        "photos": _whole(0, "a whole number from 0 on"),
        "photo_side": _whole(1, "a whole number from 1 on"),
        "max_boxes": _whole(0, "a whole number from 0 on"),
        "interval": _whole(1, "a whole number from 1 on"),
        "score_thr": _number(lambda value: 0 <= value <= 1, "a score from 0 to 1"),
    },
    "CropKeepingObjects": {
        "side_range": _range(
            lambda low, high: low > 0 and high <= 1, "the smallest and the largest share of a side: (0.5, 1.0)"
        ),
        "min_visible": _number(
            lambda value: NOT_WORTH_A_LABEL < value <= 1, f"a share above {NOT_WORTH_A_LABEL} and at most 1"
        ),
        "prob": PROBABILITY,
    },
    "OwnSizeMixUp": {
        "ratio_range": _range(
            lambda low, high: low > 0 and high <= 1, "the smallest and the largest share: (0.5, 1.0)"
        ),
    },
    "OwnSizeMosaic": {
        "ratio_range": _range(
            lambda low, _: low >= 0.5, "the smallest factor, at least 0.5, and the largest: (0.5, 1.0)"
        ),
        "center_range": _range(lambda low, high: low >= 0 and high <= 1, "two shares of a side"),
        "min_visible": _number(lambda value: 0 <= value < 1, "a share below 1"),
    },
    "PasteObjects": {
        **dict.fromkeys(("prob", "rare_thr", "max_share", "max_covered", "flip_prob", "match_light"), SHARE),
        "max_objects": _whole(1, "a whole number from 1 on"),
        "scale_range": _range(lambda low, _: low > 0, "the smallest and the largest factor: (0.7, 1.3)"),
        "min_side": _number(lambda value: value > 0, "a number of pixels above 0"),
    },
    "RandomRotate90": {"prob": PROBABILITY},
    "SampleBoxesByWeight": {
        "otherwise": (lambda value, _: value in ("background", "ignored"), "'background' or 'ignored'"),
    },
    "FocalCrossEntropyLoss": {
        "gamma": _number(lambda value: value >= 0, "0 or more; 2 is usual"),
        "smoothing": _number(lambda value: 0 <= value < 1, "a number from 0 to below 1; 0.1 is usual"),
        "alpha": (
            lambda value, given: (
                value is None or bool(given.get("use_sigmoid") and _is_number(value) and 0 <= value <= 1)
            ),
            "0 to 1, with use_sigmoid=True only",
        ),
        "class_weight": (
            lambda value, given: value is None or not given.get("use_sigmoid"),
            "nothing here: set class_weights",
        ),
    },
}


def argument_problems(name: str, arguments: Mapping[str, Any], place: str = "") -> list[Problem]:
    """Find arguments of a registered type that are out of their range.

    Args:
        name: The type's.
        arguments: Those that are given.
        place: Where they stand; the type's name unless given.
    """
    return [
        Problem(f"{place or name}.{key}", f"is {arguments[key]!r}", f"write {wanted}")
        for key, (is_good, wanted) in RULES.get(name, {}).items()
        if key in arguments and not is_good(arguments[key], arguments)
    ]


def refuse_arguments(name: str, **arguments: Any) -> None:
    """Refuse arguments of a registered type that are out of their range.

    Raises:
        InputError: For all of them together.
    """
    if problems := argument_problems(name, arguments):
        raise InputError(problems)


def check_arguments(cfg: Config) -> list[Problem]:
    """Find arguments that are out of their range before anything is built.

    Args:
        cfg: A config as read, before it is bound.
    """
    return list(_of_parts(cfg))


def _of_parts(cfg: Config) -> Iterator[Problem]:
    for part in ARGUMENT_PLACES:
        for place, node in dicts_below(cfg.get(part), part):
            yield from argument_problems(str(node.get("type")), node, f"{cfg.filename}, {place}")


def check_score(cfg: Config) -> list[Problem]:
    """Find metrics that a config wants to watch and its validation does not report.

    Args:
        cfg: A config as read, before it is bound.
    """
    reported = reported_names(cfg)
    if not cfg.get("val_evaluator") or reported is None:
        return []
    checkpoint = (cfg.get("default_hooks") or {}).get("checkpoint") or {}
    watched = [("deciding_score", name) for name in metric_names(cfg.get("deciding_score"))]
    watched += [("default_hooks.checkpoint.save_best", name) for name in metric_names(checkpoint.get("save_best"))]
    watched += [(f"{place}.monitor", hook.monitor) for place, hook in early_stopping_hooks(cfg) if "monitor" in hook]
    return [
        Problem(f"{cfg.filename}, {place}", f"val_evaluator reports no {name!r}", _score_remedy(str(name), reported))
        for place, name in watched
        # The parts of the loss stand beside the metrics; their names are the model's.
        if name not in reported and name != "auto" and "loss" not in str(name)
    ]


def _score_remedy(name: str, reported: list[str]) -> str:
    metric = name.partition("/")[2].partition("_")[0]
    if name.startswith("coco/") and not any(other.startswith("coco/") for other in reported):
        kind = metric if metric in ("bbox", "segm") else "bbox"
        return f'add dict(type="CocoMetric", metric="{kind}") to val_evaluator, or choose {reported[0]!r}'
    return nearest(name, reported) or f"choose one of {counted(reported, limit=10)}"
