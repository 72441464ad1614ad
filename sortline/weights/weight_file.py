"""Whether a file of pretrained weights is there and whole, told cheaply at every use."""

from __future__ import annotations

import json
import os
import re
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sortline.errors import InputError, Problem
from sortline.files import atomic_write, file_sha256, read_json, write_json

ABSENT, VALID, DAMAGED = "absent", "valid", "damaged"
# torch's hub and OpenMMLab put the first 8 digits of the SHA-256 before the ending; a date can stand there as well.
NAMED_HASH = re.compile(r"-(?!20\d{6}\.)([0-9a-f]{8,64})\.\w+$")
ZIP_START, HTML_START = b"PK", b"<"


@dataclass(frozen=True)
class FileState:
    """What is at the place of a weights file.

    Attributes:
        status: ``ABSENT``, ``VALID`` or ``DAMAGED``.
        reason: What is wrong with a damaged file.
        size: Its size in bytes; 0 where it is absent.
    """

    status: str
    reason: str = ""
    size: int = 0


def torch_cache() -> Path:
    """Return the folder in which torch's hub, and so mmengine and timm, look for downloaded weights."""
    import torch

    return Path(torch.hub.get_dir()) / "checkpoints"


def named_hash(name: str) -> str:
    """Return the start of the SHA-256 that a file's name carries; empty where it carries none.

    >>> named_hash("resnet50-0676ba61.pth")
    '0676ba61'
    """
    found = NAMED_HASH.search(name)
    return found[1] if found else ""


def check_file(path: Path, sha256: str = "") -> FileState:
    """Tell whether a weights file is there and what it should be.

    The file is read once: its SHA-256 is kept beside it, and looked up again for as long as the file keeps its size
    and time. One that changed since is read again and has to give the same SHA-256.

    Args:
        path: The file.
        sha256: The first digits of its SHA-256, or all 64; empty if unknown.
    """
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return FileState(ABSENT)
    record = _read_record(path)
    untouched = _is_of(record, found)
    digest = str(record["sha256"]) if untouched else file_sha256(path)
    if not digest.startswith(sha256):
        reason = f"its SHA-256 starts with {digest[: len(sha256)]}, not with {sha256}"
    elif not untouched and record and record["sha256"] != digest:
        reason = "its content has changed since it was downloaded"
    else:
        reason = "" if untouched else _visible_damage(path, found.st_size)
    if not reason and not untouched:
        write_record(path, digest)
    return FileState(DAMAGED if reason else VALID, reason, found.st_size)


def known_sha256(path: Path) -> str:
    """Return a file's SHA-256: the one kept beside it, where the file is untouched since, else read from it."""
    record = _read_record(path)
    return str(record["sha256"]) if _is_of(record, path.stat()) else file_sha256(path)


def _is_of(record: dict[str, Any], found: os.stat_result) -> bool:
    return (record.get("size"), record.get("mtime_ns")) == (found.st_size, found.st_mtime_ns)


def record_path(path: Path) -> Path:
    """Return the file that keeps a weights file's SHA-256."""
    return path.with_name(f"{path.name}.sha256.json")


def write_record(path: Path, digest: str) -> None:
    """Keep a file's SHA-256 beside it; a folder that can't be written to goes without."""
    found = path.stat()
    content = {"sha256": digest, "size": found.st_size, "mtime_ns": found.st_mtime_ns}
    try:
        write_json(record_path(path), content)
    except OSError:
        return


def _read_record(path: Path) -> dict[str, Any]:
    """Read what is kept of a file; nothing if that is absent or unreadable, which only costs reading the file again."""
    try:
        record = read_json(record_path(path))
    except InputError:
        return {}
    return record if isinstance(record, dict) and isinstance(record.get("sha256"), str) else {}


def _visible_damage(path: Path, size: int) -> str:
    """Find what can be said about a file of unknown checksum: empty, cut short, or a web page in its place."""
    if not size:
        return "it is empty"
    if path.suffix == ".safetensors":
        return "" if _safetensors_size(path) == size else "it is cut short, or no safetensors file"
    with path.open("rb") as file:
        start = file.read(2)
    if start.startswith(HTML_START):
        return "it is a web page, not weights: a login or proxy answered in place of the server"
    if start == ZIP_START and not zipfile.is_zipfile(path):
        return "it is cut short: its end is missing"
    return ""


def _safetensors_size(path: Path) -> int:
    """Return the size in bytes that a safetensors file states in its header, 0 if there is no such header.

    The format: https://huggingface.co/docs/safetensors/index#format.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > path.stat().st_size:
            return 0
        try:
            header = json.loads(file.read(length))
            ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
        except (ValueError, AttributeError, KeyError, TypeError, IndexError):
            return 0
    return 8 + length + max(ends, default=0)


def import_file(source: Path, target: Path, sha256: str = "") -> None:
    """Copy a file that was downloaded elsewhere to its place, if it is what it should be.

    Args:
        source: The file.
        target: Its place; replaced whole or not at all.
        sha256: The first digits of its SHA-256; empty if unknown.

    Raises:
        InputError: The file is absent or damaged.
    """
    state = check_file(source, sha256)
    if state.status == ABSENT:
        raise InputError(Problem(str(source), "no such file"))
    if state.status == DAMAGED:
        raise InputError(Problem(str(source), f"is damaged: {state.reason}", "download it again"))
    with source.open("rb") as content, atomic_write(target, "wb") as copy:
        shutil.copyfileobj(content, copy, 2**20)
    write_record(target, file_sha256(target))


def discard(path: Path) -> None:
    """Remove a file and its record."""
    for name in (path, record_path(path)):
        if os.path.lexists(name):
            name.unlink()
