"""Reading checkpoints without running code that is hidden in them."""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Callable, Mapping
from importlib import import_module
from numbers import Integral
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from urllib.parse import urlparse

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import checkpoint as mmengine_checkpoint

from sortline.errors import InputError, Problem, counted
from sortline.files import missing_part
from sortline.weights.download import DownloadError, download
from sortline.weights.weight_file import named_hash, torch_cache

HISTORY_METHODS = ("min", "max", "current", "mean")
NUMPY_TYPES = (bool, "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "U1")


def _history_method(owner: Any, name: str) -> Any:
    """Stand in for ``getattr`` when a pickle asks for one: older mmengine stored methods of its log buffers."""
    if owner is HistoryBuffer and name in HISTORY_METHODS:
        return getattr(owner, name)
    raise UnpicklingError(f"Unsupported global: getattr of {name!r}")


def safe_globals() -> list[Any]:
    """List what mmengine's checkpoints hold beside tensors: its log buffers and numpy's arrays and scalars.

    mmengine's own list (``mmengine.runner.checkpoint.get_torch_safe_globals``) lets any ``getattr`` pass; here
    only the four that its log buffers need.
    """
    multiarray: Any = import_module("numpy._core.multiarray" if hasattr(np, "_core") else "numpy.core.multiarray")
    functions = [multiarray._reconstruct, multiarray.scalar]
    # numpy 2 moved these functions; a checkpoint names the place of the numpy that wrote it.
    named = [
        (function, f"{module}.multiarray.{function.__name__}")
        for function in functions
        for module in ("numpy.core", "numpy._core")
    ]
    types = {type(np.dtype(kind)) for kind in NUMPY_TYPES}
    return [HistoryBuffer, np.ndarray, np.dtype, *types, *named, (_history_method, "builtins.getattr")]


def load_checkpoint_safely(
    path: str | os.PathLike[str], trust: bool = False, map_location: Any = "cpu"
) -> dict[str, Any]:
    """Load a checkpoint; unless it is trusted, refuse one that would run code of its own.

    Args:
        path: The file.
        trust: Unpickle whatever it holds, which may run any code.
        map_location: Where the tensors go, as for :func:`torch.load`.

    Raises:
        InputError: The file is absent, cut short, damaged, not a checkpoint, or needs trust.
    """
    file = Path(path).expanduser()
    problem = _visible_problem(file)
    if problem is not None:
        raise InputError(problem)
    try:
        if trust:
            checkpoint = torch.load(file, map_location=map_location, weights_only=False)
        else:
            with torch.serialization.safe_globals(safe_globals()):
                checkpoint = torch.load(file, map_location=map_location, weights_only=True)
    except Exception as error:
        # Whatever a file's content makes torch's reader raise, the file is at fault.
        raise InputError(Problem(str(file), *_explain(file, error))) from error
    if not isinstance(checkpoint, dict):
        what = f"is not a checkpoint: it holds a {type(checkpoint).__name__}, not a dict"
        raise InputError(Problem(str(file), what, "save a state_dict instead of a whole model"))
    return checkpoint


def _visible_problem(file: Path) -> Problem | None:
    """Find what can be said about a file before unpickling any of it."""
    if file.is_dir():
        return Problem(str(file), "is a folder, not a checkpoint", "give one of the .pth files in it")
    if not file.exists():
        return Problem(str(file), "no such checkpoint", missing_part(file))
    try:
        with file.open("rb") as content:
            start = content.read(2)
    except OSError as error:
        return Problem(str(file), f"can't be read: {error.strerror}")
    if not start:
        return Problem(str(file), "is empty", "copy or download it again")
    if start == b"PK" and not zipfile.is_zipfile(file):
        return Problem(str(file), "is cut short: its end is missing", "copy or download it again")
    if start not in (b"PK", b"\x80\x02"):  # a zip file since torch 1.6, a bare pickle before
        return Problem(str(file), "is not a checkpoint of torch", "give a .pth file that training has written")
    return None


def _explain(file: Path, error: Exception) -> tuple[str, str]:
    """Say why torch could not load a file, and what to do."""
    names = _unsafe_names(file)
    if isinstance(error, UnpicklingError) and (names or re.search("unsupported global", str(error), re.IGNORECASE)):
        what = "can't be loaded without running code that it brings along"
        remedy = "if you know who made it, add --trust-checkpoint"
        return (f"{what}: {counted(names)}" if names else what), remedy
    if isinstance(error, ImportError | AttributeError):
        return f"needs a class that is not installed: {error}", "install what it was trained with"
    what = "is damaged or not a checkpoint"
    # torch's reason, unless it is its essay on the dangers of pickles.
    reason = str(error).strip().partition("\n")[0]
    if reason and not reason.startswith("Weights only load failed"):
        what += f": {reason}"
    return what, "copy or download it again"


def _unsafe_names(file: Path) -> list[str]:
    with torch.serialization.safe_globals(safe_globals()):
        try:
            return sorted(torch.serialization.get_unsafe_globals_in_checkpoint(file))
        except Exception:  # a file too odd to list from: the message does without
            return []


def checkpoint_meta(checkpoint: Mapping[str, Any], path: str | os.PathLike[str]) -> Mapping[str, Any]:
    """Return what a checkpoint says of its training under ``meta``; nothing where it says nothing.

    Raises:
        InputError: It holds something else there than mmengine writes: all such entries.
    """
    meta = checkpoint.get("meta") or {}
    dataset = meta.get("dataset_meta") or {} if isinstance(meta, Mapping) else {}
    expected: list[tuple[str, Any, type | tuple[type, ...], str]] = [
        ("meta", meta, Mapping, "a dict"),
        ("meta.dataset_meta", dataset, Mapping, "a dict"),
    ]
    if isinstance(meta, Mapping):
        expected += [(f"meta.{unit}", meta.get(unit, 0), Integral, "a whole number") for unit in ("epoch", "iter")]
        expected.append(("meta.CLASSES", meta.get("CLASSES") or (), (list, tuple, str), "a list of names"))
    if isinstance(dataset, Mapping):
        expected.append(("meta.dataset_meta.classes", dataset.get("classes") or (), (list, tuple), "a list of names"))
    odd = [
        f"{name} is {value!r:.60}, not {wanted}"
        for name, value, kind, wanted in expected
        if not isinstance(value, kind)
    ]
    if odd:
        raise InputError(Problem(str(path), "; ".join(odd), "give a checkpoint that training has written"))
    return dict(meta)


def install_safe_loading(trust: bool = False) -> None:
    """Make every checkpoint that mmengine loads, local or downloaded, go through the safe loader.

    mmengine falls back to unpickling anything, with a warning, when a file is not safe
    (https://github.com/VBTI-development/onedl-mmengine, ``_safe_torch_load``), and unpickles downloads without
    asking. It also runs the config text under ``meta.config``, as older checkpoints have it, as Python when a run is
    resumed (``Runner.resume``): here it goes to ``meta.cfg``, from where nothing runs it.

    Args:
        trust: What ``--trust-checkpoint`` says.
    """

    def load_from_local(filename: str | Path, map_location: Any = None) -> dict[str, Any]:
        checkpoint = load_checkpoint_safely(filename, trust, map_location)
        meta = checkpoint.get("meta")
        if isinstance(meta, dict) and "config" in meta:
            meta.setdefault("cfg", meta.pop("config"))
        return checkpoint

    def load_from_http(filename: str, map_location: Any = None, **_: Any) -> dict[str, Any]:
        return load_from_local(_fetch(filename), map_location)

    register: Callable[..., Any] = mmengine_checkpoint.CheckpointLoader.register_scheme
    register("", load_from_local, force=True)
    register(("http://", "https://"), load_from_http, force=True)
    # torchvision:// and open-mmlab:// look up a URL and then call this function by its name.
    mmengine_checkpoint.load_from_http = load_from_http


def _fetch(url: str) -> Path:
    """Download a checkpoint to torch's cache unless it is there; of several processes one does so.

    Raises:
        InputError: It can't be downloaded.
    """
    target = torch_cache() / os.path.basename(urlparse(url).path)
    try:
        download(url, target, named_hash(target.name))
    except DownloadError as error:
        remedy = f"download it elsewhere and put it at {target}, or train without pretrained weights"
        raise InputError(Problem(url, f"can't be downloaded: {error}", remedy)) from error
    return target
