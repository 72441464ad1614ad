"""Files of the Hugging Face hub: their names outside of it, their checksums, their places in its own cache."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

TIMEOUT_S = 10


@dataclass(frozen=True)
class HubFile:
    """A file on the Hugging Face hub.

    Attributes:
        repo: ``"timm/resnet50.a1_in1k"``.
        name: Name of the file in it.
    """

    repo: str
    name: str

    @property
    def plain_name(self) -> str:
        """A name that tells it from all other repositories' ``model.safetensors``."""
        return f"{self.repo.replace('/', '--')}--{self.name}"


def cached_file(file: HubFile) -> Path | None:
    """Return the file in the hub's own cache; None if it is not there."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(file.repo, file.name)
    return Path(found) if isinstance(found, str) and os.path.exists(found) else None


def cached_sha256(path: Path) -> str:
    """Return the SHA-256 that the hub's cache has for a file of its own: large files are stored under that name."""
    name = path.resolve().name
    return name if is_sha256(name) else ""


def remote_sha256(url: str) -> str:
    """Ask the hub for the SHA-256 of a file at an address; empty if it can't be had."""
    from huggingface_hub import get_hf_file_metadata

    try:
        etag = get_hf_file_metadata(url, timeout=TIMEOUT_S).etag or ""
    except Exception:  # whatever the hub's library makes of no network: the download itself says what is wrong
        return ""
    return etag if is_sha256(etag) else ""


def is_sha256(name: str) -> bool:
    """Tell whether a name is 64 hexadecimal digits."""
    return re.fullmatch("[0-9a-f]{64}", name) is not None
