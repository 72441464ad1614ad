"""An ensemble's recipe: settings, fitted curves and the members that they were chosen for, as a small yaml."""

from __future__ import annotations

import math
import os
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any

import msgspec
import yaml

from sortline.data.json_columns import shown_value
from sortline.errors import InputError, Problem, nearest, tool_command
from sortline.files import atomic_write, read_text
from sortline.predictions.ensembling.curves import Curve, IsotonicCurve, MemberCurves, PlattCurve
from sortline.predictions.ensembling.ensemble_settings import EnsembleSettings

HEADER = """\
# Recipe of an ensemble. Members are named by what tells their files apart; --pred takes them in this order:
#   {command}
"""
SETTING_KEYS = [field.name for field in fields(EnsembleSettings)]


class _Curve(msgspec.Struct, forbid_unknown_fields=True):
    """A curve in the file: slope and intercept, or scores and chances, both rising."""

    slope: Annotated[float, msgspec.Meta(gt=0)] | None = None
    intercept: float | None = None
    scores: tuple[float, ...] = ()
    chances: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        has_points = len(self.scores) > 0
        is_one_kind = (self.slope is None) == (self.intercept is None) == has_points
        is_rising = self.scores == tuple(sorted(self.scores)) and self.chances == tuple(sorted(self.chances))
        numbers = (self.slope or 0.0, self.intercept or 0.0, *self.scores, *self.chances)
        are_sound = len(self.scores) == len(self.chances) and is_rising and all(map(math.isfinite, numbers))
        if not (is_one_kind and are_sound):
            raise ValueError("neither slope and intercept nor rising scores and chances")

    def curve(self) -> Curve:
        if self.slope is not None and self.intercept is not None:
            return PlattCurve(self.slope, self.intercept)
        return IsotonicCurve(self.scores, self.chances)


class _MemberCurves(msgspec.Struct):
    """A member's curves in the file."""

    pooled: _Curve
    by_class: dict[str, _Curve] | None = None

    def curves(self) -> MemberCurves:
        return MemberCurves(self.pooled.curve(), {name: plain.curve() for name, plain in (self.by_class or {}).items()})


#: Type of each setting that is more than a word or a whole number, and what to call it. Settings check their ranges.
KINDS: dict[str, tuple[Any, str]] = {
    "class_iou_thr": (dict[str, float], "a table of class names and numbers"),
    "weights": (tuple[float, ...], "a list of numbers"),
    "curves": (tuple[_MemberCurves, ...], "a list of fitted curves, one a member"),
    **dict.fromkeys(("iou_thr", "skip_box_thr", "score_thr", "sigma"), (float, "a number")),
}


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
    if not members or _converted(members, list[str]) is None:
        what = f"'members' is not a list of names but {shown_value(content.get('members'))}"
        problems.append(Problem(where, what, "list what tells the members' files apart"))
    values = {key: content[key] for key in SETTING_KEYS if content.get(key) is not None}
    for key, (kind, what) in KINDS.items():
        if key in values:
            converted = _converted(values[key], kind)
            if converted is None:
                problems.append(Problem(where, f"{key!r} is not {what} but {shown_value(values[key])}"))
            values[key] = converted
    if problems:
        raise InputError(problems)
    try:
        if "curves" in values:
            values["curves"] = tuple(entry.curves() for entry in values["curves"])
        settings = EnsembleSettings(**values)
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


def _converted(value: object, kind: Any) -> Any:
    """Turn what yaml gives into a type; None if it is another one."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return None


def _plain_curves(curves: MemberCurves) -> dict[str, Any]:
    by_class = {name: _plain(curve) for name, curve in curves.by_class.items()}
    return {"pooled": _plain(curves.pooled), "by_class": by_class}


def _plain(curve: Curve) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(curve).items()}
