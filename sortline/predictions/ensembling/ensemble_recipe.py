"""An ensemble's recipe: settings, fitted curves and the members that they were chosen for, as a small yaml."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import yaml

from sortline.data.json_columns import is_finite_number, shown_value
from sortline.errors import InputError, Problem, nearest, tool_command
from sortline.files import atomic_write, read_text
from sortline.predictions.ensembling.curves import Curve, IsotonicCurve, MemberCurves, PlattCurve
from sortline.predictions.ensembling.ensemble_settings import EnsembleSettings

HEADER = """\
# Recipe of an ensemble. Members are named by what tells their files apart; --pred takes them in this order:
#   {command}
"""
SETTING_KEYS = [field.name for field in fields(EnsembleSettings)]
NUMBER_KEYS = ("iou_thr", "skip_box_thr", "score_thr", "sigma")


@dataclass(frozen=True)
class Recipe:
    """What to do with which members.

    Attributes:
        settings: How they are fused.
        members: Their names in the order of weights and curves, as
            :func:`~sortline.predictions.ensembling.members.member_names` gives them.
    """

    settings: EnsembleSettings
    members: tuple[str, ...]


def write_recipe(path: str | os.PathLike[str], recipe: Recipe) -> None:
    """Write a recipe; :func:`read_recipe` returns an equal one.

    Raises:
        InputError: Not as many names as weights or curves.
    """
    recipe.settings.check_against(len(recipe.members), list(recipe.settings.class_iou_thr))
    content: dict[str, Any] = {"members": list(recipe.members)}
    content |= {key: getattr(recipe.settings, key) for key in SETTING_KEYS}
    content["class_iou_thr"] = dict(recipe.settings.class_iou_thr)
    content["weights"] = recipe.settings.weights and list(recipe.settings.weights)
    content["curves"] = [_plain_curves(curves) for curves in recipe.settings.curves]
    use = ("--recipe", Path(path).name, "--ann", "ANN.json", "--pred", "P1", "P2", "...", "--out", "OUT")
    with atomic_write(path) as file:
        file.write(HEADER.format(command=tool_command("tools/ensemble.py", *use)))
        yaml.safe_dump(content, file, sort_keys=False, allow_unicode=True, default_flow_style=None, width=120)


def read_recipe(path: str | os.PathLike[str]) -> Recipe:
    """Read a recipe that :func:`write_recipe` or a person wrote; what is left out has its default.

    Raises:
        InputError: No yaml of a recipe, unknown keys, or values that mean nothing; all problems together.
    """
    where = str(path)
    content = _load(where)
    problems = [
        Problem(where, f"has the unknown key {key!r}", nearest(str(key), ["members", *SETTING_KEYS]))
        for key in content
        if key not in ("members", *SETTING_KEYS)
    ]
    members = content.get("members") or []
    if not members or not _is_list_of(str, members):
        what = f"'members' is not a list of names but {shown_value(content.get('members'))}"
        problems.append(Problem(where, what, "list what tells the members' files apart"))
    values = {key: content[key] for key in SETTING_KEYS if content.get(key) is not None}
    problems += _shape_problems(values, where)
    if problems:
        raise InputError(problems)
    try:
        settings = EnsembleSettings(**_typed(values))
        settings.check_against(len(members), list(settings.class_iou_thr))
    except InputError as error:
        raise InputError([replace(problem, where=f"{where}: {problem.where}") for problem in error.problems]) from None
    return Recipe(settings, tuple(members))


def _load(where: str) -> dict[str, Any]:
    try:
        content = yaml.safe_load(read_text(where))
    except yaml.YAMLError as error:
        place = getattr(error, "problem_mark", None)
        line = f" (line {place.line + 1})" if place else ""
        raise InputError(Problem(where, f"is not yaml{line}", "write it anew, or mend that line")) from None
    if not isinstance(content, dict):
        what = f"is not a recipe: it holds {shown_value(content)}"
        raise InputError(Problem(where, what, "give a file that tune_ensemble.py or --write-recipe wrote"))
    return content


def _shape_problems(values: Mapping[str, Any], where: str) -> list[Problem]:
    """Find values of another kind than the settings expect; their ranges are the settings' own business."""
    problems = []
    wanted = {
        "class_iou_thr": ("a table of class names and numbers", _is_table_of_numbers),
        "weights": ("a list of numbers", lambda value: _is_list_of((int, float), value)),
        "curves": ("a list of fitted curves, one a member", _is_list_of_curves),
        **dict.fromkeys(NUMBER_KEYS, ("a number", is_finite_number)),
    }
    for key, (kind, is_good) in wanted.items():
        if key in values and not is_good(values[key]):
            problems.append(Problem(where, f"{key!r} is not {kind} but {shown_value(values[key])}"))
    return problems


def _is_list_of(kind: type | tuple[type, ...], value: object) -> bool:
    return isinstance(value, list) and all(isinstance(entry, kind) and not isinstance(entry, bool) for entry in value)


def _is_table_of_numbers(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(key, str) for key in value) and _all_numbers(list(value.values()))


def _all_numbers(values: object) -> bool:
    return isinstance(values, list) and all(map(is_finite_number, values))


def _is_list_of_curves(value: object) -> bool:
    return _is_list_of(dict, value) and all(_is_member_curves(entry) for entry in value)  # type: ignore[attr-defined]


def _is_member_curves(entry: dict[str, Any]) -> bool:
    by_class = entry.get("by_class") or {}
    is_table = isinstance(by_class, dict) and all(isinstance(name, str) for name in by_class)
    return is_table and all(map(_is_curve, [entry.get("pooled"), *by_class.values()]))


def _is_curve(plain: object) -> bool:
    if not isinstance(plain, dict):
        return False
    if plain.keys() == {"slope", "intercept"}:
        return _all_numbers(list(plain.values())) and plain["slope"] > 0
    if plain.keys() != {"scores", "chances"} or not all(map(_all_numbers, plain.values())):
        return False
    scores, chances = plain["scores"], plain["chances"]
    return 0 < len(scores) == len(chances) and scores == sorted(scores) and chances == sorted(chances)


def _typed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Turn yaml's lists and tables into what the settings hold."""
    typed = dict(values)
    if "weights" in typed:
        typed["weights"] = tuple(map(float, typed["weights"]))
    if "curves" in typed:
        typed["curves"] = tuple(
            MemberCurves(_curve(entry["pooled"]), {k: _curve(v) for k, v in (entry.get("by_class") or {}).items()})
            for entry in typed["curves"]
        )
    return typed


def _curve(plain: Mapping[str, Any]) -> Curve:
    if "slope" in plain:
        return PlattCurve(float(plain["slope"]), float(plain["intercept"]))
    return IsotonicCurve(tuple(map(float, plain["scores"])), tuple(map(float, plain["chances"])))


def _plain_curves(curves: MemberCurves) -> dict[str, Any]:
    by_class = {name: _plain(curve) for name, curve in curves.by_class.items()}
    return {"pooled": _plain(curves.pooled), "by_class": by_class}


def _plain(curve: Curve) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(curve).items()}
