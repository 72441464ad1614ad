"""Reading and writing files so that a reader gets a clear message and a writer leaves no half-written file."""

from __future__ import annotations

import errno
import gc
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import orjson

from sortline.errors import InputError, Problem

#: Error numbers of a write for which there is no space left.
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
#: Environment variable that names the folder for what was measured; without it, the repository's ``.cache``.
CACHE_VARIABLE = "SORTLINE_CACHE"
DEFAULT_CACHE = Path(__file__).resolve().parents[1] / ".cache"


def cache_folder() -> Path:
    """Return the folder for what takes long to measure and can be measured again."""
    return Path(os.environ.get(CACHE_VARIABLE) or DEFAULT_CACHE)


@contextmanager
def atomic_write(path: str | os.PathLike[str], mode: str = "w", **open_kwargs: Any) -> Iterator[IO[Any]]:
    """Open a temporary file beside ``path``; on success flush it to disk and rename it to ``path``.

    Whatever fails, a kill included, ``path`` holds either its old content or the whole new one. Folders
    are made as needed.

    Args:
        path: File to write.
        mode: ``"w"`` or ``"wb"``.
        **open_kwargs: Passed to :func:`open`; text is UTF-8 unless told otherwise.

    Raises:
        OSError: The disk is full, or the folder may not be written to.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    if "b" not in mode:
        open_kwargs.setdefault("encoding", "utf-8")
    try:
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(target)) from None
    try:
        with open(handle, mode, **open_kwargs) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~umask())
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def remove_half_written(folder: str | os.PathLike[str], *names: str) -> None:
    """Remove what a killed process was writing to files of a folder, under its temporary names.

    Args:
        folder: Where nobody else writes these files now.
        *names: Names of the files, or patterns of names.
    """
    for name in names:
        for path in Path(folder).glob(f".{name}.*.tmp"):
            path.unlink(missing_ok=True)


def atomic_link(source: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
    """Make ``target`` the same file as ``source``, or a copy of it where the disk knows no hard links.

    Raises:
        OSError: The source can't be read or the target not be written.
    """
    temporary = Path(target).with_name(f".{Path(target).name}.link.tmp")
    temporary.unlink(missing_ok=True)
    try:
        os.link(source, temporary)
    except OSError:
        with open(source, "rb") as content, atomic_write(target, "wb") as file:
            shutil.copyfileobj(content, file)
        return
    os.replace(temporary, target)
    # Where both were one file already, there is nothing to rename, and the system leaves the temporary name.
    temporary.unlink(missing_ok=True)
    _sync_folder(Path(target).parent)


def umask() -> int:
    """Return the permissions that new files and folders don't get."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    """Make a rename in ``folder`` durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_json(path: str | os.PathLike[str], data: Any, indent: int | None = None) -> None:
    """Write ``data`` as JSON, whole or not at all. NaN and infinity are refused with a ValueError."""
    # Half a surrogate pair, which UTF-8 can't hold, is written as the escape that JSON has for it.
    with atomic_write(path, errors="backslashreplace") as file:
        json.dump(data, file, ensure_ascii=False, allow_nan=False, indent=indent)


def read_json(
    path: str | os.PathLike[str],
    object_pairs_hook: Callable[[list[tuple[str, Any]]], Any] | None = None,
    quick: bool = False,
) -> Any:
    """Read a JSON file.

    Args:
        path: The file.
        object_pairs_hook: Makes each object of its keys and values, as for :func:`json.loads`.
        quick: Read some times faster, for large files that are not written again: whole numbers of more than 64
            bits become the nearest float.

    Raises:
        InputError: The file is absent, a folder, not UTF-8, cut short or not JSON; the place is named.
    """
    text = read_text(path)
    try:
        with garbage_collection_paused():
            return _loads_quickly(text) if quick else json.loads(text, object_pairs_hook=object_pairs_hook)
    except json.JSONDecodeError as error:
        if not text.strip():
            what = "is empty"
        elif _is_cut_short(text.rstrip(), error):
            what = f"is cut short: it ends in the middle of a value (line {error.lineno})"
        else:
            what = f"is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        raise InputError(Problem(str(path), what, "copy or download the file again")) from None
    except RecursionError:
        what = "is nested too deeply to be read: lists or objects within each other hundreds of times"
        raise InputError(Problem(str(path), what)) from None
    except ValueError as error:  # a whole number of thousands of digits
        raise InputError(Problem(str(path), f"holds a value that can't be read: {error}")) from None


def _loads_quickly(text: str) -> Any:
    """Parse JSON; what is not plain JSON, such as NaN or half a surrogate pair, is left to the standard library."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text)


@contextmanager
def garbage_collection_paused() -> Iterator[None]:
    """Spare half of the time of reading: the collector would search millions of new objects for cycles."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _is_cut_short(text: str, error: json.JSONDecodeError) -> bool:
    """Tell a text that ends inside a value, a word or a number, such as ``{"a": tru``, from one with a mistake."""
    if error.msg.startswith("Unterminated"):
        return True
    rest = text[error.pos :]
    return error.pos > 0 and error.msg != "Extra data" and re.fullmatch(r"[\w.+\-\\]{0,8}", rest) is not None


def read_text(path: str | os.PathLike[str]) -> str:
    """Read a UTF-8 file, with or without a byte-order mark.

    Raises:
        InputError: The file is absent, a folder, unreadable or not UTF-8.
    """
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(Problem(str(path), "no such file", missing_part(path))) from None
    except UnicodeDecodeError as error:
        cut = error.reason == "unexpected end of data"
        what = "is cut short: it ends in the middle of a letter" if cut else "is not UTF-8 text"
        raise InputError(Problem(str(path), f"{what} (byte {error.start})")) from None
    except OSError as error:
        raise InputError(Problem(str(path), f"can't be read: {error.strerror}")) from None


def file_sha256(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file's bytes as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def given_twice(paths: Sequence[str | os.PathLike[str]]) -> list[str]:
    """List, as they were given and sorted, the paths that lead to a file to which another one leads as well."""
    places = [Path(path).resolve() for path in paths]
    return sorted({str(path) for path, place in zip(paths, places, strict=True) if places.count(place) > 1})


def overwriting(
    read: Iterable[str | os.PathLike[str] | None], written: Mapping[str, str | os.PathLike[str] | None]
) -> list[str]:
    """List the options whose file the command reads as well, or writes for an option before.

    Args:
        read: Files that are read; None for one that is not given.
        written: Files that are written, by option; None for one that is not given.

    >>> overwriting(["a.json"], {"--out": "./a.json", "--json": "b.json", "--markdown": "b.json", "--draw": None})
    ['--out', '--markdown']
    """
    seen = {Path(path).resolve() for path in read if path}
    found = []
    for option, path in written.items():
        if path and Path(path).resolve() in seen:
            found.append(option)
        seen |= {Path(path).resolve()} if path else set()
    return found


def missing_part(path: str | os.PathLike[str]) -> str:
    """Say how much of a path exists, to show which part of it is mistyped.

    >>> missing_part("/tmp/nowhere/train.json")
    "the folder '/tmp' exists, 'nowhere' in it does not"
    """
    target = Path(path)
    for folder in target.parents:
        if folder.is_dir():
            return f"the folder {str(folder)!r} exists, {target.relative_to(folder).parts[0]!r} in it does not"
    return ""
