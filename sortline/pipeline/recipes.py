"""Recipes: training tricks that stand beside each other in ``_base_`` and combine freely.

mmengine replaces lists when configs inherit and forbids sibling bases that define the same key, so two bases can't
both add a transform or a hook. A recipe is a base that defines one variable of its own, ``recipe_<name>``, and says
in it what to add; the parts of all recipes are put together here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict

from sortline.errors import InputError, Problem, nearest
from sortline.nested import dicts_below, flatten

PREFIX = "recipe_"
#: Places of the train pipeline, in order; see docs/recipes.md.
SLOTS = ("load", "mix", "resize", "crop", "flip", "color", "erase")
KEYS = (*SLOTS, "last_epochs_without", "hook", "vis_backend", "config", "each")
OWN_RECIPES = Path(__file__).resolve().parents[2] / "configs" / "_base_" / "recipes"
PIPELINES = ("train_pipeline", "train_pipeline_stage2")

RESIZES = ("Resize", "RandomResize", "RandomChoiceResize", "FixScaleResize")
FLIPS = ("RandomFlip",)


def apply_recipes(cfg: Config) -> None:
    """Put the recipes of a config into its pipelines, hooks and settings, as an experiment would have written them.

    The variables ``recipe_<name>`` disappear; ``recipes`` lists their names.

    Args:
        cfg: A config as read; changed in place.

    Raises:
        InputError: A recipe has an unknown key or a value of a wrong kind, two recipes replace the same step, or
            the config has no pipeline that a recipe could change.
    """
    recipes = {key.removeprefix(PREFIX): cfg[key] for key in cfg if key.startswith(PREFIX)}
    recipes = {name: recipe for name, recipe in recipes.items() if recipe is not None}
    if problems := _problems(cfg, recipes):
        raise InputError(problems)
    for key in [key for key in cfg if key.startswith(PREFIX)]:
        del cfg._cfg_dict[key]
    if not recipes:
        return
    cfg.recipes = list(recipes)
    _change_pipelines(cfg, recipes)
    for recipe in recipes.values():
        cfg._cfg_dict.merge(ConfigDict(recipe.get("config") or {}))  # honours _delete_
    _change_model(cfg, recipes)
    _add_hooks(cfg, [hook for recipe in recipes.values() for hook in _listed(recipe.get("hook"))])
    _add_vis_backends(cfg, [backend for recipe in recipes.values() for backend in _listed(recipe.get("vis_backend"))])


def _change_model(cfg: Config, recipes: dict[str, Any]) -> None:
    """Do what the recipes ask of every dict of a name.

    Raises:
        InputError: The model has no dict of such a name.
    """
    problems = []
    for name, recipe in recipes.items():
        for key, change in (recipe.get("each") or {}).items():
            if not _change_each(cfg.get("model"), key, change):
                names = {place.rpartition(".")[2] for place, _ in dicts_below(cfg.get("model"))}
                remedy = nearest(key, names) or "leave the recipe out: this model is no case for it"
                problems.append(
                    Problem(f"{cfg.filename}, {PREFIX}{name}.each.{key}", "the model has no such dict", remedy)
                )
    if problems:
        raise InputError(problems)


def _add_hooks(cfg: Config, hooks: list[Any]) -> None:
    own = cfg.get("custom_hooks") or []
    if hooks and isinstance(own, list | tuple):  # anything else is refused by check_kinds
        cfg.custom_hooks = [*own, *hooks]


def _add_vis_backends(cfg: Config, backends: list[Any]) -> None:
    if backends and isinstance(cfg.get("visualizer"), dict):  # anything else is refused by check_kinds
        cfg.visualizer.vis_backends = [*(cfg.visualizer.get("vis_backends") or []), *backends]


def _problems(cfg: Config, recipes: dict[str, Any]) -> list[Problem]:
    """Find what is wrong with the recipes themselves; what they add is checked with the rest of the config."""
    problems: list[Problem] = []
    for name, recipe in recipes.items():
        where = f"{cfg.filename}, {PREFIX}{name}"
        if not isinstance(recipe, dict):
            problems.append(Problem(where, f"is {recipe!r}", "write a dict, or None to leave the recipe out"))
            continue
        if not recipe:
            problems.append(Problem(where, "is empty", f"say what it adds: {', '.join(KEYS)}; or None to leave it out"))
        for key, value in recipe.items():
            if key not in KEYS:
                remedy = nearest(key, KEYS) or f"known: {', '.join(KEYS)}"
                problems.append(Problem(f"{where}.{key}", "unknown key of a recipe", remedy))
            elif wanted := _wrong_kind(key, value):
                if (OWN_RECIPES / f"{name}.py").exists():
                    wanted += f", or name _base_/recipes/{name}.py in _base_ to change a setting of it"
                problems.append(Problem(f"{where}.{key}", f"is {value!r}", f"write {wanted}"))
        if any(recipe.get(slot) for slot in SLOTS) and not all(map(_is_pipeline, map(cfg.get, PIPELINES))):
            what, remedy = "changes train_pipeline, which is no list of transforms", "write a list of dicts with a type"
            problems.append(Problem(where, what, remedy))
        elif any(recipe.get(slot) for slot in SLOTS) and not cfg.get("train_pipeline"):
            what, remedy = "changes train_pipeline, which the config has not", "inherit from configs/_base_/datasets"
            problems.append(Problem(where, what, remedy))
    if problems:
        return problems
    for slot in ("resize", "flip"):
        users = [name for name, recipe in recipes.items() if recipe.get(slot)]
        if len(users) > 1:
            what = f"{' and '.join(users)} both replace the {slot} step"
            problems.append(Problem(str(cfg.filename), what, f"leave one out: {PREFIX}{users[0]} = None"))
    return problems + _contradictions(cfg, recipes)


def _contradictions(cfg: Config, recipes: dict[str, Any]) -> list[Problem]:
    """Find settings that two recipes give different values, of which only the last would count."""
    first: dict[str, tuple[str, Any]] = {}
    problems = []
    for name, recipe in recipes.items():
        for key, value in flatten({part: recipe.get(part) or {} for part in ("config", "each")}).items():
            other, seen = first.setdefault(key, (name, value))
            if seen != value and not key.endswith("._delete_"):
                what = f"{other} sets {key.partition('.')[2]} to {seen!r}, {name} to {value!r}"
                problems.append(Problem(str(cfg.filename), what, f"leave one out: {PREFIX}{other} = None"))
    return problems


def _is_pipeline(value: Any) -> bool:
    return value is None or (
        isinstance(value, list | tuple)
        and all(isinstance(step, dict) and isinstance(step.get("type"), str) for step in value)
    )


def _wrong_kind(key: str, value: Any) -> str:
    """Say what should be written in place of a value of the wrong kind; nothing when it is right."""
    if key == "last_epochs_without":
        good = isinstance(value, int) and not isinstance(value, bool) and value >= 0
        return "" if good else "a number of epochs"
    if key in ("config", "each"):
        return "" if isinstance(value, dict) else "a dict"
    good = all(isinstance(item, dict) and item.get("type") for item in _listed(value))
    return "" if good else "a dict with a type, or a list of such"


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _change_pipelines(cfg: Config, recipes: dict[str, Any]) -> None:
    """Put the recipes' transforms in, and those that end early into the first of two pipelines only.

    Where the config changes its pipeline late in training itself, its own plan says when.
    """
    ending = {name: recipe for name, recipe in recipes.items() if recipe.get("last_epochs_without")}
    staying = {name: recipe for name, recipe in recipes.items() if name not in ending}
    late = cfg.get("train_pipeline_stage2")
    if late or any(recipe.get(slot) for recipe in ending.values() for slot in SLOTS):
        cfg.train_pipeline_stage2 = changed_pipeline(late or cfg.train_pipeline, list(staying.values()))
    if ending and not late:
        epochs = max(recipe.last_epochs_without for recipe in ending.values())
        _add_hooks(cfg, [dict(type="LastEpochsPipelineHook", last_epochs=epochs)])
    if cfg.get("train_pipeline"):
        cfg.train_pipeline = changed_pipeline(cfg.train_pipeline, list(recipes.values()))


def changed_pipeline(pipeline: Sequence[Any], recipes: Sequence[Any]) -> list[Any]:
    """Return a train pipeline with the recipes' transforms in their places.

    ``load`` and ``mix`` come after the last step that loads, ``resize`` and ``flip`` replace the steps of this
    kind, ``crop`` follows the resize, ``color`` and ``erase`` come before the step that packs.

    Args:
        pipeline: Steps, each a dict with a ``type``.
        recipes: Dicts with transforms by slot; recipes of one slot keep their order.
    """
    added = {slot: [step for recipe in recipes for step in _listed(recipe.get(slot))] for slot in SLOTS}
    first = max((i + 1 for i, step in enumerate(pipeline) if step["type"].startswith("Load")), default=0)
    last = next((i for i, step in enumerate(pipeline) if step["type"].startswith("Pack")), len(pipeline))
    middle = list(pipeline[first:last])
    middle, resized = _replaced(middle, RESIZES, added["resize"], 0)
    middle[resized:resized] = added["crop"]
    middle, _ = _replaced(middle, FLIPS, added["flip"], resized + len(added["crop"]))
    inner = [*added["load"], *added["mix"], *middle, *added["color"], *added["erase"]]
    return [*pipeline[:first], *inner, *pipeline[last:]]


def _replaced(steps: list[Any], kinds: Sequence[str], new: list[Any], default: int) -> tuple[list[Any], int]:
    """Replace the steps of some kinds by new ones, if there are any.

    Returns:
        The steps, and the index behind the last one of the kind: ``default`` where there is none.
    """
    places = [i for i, step in enumerate(steps) if _is_or_holds(step, kinds)]
    if not new:
        return list(steps), places[-1] + 1 if places else default
    at = places[0] if places else default
    kept = [step for i, step in enumerate(steps) if i not in places]
    return [*kept[:at], *new, *kept[at:]], at + len(new)


def _is_or_holds(step: Any, kinds: Sequence[str]) -> bool:
    """Tell whether a step, or one of those that it chooses from, is of one of the kinds."""
    if isinstance(step, list | tuple):
        return any(_is_or_holds(item, kinds) for item in step)
    return step["type"] in kinds or _is_or_holds(step.get("transforms") or [], kinds)


def _change_each(model: Any, key: str, change: dict[str, Any]) -> int:
    """Merge a change into every dict called ``key`` in a model; proposal heads keep theirs.

    Returns:
        How many there were.
    """
    owners = [node for _, node in dicts_below(model, skip=("rpn_head", key)) if isinstance(node.get(key), dict)]
    for owner in owners:
        holder = ConfigDict({key: owner[key]})
        holder.merge(ConfigDict({key: change}))
        owner[key] = holder[key]
    return len(owners)
