"""Finding pretrained weights without a network, and fitting them to a model that names its layers differently."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file as load_safetensors

from sortline.errors import InputError, Problem, counted
from sortline.files import missing_part

PACKAGE_PREFIX = "package:"
WEIGHT_SUFFIXES = (".pth", ".pt", ".bin", ".safetensors")
# Entries under which checkpoints keep the weights: mmengine's, timm's and Meta's.
ENTRIES = ("state_dict", "model")


def find_weights(source: str) -> Path:
    """Return the weights file that ``source`` means.

    Args:
        source: A file's path, or ``package:<name>`` for the file shipped inside an installed Python package.

    Raises:
        InputError: There is no such file, or the package isn't installed or holds no single weights file.
    """
    if source.startswith(PACKAGE_PREFIX):
        return weights_in_package(source.removeprefix(PACKAGE_PREFIX))
    path = Path(source).expanduser()
    if not path.is_file():
        remedy = missing_part(path) or f"write '{PACKAGE_PREFIX}<name>' for weights inside an installed package"
        raise InputError(Problem(f"pretrained={source!r}", "no such file", remedy))
    return path


def weights_in_package(name: str) -> Path:
    """Return the one weights file inside an installed package, which is looked at but not imported."""
    where = f"pretrained='{PACKAGE_PREFIX}{name}'"
    spec = importlib.util.find_spec(name) if name.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        raise InputError(Problem(where, f"the Python package {name!r} is not installed", f"pip install {name}"))
    folders = [Path(folder) for folder in spec.submodule_search_locations]
    files = sorted(path for folder in folders for path in folder.rglob("*") if path.suffix in WEIGHT_SUFFIXES)
    if len(files) != 1:
        found = counted([str(path) for path in files]) or "none"
        raise InputError(Problem(where, f"expected one weights file in it, found {found}", "give the file's path"))
    return files[0]


def read_state_dict(path: Path) -> dict[str, torch.Tensor]:
    """Read the weights in a file, nothing executed; a checkpoint's ``state_dict`` or ``model`` entry counts as such.

    Raises:
        InputError: The file is cut short, holds more than weights, or no weights at all.
    """
    try:
        if path.suffix == ".safetensors":
            content: Any = load_safetensors(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises its own types, pickle's, zipfile's and plain RuntimeErrors here
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        problem = Problem(
            str(path), f"can't be read as weights: {reason}", "name a whole .pth, .bin or .safetensors file"
        )
        raise InputError(problem) from error
    if isinstance(content, Mapping):
        content = next((content[entry] for entry in ENTRIES if isinstance(content.get(entry), Mapping)), content)
    if not isinstance(content, Mapping) or not content or not all(map(torch.is_tensor, content.values())):
        raise InputError(Problem(str(path), "holds no state dict", "save model.state_dict() and nothing else"))
    return dict(content)


def fit_by_order(
    loaded: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor], where: str
) -> dict[str, torch.Tensor]:
    """Give loaded weights the names that a model uses, entry by entry in order.

    The same architecture written by someone else has the same tensors in the same order under other names.
    Number, shapes and the last part of each name (``weight``, ``running_mean`` ...) have to agree throughout.

    Args:
        loaded: Weights of a file, in its order.
        wanted: The model's own state dict.
        where: What to call the file in a message.

    Raises:
        InputError: The weights belong to another architecture.
    """
    if loaded.keys() == wanted.keys():
        loaded = {name: loaded[name] for name in wanted}
    problems = []
    if len(loaded) != len(wanted):
        problems.append(Problem(where, f"holds {len(loaded):,} tensors, the model has {len(wanted):,}"))
    for (name, tensor), (own, model_tensor) in zip(loaded.items(), wanted.items(), strict=False):
        if tensor.shape != model_tensor.shape or name.split(".")[-1] != own.split(".")[-1]:
            seen, expected = tuple(tensor.shape), tuple(model_tensor.shape)
            problems.append(Problem(where, f"{name} {seen} stands where the model has {own} {expected}"))
            break
    if problems:
        last = problems[-1]
        remedy = "these weights are of another architecture: set model_name to theirs, or pretrained to others"
        raise InputError([*problems[:-1], Problem(last.where, last.what, remedy)])
    return dict(zip(wanted, loaded.values(), strict=True))
