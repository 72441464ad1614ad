"""Finds ``mmcv._ext``: mmcv's compiled extension where it works, else Sortline's functions.

Modules beyond the smallest of the standard library are imported where they are used: this file is part of
``import custom_modules``, which every command-line tool pays for.
"""

from __future__ import annotations

import importlib
import os
import sys
from importlib.machinery import ModuleSpec, PathFinder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

EXT_NAME = "mmcv._ext"
FALLBACK_FILE = os.path.join(os.path.dirname(__file__), "ext.py")


class ExtFinder:
    """Finds ``mmcv._ext`` and no other module.

    Attributes:
        served: The implementation that was loaded, ``"compiled"`` or ``"sortline"``, and the reason; None before.
    """

    def __init__(self) -> None:
        self.served: tuple[str, str] | None = None

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of ``mmcv._ext`` without loading it, so that probing for it is cheap."""
        if fullname != EXT_NAME:
            return None
        from importlib.util import spec_from_file_location

        compiled = PathFinder.find_spec(fullname, path)
        origin = FALLBACK_FILE if compiled is None or compiled.origin is None else compiled.origin
        return spec_from_file_location(fullname, origin, loader=ExtLoader(self, compiled))  # type: ignore[arg-type]


class ExtLoader:
    """Loads the compiled extension, or Sortline's functions when it is absent or doesn't work here.

    Args:
        finder: Its ``served`` is set to the implementation in use.
        compiled: The extension found on mmcv's path, or None.
    """

    def __init__(self, finder: ExtFinder, compiled: ModuleSpec | None) -> None:
        self.finder = finder
        self.compiled = compiled

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Let the import system create the placeholder that ``exec_module`` replaces."""
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Replace ``module`` by the module in use.

        The import system then returns the entry of ``sys.modules``, so importers get the compiled
        extension itself, with its own ``__spec__`` and ``__file__``.
        """
        loaded, reason = _load_compiled(self.compiled)
        name = "compiled"
        if loaded is None:
            name, loaded = "sortline", _load_fallback()
        sys.modules[EXT_NAME] = loaded
        self.finder.served = (name, reason)
        _announce(name, reason)


def _load_compiled(spec: ModuleSpec | None) -> tuple[ModuleType | None, str]:
    """Load mmcv's extension; return it, or None, and the reason."""
    if spec is None:
        return None, "mmcv was built without its compiled extension"
    # Before the extension, which links to libraries that are found only once torch has loaded them.
    import torch

    try:
        module = _load(spec)
    except (ImportError, OSError) as error:
        return None, f"mmcv's compiled extension {spec.origin} can't be loaded ({_first_line(error)})"
    cuda_version = getattr(module, "get_compiling_cuda_version", None)
    if cuda_version is not None and cuda_version() == "not available" and torch.cuda.is_available():
        return None, f"mmcv's compiled extension {spec.origin} was built without CUDA, and this machine has a GPU"
    return module, f"loaded from {spec.origin}"


def _load_fallback() -> ModuleType:
    from importlib.util import spec_from_file_location

    spec = spec_from_file_location(EXT_NAME, FALLBACK_FILE)
    if spec is None:
        raise ImportError(f"{FALLBACK_FILE} is missing: this copy of Sortline is incomplete", name=EXT_NAME)
    return _load(spec)


def _load(spec: ModuleSpec) -> ModuleType:
    from importlib.util import module_from_spec

    module = module_from_spec(spec)
    if spec.loader is None:
        raise ImportError(f"{spec.origin} can't be imported", name=spec.name)
    spec.loader.exec_module(module)
    return module


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__


def _announce(name: str, reason: str) -> None:
    """Log which implementation is in use, once, in the main process of rank 0."""
    from multiprocessing import parent_process

    from mmengine.logging import print_log

    if parent_process() is not None or os.environ.get("RANK", "0") != "0":
        return
    if name == "compiled":
        message = f"mmcv.ops is served by mmcv's compiled extension, {reason}"
    else:
        message = f"mmcv.ops is served by torchvision and torch: {reason} (see docs/ops.md)"
    print_log(message, logger="current")


_FINDER = ExtFinder()


def install() -> None:
    """Make Python look for ``mmcv._ext`` here first; further calls change nothing."""
    if _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)


def implementation() -> tuple[str, str]:
    """Return which implementation serves ``mmcv.ops`` and why; it is loaded if it was not yet.

    Returns:
        ``"compiled"`` or ``"sortline"``, and the reason in words.
    """
    module = importlib.import_module(EXT_NAME)
    if _FINDER.served is None:
        return "compiled", f"loaded from {module.__file__} before Sortline was imported"
    return _FINDER.served
