"""Registering with MMDetection what a config names: the modules of its ``custom_imports``."""

from __future__ import annotations

from importlib import import_module

from mmengine.config import Config
from mmengine.registry import init_default_scope

from sortline.errors import InputError, Problem

#: What default_runtime.py imports; a config without it, such as one of MMDetection's own, gets it all the same.
REGISTER_ALL = "custom_modules.register_all"


def register(cfg: Config) -> None:
    """Import what a config's types are registered by, and let their names be looked up in its scope.

    Raises:
        InputError: A module can't be imported.
    """
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
