"""Where the weights of a timm backbone come from, told without building the model or touching the network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlparse

import torch
from huggingface_hub import hf_hub_url, try_to_load_from_cache

from sortline.errors import InputError, Problem, nearest
from sortline.weights.timm_lazily import timm
from sortline.weights.weight_names import find_weights

# timm takes the first of them that a repository of the hub holds; its own hold both.
HUB_FILES = ("model.safetensors", "pytorch_model.bin")


@dataclass(frozen=True)
class TimmSource:
    """A place of weights.

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


def timm_source(model_name: str, pretrained: bool | str) -> TimmSource | None:
    """Say where a :class:`TimmBackbone` would take its weights from.

    Args:
        model_name: As given to the backbone.
        pretrained: As given to the backbone.

    Returns:
        The place; None for random weights.

    Raises:
        InputError: timm has no such model or no weights of it, or the file or package is not there.
    """
    if pretrained is False:
        return None
    if pretrained is not True:
        return TimmSource(str(pretrained), find_weights(str(pretrained)))
    check_model_name(model_name)
    cfg = timm.models.get_pretrained_cfg(model_name)
    if cfg is not None and cfg.hf_hub_id:
        return _hub_source(cfg.hf_hub_id, cfg.hf_hub_filename)
    if cfg is not None and cfg.url:
        path = Path(torch.hub.get_dir()) / "checkpoints" / Path(urlparse(cfg.url).path).name
        return TimmSource(cfg.url, path if path.is_file() else None, cfg.url)
    tags = timm.list_pretrained(f"{model_name.partition('.')[0]}.*")
    remedy = f"it has weights of {', '.join(tags)}" if tags else "set pretrained to False or to a file"
    raise InputError(Problem("model.backbone.pretrained", f"timm has no weights of {model_name}", remedy))


def _hub_source(hub_id: str, hub_file: str | None) -> TimmSource:
    repository, _, revision = hub_id.partition("@")
    names = (hub_file,) if hub_file else HUB_FILES
    for name in names:
        found = try_to_load_from_cache(repository, name, revision=revision or None)
        if isinstance(found, str):
            break
    else:
        found, name = None, names[0]
    url = hf_hub_url(repository, name, revision=revision or None)
    return TimmSource(f"{repository}/{name}", Path(found) if found else None, url, repository, name)


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
