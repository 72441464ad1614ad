"""Downloads that resume, retry, and put a file in its place only when it is whole; files of the Hugging Face hub.

Of the libraries tried, huggingface_hub 2.4 takes 24 seconds to say that there is no network and begins an interrupted
file anew; torch.hub takes a file for whole when the server hangs up, and has no timeout; pooch 1.9 does not resume, and
knows whole checksums alone, where the names of weights carry the first eight digits.
"""

from __future__ import annotations

import errno
import fcntl
import http.client
import os
import re
import socket
import ssl
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.error import HTTPError, URLError

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from sortline.progress import SparseLines
from sortline.reports.numbers import size_text
from sortline.weights.weight_file import VALID, FileState, check_file, discard, record_path

TIMEOUT_S = 10
ATTEMPTS = 4
BLOCK = 2**20
# Answers after which another try can succeed: timeout, conflict of ranges, too many requests; 500 and above too.
PASSING_ANSWERS = {408, 416, 429}
# No network, or nobody listens there: another try a second later fails as well.
UNREACHABLE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ECONNREFUSED}
NETWORK_ERRORS = (URLError, http.client.HTTPException, ConnectionError, TimeoutError, ssl.SSLError)


class DownloadError(Exception):
    """A file could not be downloaded.

    Args:
        reason: Why, in words.
        no_network: No server could be reached, or none held out to the end; otherwise a server refused, or what it
            gave is not the file.
    """

    def __init__(self, reason: str, no_network: bool = False) -> None:
        super().__init__(reason)
        self.no_network = no_network


def download(url: str, target: Path, sha256: str = "", pause_s: float = 1.0) -> FileState:
    """Download a file, unless it is there and whole; go on where an earlier try was interrupted.

    What has arrived is kept in ``part-<name>`` beside the target until it is complete and its checksum agrees. Several
    processes may ask for the same file: one downloads it, the others wait.

    Args:
        url: Address: ``https``, ``http`` or ``file``.
        target: Where the file goes; folders are made as needed.
        sha256: The first digits of its SHA-256; empty if unknown.
        pause_s: Seconds to wait before the second try; each further wait is twice as long.

    Returns:
        The state of the file, which is valid.

    Raises:
        DownloadError: No network, a server that does not give the file, or a file that is not what it should be.
        OSError: It can't be written: the disk is full, say.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"part-{target.name}")
    with _sole_writer(part) as file:
        if check_file(target, sha256).status == VALID:
            part.unlink()
            return check_file(target, sha256)
        resumed = part.stat().st_size > 0
        _fetch_patiently(url, file, pause_s)
        state = check_file(part, sha256)
        if state.status != VALID and resumed:  # the start may be of an older version of the file
            file.truncate(0)
            _fetch_patiently(url, file, pause_s)
            state = check_file(part, sha256)
        if state.status != VALID:
            discard(part)
            raise DownloadError(f"what the server gave is not the file: {state.reason}")
        os.replace(part, target)
        if record_path(part).exists():
            os.replace(record_path(part), record_path(target))
    return check_file(target, sha256)


@contextmanager
def _sole_writer(part: Path) -> Iterator[IO[bytes]]:
    """Open a partial file for as long as no other process writes to it."""
    while True:
        with part.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            # Who held it before may have moved it to its place, or removed it.
            if part.exists() and os.path.samestat(part.stat(), os.fstat(file.fileno())):
                yield file
                return


def _fetch_patiently(url: str, file: IO[bytes], pause_s: float) -> None:
    """Fetch the rest of a file, again and again while there is hope.

    Raises:
        DownloadError: There is none left.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _fetch_rest(url, file)
            return
        except HTTPError as error:
            reason = f"the server answers {error.code} {error.reason}"
            if error.code not in PASSING_ANSWERS and error.code < 500:
                raise DownloadError(reason) from None
            if error.code == 416:  # nothing lies beyond what we have: it is not the start of this file
                file.truncate(0)
            hopeless = False
        except NETWORK_ERRORS as error:
            cause = error.reason if isinstance(error, URLError) else error
            reason = str(cause) or type(cause).__name__
            if isinstance(cause, FileNotFoundError | str):
                raise DownloadError(reason) from None  # a file:// address, or a scheme that there is no reader for
            hopeless = isinstance(cause, socket.gaierror) or getattr(cause, "errno", None) in UNREACHABLE
        if hopeless or attempt == ATTEMPTS:
            raise DownloadError(reason, no_network=True)
        time.sleep(pause_s * 2 ** (attempt - 1))


def _fetch_rest(url: str, file: IO[bytes]) -> None:
    """Append to a file what a server has beyond it; a server that can't go on gives all of it anew."""
    have = file.seek(0, os.SEEK_END)
    request = urllib.request.Request(url, headers={"User-Agent": "sortline"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
        if answer.status != 206:
            file.truncate(0)
            have = 0
        length = int(answer.headers.get("Content-Length") or 0)
        total = have + length if length else 0
        with _byte_progress(os.path.basename(url), total) as show:
            while block := answer.read(BLOCK):
                file.write(block)
                have += len(block)
                show(have)
    file.flush()
    os.fsync(file.fileno())
    if have < total:
        raise ConnectionError(f"the connection ended after {have:,} of {total:,} bytes")


@contextmanager
def _byte_progress(name: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show on stderr how much has arrived: a bar on a terminal, a line now and then elsewhere."""
    if sys.stderr.isatty():
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(name, total=total or None)
            yield lambda done: bar.update(task, completed=done)
        return
    lines = SparseLines()
    lines.start(time.monotonic())

    def show(done: int) -> None:
        if lines.due(time.monotonic(), done, total):
            print(f"{name}: {size_text(done)} of {size_text(total)}", file=sys.stderr, flush=True)

    yield show


def remote_size(url: str) -> int:
    """Ask a server how many bytes a file has; 0 if it doesn't say.

    Raises:
        DownloadError: It can't be reached, or does not give the file.
    """
    request = urllib.request.Request(url, method="HEAD", headers={"User-Agent": "sortline"})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            return int(answer.headers.get("Content-Length") or 0)
    except HTTPError as error:
        raise DownloadError(f"the server answers {error.code} {error.reason}") from None
    except NETWORK_ERRORS as error:
        raise DownloadError(str(error), no_network=True) from None


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
