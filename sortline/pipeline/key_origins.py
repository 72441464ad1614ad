"""Which file and line a config value comes from."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from mmengine.config import Config

from sortline.pipeline.pick import installed_config_path


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
        tree = _parsed(path)
        names = {name for name, _ in _assignments(tree)}
        assigned |= names
        if "site-packages" in Path(path).parts:
            used |= names
        used |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    return {name for name in assigned if name in used or name.startswith("_")}


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
    tree = _parsed(file)
    for name, value in _assignments(tree):
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
        for name, value in _assignments(tree):
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
        for name, value in zip(node.keys, node.values, strict=True):
            if isinstance(name, ast.Constant) and str(name.value) == keys[0]:
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


@lru_cache(maxsize=256)
def _parsed(path: str) -> ast.Module:
    return ast.parse(Path(path).read_text(encoding="utf-8-sig"))


def _assignments(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    for node in tree.body:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    yield target.id, node.value


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
