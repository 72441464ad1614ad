"""Read a config file and the overrides of the command line, with errors that name the place."""

from __future__ import annotations

import ast
import re
import traceback
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any

from mmengine.config import Config, DictAction

from sortline.errors import InputError, Problem, nearest
from sortline.files import missing_part
from sortline.pipeline.recipes import PREFIX, apply_recipes


def load_config(path: str | Path, options: Mapping[str, Any] | Sequence[str] = ()) -> Config:
    """Read a config, put its recipes in, apply ``--cfg-options`` and name its run folder.

    Args:
        path: Config file.
        options: Overrides by dotted path, or as typed (:func:`read_overrides`); a number addresses a list element
            (``train_pipeline.1.scale``).

    Raises:
        InputError: The file or one of its bases is absent or can't be run as Python, or an override
            addresses something that is not there, or a recipe is not sound.
    """
    cfg = _read(Path(path))
    options = dict(options) if isinstance(options, Mapping) else read_overrides(options)
    for key in [key for key in options if key.startswith(PREFIX)]:
        _check_recipe(cfg, key)
        _override(cfg, key, options.pop(key))
    if any(key.startswith(PREFIX) for key in cfg):
        apply_recipes(cfg)
    for key, value in options.items():
        _override(cfg, key, value)
    if cfg.get("work_dir") is None:
        cfg.work_dir = f"work_dirs/{Path(path).stem}"
    return cfg


def read_overrides(texts: Sequence[str]) -> dict[str, Any]:
    """Read overrides as mmengine reads them, the last one of a key counting.

    >>> read_overrides(["lr=0.1", "train_pipeline.1.scale=(640,640)"])
    {'lr': 0.1, 'train_pipeline.1.scale': (640, 640)}

    Args:
        texts: ``KEY=VALUE`` each.

    Raises:
        InputError: One is no assignment, or its value neither a value nor a list of values; all problems together.
    """
    found: dict[str, Any] = {}
    problems = []
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or not equals:
            problems.append(Problem("--cfg-options", f"takes KEY=VALUE, got {text!r}"))
            continue
        try:
            found[key] = DictAction._parse_iterable(value)
        except (AssertionError, IndexError, RecursionError):
            what = f"{value!r} is neither a value nor a list of values"
            problems.append(Problem(f"--cfg-options {key}", what, "set the keys of a dict one by one: key.name=value"))
    if problems:
        raise InputError(problems)
    return found


def _read(path: Path) -> Config:
    if not path.is_file():
        raise InputError(Problem(str(path), "no such config file", _similar_configs(path)))
    try:
        return Config.fromfile(path, import_custom_modules=False)
    except Exception as error:
        raise InputError(Problem(*_explain(path, error))) from error


def _similar_configs(path: Path) -> str:
    names = {config.name: config for config in Path("configs").rglob("*.py") if "_base_" not in config.parts}
    matches = get_close_matches(path.name, names, n=3)
    if matches:
        return "did you mean " + " or ".join(str(names[match]) for match in matches) + "?"
    return missing_part(path)


def _explain(path: Path, error: Exception) -> tuple[str, str, str]:
    """Say where in which file of the inheritance chain the error arose, what it is and how to mend it."""
    place = next(
        (
            f"{frame.filename}, line {frame.lineno}"
            for frame in reversed(traceback.extract_tb(error.__traceback__))
            if frame.name == "<module>" and frame.filename.endswith(".py") and Path(frame.filename).is_file()
        ),
        str(path),
    )
    text = str(error).strip("'\"")
    if isinstance(error, SyntaxError):
        return f"{path} or one of its bases", f"is not valid Python: {text}", ""
    if text.startswith("Duplicate key is not allowed among bases"):
        keys = text.partition("Duplicate keys: ")[2]
        remedy = "keep each of these keys in one base only, or let one base inherit from the other"
        return str(path), f"two of its bases define the same keys: {keys}", remedy
    if isinstance(error, FileNotFoundError):
        return str(path), f"a base of it is missing: {text}", "check the paths in _base_"
    if "cannot inherit from base because" in text:
        return str(path), text.split(" You may set")[0], "write _delete_=True into it to replace the base's value"
    return place, f"{type(error).__name__}: {text}", ""


def _check_recipe(cfg: Config, key: str) -> None:
    """Refuse an override of a recipe that the config has not."""
    head = key.partition(".")[0]
    recipes = [name for name in cfg if name.startswith(PREFIX)]
    if head not in recipes:
        has = f"its recipes are {', '.join(recipes)}" if recipes else "it has none"
        remedy = nearest(head, recipes) or f"name the recipe's file in _base_; {has}"
        raise InputError(Problem(f"--cfg-options {key}", "the config has no such recipe", remedy))


def _override(cfg: Config, key: str, value: Any) -> None:
    """Apply one override, refusing a path that leads nowhere."""
    node: Any = cfg._cfg_dict
    parts = key.split(".")
    for depth, part in enumerate(parts):
        place = ".".join(parts[:depth])
        if isinstance(node, list | tuple):
            if not part.isdigit() or int(part) >= len(node):
                what = f"{place} is a list of {len(node)}; {part!r} is not an index of it"
                raise InputError(Problem(f"--cfg-options {key}", what, f"use 0 to {len(node) - 1}"))
            node = node[int(part)]
        elif isinstance(node, dict):
            if part not in node:
                break
            node = node[part]
        else:
            what = f"{place} is {node!r}, which has no parts"
            raise InputError(Problem(f"--cfg-options {key}", what))
    if "." in key and key.rpartition(".")[2].isdigit():
        _replace_list_element(cfg, key, value)
    else:
        cfg.merge_from_dict({key: value})


def _replace_list_element(cfg: Config, key: str, value: Any) -> None:
    """Set a whole list element: mmengine's merge handles only elements that are dicts, merged with dicts."""
    parent_key, _, index = key.rpartition(".")
    parent: Any = cfg._cfg_dict
    for part in parent_key.split("."):
        parent = parent[int(part)] if isinstance(parent, list | tuple) else parent[part]
    if isinstance(value, dict) and isinstance(parent[int(index)], dict):
        cfg.merge_from_dict({key: value})
    elif isinstance(parent, tuple):
        cfg.merge_from_dict({parent_key: (*parent[: int(index)], value, *parent[int(index) + 1 :])})
    else:
        parent[int(index)] = value


def config_chain(path: str | Path) -> list[str]:
    """List a config and all the files that it inherits from: bases first, the file itself last."""
    chain: list[str] = []
    for base in Config._get_base_files(str(path)):
        base_path, _ = Config._get_cfg_path(base, str(path))
        chain += [found for found in config_chain(base_path) if found not in chain]
    return [*chain, str(path)]


def chain_variables(chain: list[str]) -> set[str]:
    """Name the top-level variables that the files of a chain use, and all of an installed package's files.

    Such a variable may have any name: it is there to be written into other values, in its own file or, as
    ``_base_.name``, in one that inherits from it.
    """
    assigned: set[str] = set()
    used: set[str] = set()
    for path in chain:
        text = Path(path).read_text(encoding="utf-8-sig")
        used.update(re.findall(r"_base_\.(\w+)", text))
        if not path.endswith(".py"):
            continue
        tree = parsed(path)
        names = {name for name, _ in assignments(tree)}
        assigned |= names
        if "site-packages" in Path(path).parts:
            used |= names
        used |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    return {name for name in assigned if name in used or name.startswith("_")}


@lru_cache(maxsize=256)
def parsed(path: str) -> ast.Module:
    return ast.parse(Path(path).read_text(encoding="utf-8-sig"))


def assignments(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    for node in tree.body:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    yield target.id, node.value
