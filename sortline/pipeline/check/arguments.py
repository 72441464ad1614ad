"""Arguments of registered types that must lie in a range: asked by their constructors, and of a config beforehand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mmengine.config import Config

from sortline.errors import InputError, Problem
from sortline.nested import dicts_below

#: Whether a value is good, given all arguments of its type; and what to write instead.
Rule = tuple[Callable[[Any, Mapping[str, Any]], bool], str]
#: Top-level keys of a config below which such types stand.
PARTS = ("default_hooks", "custom_hooks", "train_pipeline", "train_pipeline_stage2", "train_dataloader", "model")
#: Largest share of an object's box that a crop may show if the object counts as outside.
NOT_WORTH_A_LABEL = 0.02


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
    for part in PARTS:
        for place, node in dicts_below(cfg.get(part), part):
            yield from argument_problems(str(node.get("type")), node, f"{cfg.filename}, {place}")
