"""timm as a module that is imported when something of it is used first.

It tries whatever else is installed, wandb included, which costs every start of a tool more than a second; most configs
have no backbone of it.
"""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType


def import_lazily(name: str) -> ModuleType:
    """Return a module without running it yet, as in the documentation of ``importlib.util.LazyLoader``.

    Raises:
        ModuleNotFoundError: It is not installed.
    """
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


timm = import_lazily("timm")
