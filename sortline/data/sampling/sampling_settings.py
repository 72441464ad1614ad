"""Check what a config says about sampling, with the nearest names for misspelt ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from sortline.data.sampling.sampling import MAIN_SOURCE
from sortline.errors import Problem, counted, nearest


def setting_problems(
    settings: Mapping[str, Any], classes: Sequence[str], sources: Sequence[str], where: str
) -> list[Problem]:
    """Check those of a sampler's settings that are there: ``thr``, ``factors``, ``source_weights``, ``epoch_size``.

    Args:
        settings: A sampler's config, or its arguments by name.
        classes: The dataset's classes.
        sources: The dataset's sources, the main one first.
        where: The sampler's place in the config.
    """
    problems: list[Problem] = []
    if "thr" in settings and not (is_positive(settings["thr"]) and settings["thr"] <= 1):
        what = f"is {settings['thr']!r}: it is a share of the images"
        problems.append(Problem(f"{where}.thr", what, "write a number above 0 and up to 1, such as 0.1"))
    if "factors" in settings:
        problems += _number_problems(settings["factors"], classes, "class", f"{where}.factors")
    if settings.get("source_weights") is not None:
        names = [name for name in sources if name != MAIN_SOURCE]
        problems += _number_problems(settings["source_weights"], names, "source", f"{where}.source_weights")
    size = settings.get("epoch_size")
    if size is not None and (type(size) is not int or size < 1):
        remedy = "write a whole number of images from 1 on, or leave it out"
        problems.append(Problem(f"{where}.epoch_size", f"is {size!r}", remedy))
    return problems


def is_positive(value: Any) -> bool:
    """Tell whether a value is a finite number above 0; True and False are none."""
    return type(value) in (int, float) and isfinite(value) and value > 0


def _number_problems(values: Any, names: Sequence[str], noun: str, where: str) -> list[Problem]:
    """Check a dict of positive numbers by name."""
    if not isinstance(values, Mapping) or not values:
        return [Problem(where, f"is {values!r}", f"write a dict of numbers by {noun}: {{{_example(names)!r}: 4}}")]
    problems = []
    for name, value in values.items():
        if name not in names:
            remedy = nearest(str(name), names) or _known(names, noun)
            problems.append(Problem(f"{where}.{name}", f"there is no {noun} of this name", remedy))
        elif not is_positive(value):
            problems.append(Problem(f"{where}.{name}", f"is {value!r}", "write a number above 0"))
    return problems


def _example(names: Sequence[str]) -> str:
    return names[-1] if names else "name"


def _known(names: Sequence[str], noun: str) -> str:
    return f"known: {counted(list(names), limit=20)}" if names else f"the config names no {noun}"
