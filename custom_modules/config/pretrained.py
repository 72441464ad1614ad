"""Find the pretrained weights that a config starts from, and say what happens when they can't be had."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlparse

import torch
from mmengine.config import Config, ConfigDict
from mmengine.runner.checkpoint import get_torchvision_models

from custom_modules.errors import InputError, Problem

TIMEOUT_S = 10


def resolve_pretrained(cfg: Config) -> list[str]:
    """Replace every address of pretrained weights by a local file, downloading what is not there yet.

    Where the download fails for lack of a network, training goes on from random weights: stages that would
    stay frozen at random values are unfrozen, and a warning says which file to put where.

    Args:
        cfg: Changed in place.

    Returns:
        Warnings for the log.

    Raises:
        InputError: The server answered but has no such file.
    """
    warnings: list[str] = []
    for owner in _owners(cfg.get("model")):
        url = _address(str(owner.init_cfg.checkpoint))
        if url is None:
            continue
        path = cache_path(url)
        if not path.exists() and not _download(url, path):
            warnings.append(
                f"no network for the pretrained weights of {owner.type}: this run starts from RANDOM weights and "
                f"will score far lower. Put {url} at {path} and run again to start from them."
            )
            _start_from_scratch(owner)
            continue
        owner.init_cfg.checkpoint = str(path)
    return warnings


def cache_path(url: str) -> Path:
    """Return the file in torch's cache that holds a downloaded address."""
    return Path(torch.hub.get_dir()) / "checkpoints" / Path(urlparse(url).path).name


def _owners(node: object) -> Iterator[ConfigDict]:
    """Find every part of a model whose ``init_cfg`` names a checkpoint."""
    if isinstance(node, list | tuple):
        for item in node:
            yield from _owners(item)
    elif isinstance(node, dict):
        init_cfg = node.get("init_cfg")
        if isinstance(init_cfg, dict) and init_cfg.get("type") == "Pretrained":
            yield node
        for item in node.values():
            yield from _owners(item)


def _address(checkpoint: str) -> str | None:
    """Return the address behind a checkpoint's name; none for a local file."""
    scheme, _, name = checkpoint.partition("://")
    if scheme == "torchvision":
        return get_torchvision_models().get(name)
    return checkpoint if scheme in ("http", "https") else None


def _download(url: str, path: Path) -> bool:
    """Fetch a file; False when no server can be reached."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT_S)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        torch.hub.download_url_to_file(url, str(path), progress=False)
    except URLError as error:
        if isinstance(error.reason, OSError):
            return False
        what = f"the server does not give these weights: {error.reason}"
        raise InputError(Problem(url, what, "correct the checkpoint in the model's init_cfg")) from None
    except (ConnectionError, TimeoutError):
        return False
    finally:
        socket.setdefaulttimeout(before)
    return True


def _start_from_scratch(owner: ConfigDict) -> None:
    owner.init_cfg = None
    if owner.get("frozen_stages", -1) >= 0:
        owner.frozen_stages = -1
    if owner.get("norm_eval"):
        owner.norm_eval = False
    norm = owner.get("norm_cfg")
    if norm and norm.get("requires_grad") is False:
        norm.requires_grad = True
