"""Weights of timm's backbones: where they come from, told without a network, and how they fit other names.

timm is imported when something of it is used first. It tries whatever else is installed, wandb included, which costs
every start of a tool more than a second; most configs have no backbone of it.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlparse

import torch
from huggingface_hub import hf_hub_url, try_to_load_from_cache
from safetensors.torch import load_file as load_safetensors

from sortline.errors import InputError, Problem, counted, nearest
from sortline.files import missing_part
from sortline.weights.weight_file import torch_cache

PACKAGE_PREFIX = "package:"
WEIGHT_SUFFIXES = (".pth", ".pt", ".bin", ".safetensors")
# Entries under which checkpoints keep the weights: mmengine's, timm's and Meta's.
ENTRIES = ("state_dict", "model")
# timm takes the first of them that a repository of the hub holds; its own hold both.
HUB_FILES = ("model.safetensors", "pytorch_model.bin")


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


@dataclass(frozen=True)
class TimmWeights:
    """Weights of a backbone, on this machine or not.

    Attributes:
        name: How a message calls it.
        path: The local file; None if it is not on this machine.
        url: Its address; empty for a file of the user's own.
        hub_id: Repository of the Hugging Face hub; empty if it lies elsewhere.
        hub_file: The file's name in it.
    """

    name: str
    path: Path | None = None
    url: str = ""
    hub_id: str = ""
    hub_file: str = ""

    def how_to_get(self) -> str:
        """Say what to do on a machine without network."""
        name = self.hub_file or Path(urlparse(self.url).path).name
        return f"download {self.url} elsewhere, copy it here, and set pretrained='<folder>/{name}'"


def find_timm_weights(model_name: str, pretrained: bool | str) -> TimmWeights | None:
    """Say where a :class:`TimmBackbone` would take its weights from.

    Args:
        model_name: As given to the backbone.
        pretrained: As given to the backbone.

    Returns:
        Them; None for random weights.

    Raises:
        InputError: timm has no such model or no weights of it, or the file or package is not there.
    """
    if pretrained is False:
        return None
    if pretrained is not True:
        return TimmWeights(str(pretrained), find_weights(str(pretrained)))
    check_model_name(model_name)
    cfg = timm.models.get_pretrained_cfg(model_name)
    if cfg is not None and cfg.hf_hub_id:
        return _on_the_hub(cfg.hf_hub_id, cfg.hf_hub_filename)
    if cfg is not None and cfg.url:
        path = torch_cache() / Path(urlparse(cfg.url).path).name
        return TimmWeights(cfg.url, path if path.is_file() else None, cfg.url)
    tags = timm.list_pretrained(f"{model_name.partition('.')[0]}.*")
    remedy = f"it has weights of {', '.join(tags)}" if tags else "set pretrained to False or to a file"
    raise InputError(Problem("model.backbone.pretrained", f"timm has no weights of {model_name}", remedy))


def _on_the_hub(hub_id: str, hub_file: str | None) -> TimmWeights:
    repository, _, revision = hub_id.partition("@")
    names = (hub_file,) if hub_file else HUB_FILES
    for name in names:
        found = try_to_load_from_cache(repository, name, revision=revision or None)
        if isinstance(found, str):
            break
    else:
        found, name = None, names[0]
    url = hf_hub_url(repository, name, revision=revision or None)
    return TimmWeights(f"{repository}/{name}", Path(found) if found else None, url, repository, name)


def check_model_name(model_name: str) -> None:
    """Refuse a name that timm doesn't know; a tag after a dot chooses among a model's weights.

    Raises:
        InputError: timm has no such model, or no weights of such a tag.
    """
    architecture, _, tag = model_name.partition(".")
    if not timm.is_model(architecture):
        remedy = nearest(architecture, timm.list_models()) or "timm.list_models('*part*') lists the names"
        raise InputError(Problem("model.backbone.model_name", f"timm has no model {architecture!r}", remedy))
    known = timm.list_pretrained(f"{architecture}.*") if tag else []
    if tag and model_name not in known:
        remedy = f"it has {', '.join(known)}" if known else "leave the part after the dot out"
        raise InputError(Problem("model.backbone.model_name", f"timm has no weights {model_name!r}", remedy))


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
