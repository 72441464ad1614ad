"""Where a config value comes from: which files and lines set it, in which order, and what it is in the end."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sortline.errors import InputError, Problem, nearest
from sortline.pipeline.bind import bind
from sortline.pipeline.check import check_kinds
from sortline.pipeline.compose import assignments, config_chain, load_config, parsed, read_overrides
from sortline.pipeline.pick import installed_config_path
from sortline.pipeline.recipes import PIPELINES, PREFIX


@dataclass(frozen=True)
class Origin:
    """A place that sets a config key.

    Attributes:
        path: Config file.
        line: Line of the key, or of the expression that holds it, counted from 1.
        text: That line.
    """

    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


def explain(config: str, key: str, options: Sequence[str] = ()) -> list[str]:
    """Say where a dotted key's value comes from.

    Args:
        config: Config file.
        key: Such as ``model.backbone.depth``.
        options: Overrides as typed on the command line, ``KEY=VALUE`` each.

    Returns:
        The value, then each place that sets it: files in the order in which they are read, recipes, then the
        command line, then binding; the last one counts.

    Raises:
        InputError: The resolved config has no such key.
    """
    cfg = load_config(config, options)
    if problems := check_kinds(cfg):
        raise InputError(problems)
    bound = bind(cfg)
    lines = [f"{key} = {_value(cfg._cfg_dict, key, config)!r}"]
    lines += [f"  {origin}" for origin in origins(config, key)]
    lines += [f"  {origin}" for name in cfg.get("recipes", []) for origin in _recipe_origins(config, name, key)]
    given = read_overrides(options).items()
    lines += [f"  --cfg-options {name}={value}" for name, value in given if _touches(name, key)]
    lines += [f"  bound from the dataset config: {line}" for line in bound if _touches(line.split(" = ")[0], key)]
    return lines


def _recipe_origins(config: str, name: str, key: str) -> list[Origin]:
    """Find where a recipe sets a key: one of its ``config``, or as a whole for the lists that it adds to."""
    if key.partition(".")[0] in (*PIPELINES, "custom_hooks"):
        return origins(config, f"{PREFIX}{name}")
    return origins(config, f"{PREFIX}{name}.config.{key}")


def _touches(name: str, key: str) -> bool:
    return key == name or key.startswith(name + ".")


def _value(node: Any, key: str, config: str) -> Any:
    parts = key.split(".")
    for depth, part in enumerate(parts):
        names = [str(index) for index in range(len(node))] if isinstance(node, list | tuple) else list(node or ())
        if not isinstance(node, dict | list | tuple) or part not in names:
            place = ".".join(parts[:depth]) or "the config"
            remedy = nearest(part, names) or (f"it has {', '.join(names)}" if names else "")
            raise InputError(Problem(f"{config}, {key}", f"{place} has no {part!r}", remedy))
        node = node[int(part)] if isinstance(node, list | tuple) else node[part]
    return node


def origins(path: str | Path, key: str) -> list[Origin]:
    """Follow a dotted key through the inheritance chain.

    Args:
        path: Config file.
        key: Such as ``model.backbone.depth``; a number addresses a list element.

    Returns:
        The places that set the key or the whole value around it, the one that counts last; a place that names
        another config (``pick``) or a variable is followed to where the value is written.
    """
    found: list[Origin] = []
    for file in config_chain(path):
        if file.endswith(".py"):
            found += _origins_in_file(file, key.split("."))
    return found


def _origins_in_file(file: str, keys: list[str]) -> Iterator[Origin]:
    tree = parsed(file)
    for name, value in assignments(tree):
        if name == keys[0]:
            yield from _descend(file, tree, value, keys[1:])
    for keys_written, node in _item_assignments(tree):
        if keys_written == keys[: len(keys_written)]:
            yield from _descend(file, tree, node, keys[len(keys_written) :])


def _descend(file: str, tree: ast.Module, node: ast.expr, keys: list[str]) -> Iterator[Origin]:
    """Go down from an expression along ``keys``; say nothing where the expression does not hold them."""
    if isinstance(node, ast.Call) and _called(node) == "pick":
        config, key = (argument.value for argument in node.args[:2] if isinstance(argument, ast.Constant))
        yield from origins(installed_config_path(str(config)), ".".join([str(key), *keys]))
    elif isinstance(node, ast.Name):
        for name, value in assignments(tree):
            if name == node.id and value is not node:
                yield from _descend(file, tree, value, keys)
    elif not keys:
        yield _origin(file, node)
    elif isinstance(node, ast.Call) and _called(node) == "dict":
        for keyword in node.keywords:
            if keyword.arg == keys[0]:
                if len(keys) == 1 and not isinstance(keyword.value, ast.Name):
                    yield _origin(file, keyword)
                else:
                    yield from _descend(file, tree, keyword.value, keys[1:])
    elif isinstance(node, ast.Dict):
        for written, value in zip(node.keys, node.values, strict=True):
            if isinstance(written, ast.Constant) and str(written.value) == keys[0]:
                yield from _descend(file, tree, value, keys[1:])
    elif isinstance(node, ast.List | ast.Tuple):
        plain = not any(isinstance(element, ast.Starred) for element in node.elts)
        if plain and keys[0].isdigit() and int(keys[0]) < len(node.elts):
            yield from _descend(file, tree, node.elts[int(keys[0])], keys[1:])
        elif not plain:
            yield _origin(file, node)
    else:
        yield _origin(file, node)


def _called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _origin(file: str, node: ast.expr | ast.keyword) -> Origin:
    line = node.lineno
    return Origin(_shown(file), line, Path(file).read_text(encoding="utf-8").splitlines()[line - 1].strip())


def _shown(file: str) -> str:
    path = Path(file).resolve()
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _item_assignments(tree: ast.Module) -> Iterator[tuple[list[str], ast.expr]]:
    """Find ``model["backbone"]["depth"] = 101`` and ``model.update(backbone=...)``."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            keys = _subscript_keys(node.targets[0])
            if keys:
                yield keys, node.value


def _subscript_keys(node: Any) -> list[str]:
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        outer = _subscript_keys(node.value)
        return [*outer, str(node.slice.value)] if outer else []
    return []
