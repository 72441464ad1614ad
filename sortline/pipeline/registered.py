"""What is registered with MMDetection: the modules that a config names, imported, and what each type accepts.

What types accept is learnt from the live registries once and kept in a small file.

Importing torch and mmdet to ask a class for its arguments takes seconds. The answers change only with the
installed packages and this repository's own code, so they are kept, and a config is checked in well under one.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import json
import re
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mmengine.config import Config

from sortline.errors import InputError, Problem
from sortline.files import atomic_write

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("onedl-mmdetection", "onedl-mmcv", "onedl-mmengine", "mmdet", "mmcv", "mmengine", "torch", "timm")
SOURCES = ("mmdet", "mmcv", "mmengine")
OWN_SOURCES = ("custom_modules", "sortline")
#: What default_runtime.py imports; a config without it, such as one of MMDetection's own, gets it all the same.
REGISTER_ALL = "custom_modules.register_all"


def register(cfg: Config) -> None:
    """Import what a config's types are registered by, and let their names be looked up in its scope.

    Raises:
        InputError: A module can't be imported.
    """
    from mmengine.registry import init_default_scope

    import_all([REGISTER_ALL, *own_imports(cfg)])
    init_default_scope(cfg.get("default_scope", "mmdet"))


def own_imports(cfg: Config) -> list[str]:
    """List the modules that a config imports beside those that every config does."""
    imports = (cfg.get("custom_imports") or {}).get("imports") or []
    return [name for name in ([imports] if isinstance(imports, str) else imports) if name != REGISTER_ALL]


def import_all(names: list[str]) -> None:
    """Import modules by name.

    Raises:
        InputError: One of them can't be imported.
    """
    for name in names:
        try:
            import_module(name)
        except ImportError as error:
            remedy = "start the tool where the module can be imported, or set PYTHONPATH"
            raise InputError(Problem("custom_imports.imports", f"can't import {name!r}: {error}", remedy)) from error


@dataclass(frozen=True)
class Signature:
    """What one registered type takes.

    Attributes:
        registry: Kind of registry that holds it: ``"model"``, ``"hook"``, ``"transform"``...
        keys: Names of its arguments, those of its parents included where it passes them on.
        open: Whether it takes any further keyword.
    """

    registry: str
    keys: tuple[str, ...]
    open: bool


@dataclass(frozen=True)
class Schema:
    """All registered types, by name, and all words that occur in the code that reads configs.

    A dict without a ``type`` has no signature to check against, but a key that is a word of no source file is
    read by nobody.
    """

    types: dict[str, tuple[Signature, ...]]
    words: frozenset[str]


def load_schema(custom_imports: Sequence[str] = ()) -> Schema:
    """Return the schema, from the kept file when nothing has changed since it was written.

    Args:
        custom_imports: Modules of the user's own that register types; with any, nothing is kept.

    Raises:
        InputError: One of them can't be imported.
    """
    if custom_imports:
        return _as_schema(_learn(custom_imports))
    path = ROOT / ".cache" / f"registries-{_fingerprint()}.json"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        data = _learn()
        _keep(path, data)
    return _as_schema(data)


def _as_schema(data: dict[str, Any]) -> Schema:
    types = {
        name: tuple(Signature(registry, tuple(keys), is_open) for registry, keys, is_open in found)
        for name, found in data["types"].items()
    }
    return Schema(types, frozenset(data["words"]))


def _keep(path: Path, data: dict[str, Any]) -> None:
    try:
        with atomic_write(path) as file:
            json.dump(data, file)
        for old in path.parent.glob("registries-*.json"):
            if old != path:
                old.unlink(missing_ok=True)
    except OSError:
        pass  # a read-only checkout: the next run learns again


def _fingerprint() -> str:
    """Name the state of everything that the schema is learnt from."""
    facts: list[str] = []
    for package in PACKAGES:
        try:
            facts.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    for path in sorted(path for house in OWN_SOURCES for path in (ROOT / house).rglob("*.py")):
        stat = path.stat()
        facts.append(f"{path.relative_to(ROOT)} {stat.st_mtime_ns} {stat.st_size}")
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]


def _learn(custom_imports: Sequence[str] = ()) -> dict[str, Any]:
    import_all([REGISTER_ALL, *custom_imports])
    types: dict[str, list[list[Any]]] = {}
    for kind, name, target in _registered():
        keys, is_open = accepted_keys(target)
        types.setdefault(name, []).append([kind, keys, is_open])
    return {"types": types, "words": sorted(_source_words())}


def _registered() -> Iterable[tuple[str, str, Any]]:
    """List (kind of registry, name, object) of everything registered in mmengine and its children."""
    import mmengine.registry as roots
    from mmengine.registry import Registry

    for registry in vars(roots).values():
        if not isinstance(registry, Registry):
            continue
        for member in (registry, *registry.children.values()):
            member.import_from_location()
            for name, target in member.module_dict.items():
                yield registry.name, name, target
    # Layers and functions that mmdet looks up by name in mmcv.ops, not in a registry.
    import mmcv.ops

    for name in mmcv.ops.__all__:
        yield "op", name, getattr(mmcv.ops, name)


def accepted_keys(target: Callable[..., Any] | type) -> tuple[list[str], bool]:
    """List the keyword arguments of a class or function.

    Where a class hands its ``**kwargs`` on to its parents, theirs are added; where it takes single keys out of
    them, those are.

    Returns:
        The names, and whether any further keyword is taken: the ``**kwargs`` end up somewhere else.
    """
    function = vars(target).get("__init__") if inspect.isclass(target) else target
    if function is None:
        return _accepted_by_parents(target)
    keys, has_kwargs = _parameters(function)
    keys = [key for key in keys if key != "self"]
    if not has_kwargs:
        return keys, False
    taken_out, to_parents, elsewhere = _kwargs_uses(function)
    keys += [key for key in taken_out if key not in keys]
    if to_parents and inspect.isclass(target):
        inherited, is_open = _accepted_by_parents(target)
        return keys + [key for key in inherited if key not in keys], is_open or elsewhere
    return keys, True


def _accepted_by_parents(target: Any) -> tuple[list[str], bool]:
    keys: list[str] = []
    is_open = False
    for parent in target.__bases__:
        if parent.__module__ in ("builtins", "torch.nn.modules.module", "abc"):
            continue
        parent_keys, parent_open = accepted_keys(parent)
        keys += [key for key in parent_keys if key not in keys]
        is_open |= parent_open
    return keys, is_open


def _kwargs_uses(function: Callable[..., Any]) -> tuple[list[str], bool, bool]:
    """See what a function does with its ``**kwargs``.

    Returns:
        The single keys it takes out of them, whether it passes them to a parent's ``__init__``, and whether it
        uses them in any other way.
    """
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return [], False, True
    definition = tree.body[0]
    name = getattr(getattr(definition, "args", None), "kwarg", None)
    if name is None:
        return [], False, True
    keys: list[str] = []
    accounted = 0
    to_parents = False
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in ("get", "pop", "setdefault") and _is_name(node.func.value, name.arg):
                keys += [str(arg.value) for arg in node.args[:1] if isinstance(arg, ast.Constant)]
                accounted += 1
            elif node.func.attr == "__init__" and any(_is_name(keyword.value, name.arg) for keyword in node.keywords):
                to_parents = True
                accounted += 1
        elif isinstance(node, ast.Compare | ast.Subscript):
            accounted += sum(_is_name(child, name.arg) for child in ast.iter_child_nodes(node))
            left = node.left if isinstance(node, ast.Compare) else node.slice
            keys += [left.value] if isinstance(left, ast.Constant) and isinstance(left.value, str) else []
    uses = sum(_is_name(node, name.arg) for node in ast.walk(tree))
    return keys, to_parents, uses > accounted


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _parameters(function: Callable[..., Any]) -> tuple[list[str], bool]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # built in C: nothing is known
        return [], True
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return (
        [parameter.name for parameter in parameters if parameter.kind in named],
        any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters),
    )


def _source_words() -> set[str]:
    words: set[str] = set()
    folders = [ROOT / house for house in OWN_SOURCES]
    for package in SOURCES:
        spec = find_spec(package)
        if spec is not None and spec.origin:
            folders.append(Path(spec.origin).parent)
    for folder in folders:
        for path in folder.rglob("*.py"):
            if ".mim" not in path.parts:
                words.update(re.findall(r"[A-Za-z_]\w*", path.read_text(encoding="utf-8")))
    return words
