"""Reading checkpoints without running code hidden in them, and telling whether one fits a model."""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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
# Below this share of fitting weights a checkpoint is of another architecture rather than of another head.
FITTING_SHARE = 0.5
# Below this one it is no use to start training from: what fits does so by chance.
USEFUL_SHARE = 0.1
RIGHT_CONFIG = "give the config that it was trained with, or the checkpoint of this config's training"

StateDict = Mapping[str, torch.Tensor]


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


@dataclass(frozen=True)
class Match:
    """How a checkpoint's weights fit a model's.

    Attributes:
        total: Number of the model's weights.
        other_shape: Names of those that the checkpoint holds in another shape.
        missing: Names of those that it lacks.
    """

    total: int
    other_shape: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def fitting(self) -> int:
        """Number of weights that the checkpoint can fill."""
        return self.total - len(self.other_shape) - len(self.missing)

    @property
    def share(self) -> str:
        """The same in words."""
        return f"{self.fitting:,} of the model's {self.total:,} weights fit"


def match_weights(model_state: StateDict, checkpoint_state: StateDict) -> Match:
    """Compare two state dicts by names and shapes.

    Counters of batch normalisation may be absent: they change nothing in a trained model, and old checkpoints
    lack them.
    """
    source = _without_wrapper(checkpoint_state)
    shared = [key for key in model_state if key in source]
    missing = [key for key in model_state if key not in source and not key.endswith(".num_batches_tracked")]
    other_shape = [key for key in shared if source[key].shape != model_state[key].shape]
    return Match(len(shared) + len(missing), tuple(other_shape), tuple(missing))


def _without_wrapper(state: StateDict) -> dict[str, torch.Tensor]:
    """Drop the prefix that training on several GPUs puts before each name, and what is no tensor."""
    entries = state.items() if isinstance(state, Mapping) else ()
    return {str(key).removeprefix("module."): value for key, value in entries if torch.is_tensor(value)}


def check_start(
    model_state: StateDict,
    checkpoint_state: StateDict,
    path: str | os.PathLike[str],
    meta: Mapping[str, Any] | None = None,
) -> str:
    """Check a checkpoint that training starts from, of which a part will do: a backbone, say.

    Args:
        model_state: The model's ``state_dict``.
        checkpoint_state: The checkpoint's.
        path: The checkpoint, for the message.
        meta: The checkpoint's ``meta``.

    Returns:
        A line for the log: how much fits and what starts fresh.

    Raises:
        InputError: Next to nothing fits.
    """
    match = match_weights(model_state, checkpoint_state)
    if match.fitting < USEFUL_SHARE * match.total:
        raise InputError(Problem(str(path), f"{match.share}{_looks_like(meta or {})}", RIGHT_CONFIG))
    fresh = match.other_shape + match.missing
    return f"{path}: {match.share}" + (f"; these start fresh: {counted(fresh)}" if fresh else "")


def check_matches(
    model_state: StateDict,
    checkpoint_state: StateDict,
    path: str | os.PathLike[str],
    classes: Sequence[str] | None = None,
    meta: Mapping[str, Any] | None = None,
) -> None:
    """Refuse a checkpoint that mmengine would load in part, leaving the rest of the model untrained.

    Args:
        model_state: The model's ``state_dict``.
        checkpoint_state: The checkpoint's.
        path: The checkpoint, for the message.
        classes: Names of the config's classes.
        meta: The checkpoint's ``meta``, where mmengine keeps what it was trained for.

    Raises:
        InputError: It is of another architecture, or trained for other classes.
    """
    meta = meta or {}
    match = match_weights(model_state, checkpoint_state)
    trained_for = tuple((meta.get("dataset_meta") or {}).get("classes") or meta.get("CLASSES") or ())
    remedy = RIGHT_CONFIG
    if match.fitting < FITTING_SHARE * match.total:
        what = f"{match.share}{_looks_like(meta)}"
    elif match.other_shape:
        trained = len(trained_for) or _trained_count(model_state, checkpoint_state, match, len(classes or ()))
        what = _other_shape(model_state, checkpoint_state, match, len(classes or ()), trained)
    elif match.missing:
        what = f"{match.share}; it lacks {counted(match.missing)}{_looks_like(meta)}"
    elif classes and trained_for and tuple(classes) != trained_for:
        what = f"was trained for other classes, or in another order: {counted(trained_for, 10)}"
        remedy = f"the config has {counted(list(classes), 10)}: use those of the training, in its order"
    else:
        return
    raise InputError(Problem(str(path), what, remedy))


def _looks_like(meta: Mapping[str, Any]) -> str:
    """Name the detector that a checkpoint is of, from the config text that mmengine keeps in it."""
    text = str(meta.get("cfg") or meta.get("config") or "")
    model = re.search(r"^model = dict\((.*?)^\S", text + "\nend", re.DOTALL | re.MULTILINE)
    # A model's own keys are indented by one step; its type is among them.
    found = re.search(r"^ {4}type=['\"](?:\w+\.)*(\w+)['\"]", model[1] if model else "", re.MULTILINE)
    return f"; it looks like a {found[1]} checkpoint" if found else "; it is of another architecture"


def _other_shape(model_state: StateDict, checkpoint_state: StateDict, match: Match, count: int, trained: int) -> str:
    """Say what sets the differing weights apart: the number of classes, or else their shapes."""
    if count and trained and trained != count:
        return f"was trained for {trained} classes, the config has {count}"
    source = _without_wrapper(checkpoint_state)
    shapes = [
        f"{key} is {list(source[key].shape)} instead of {list(model_state[key].shape)}" for key in match.other_shape
    ]
    return f"{match.share}; {counted(shapes)}"


def _trained_count(model_state: StateDict, checkpoint_state: StateDict, match: Match, count: int) -> int:
    """Tell for how many classes a head was trained from its weights, whose rows grow with them; 0 if unclear."""
    source = _without_wrapper(checkpoint_state)
    for key in match.other_shape if count else ():
        ours, theirs = model_state[key].shape, source[key].shape
        if not ours or not theirs or ours[1:] != theirs[1:]:
            continue
        if ours[0] == count + 1:  # softmax: one row more, for the background
            return theirs[0] - 1
        if ours[0] % count == 0 and theirs[0] * count % ours[0] == 0:  # as many rows a class as anchors
            return theirs[0] * count // ours[0]
    return 0
