"""Bring the pretrained weights that a config starts from, and say what happens when they can't be had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlparse

from mmengine.config import Config
from rich.console import Console

from sortline.errors import InputError, Problem, tool_command
from sortline.reports.numbers import size_text
from sortline.reports.tables import Table
from sortline.weights.download import DownloadError, download, remote_sha256, remote_size
from sortline.weights.pretrained import PretrainedFile, drop_pretrained, find_wants
from sortline.weights.weight_file import ABSENT, DAMAGED, VALID, import_file

ELSEWHERE = """
Kept in weights.tsv and taken to a machine with a network, the list is fetched by

    mkdir -p weights
    while IFS=$'\\t' read -r url path; do wget -c -O "weights/$(basename "$path")" "$url"; done < weights.tsv

Bring the folder back; then, on this machine:

    {bring_back}
"""


@dataclass(frozen=True)
class Failure:
    """A file that could not be fetched.

    Attributes:
        file: The file.
        reason: Why.
        no_network: No server could be reached; otherwise it does not give the file.
    """

    file: PretrainedFile
    reason: str
    no_network: bool


def resolve_pretrained(cfg: Config, from_scratch: bool = False) -> list[str]:
    """Make every place of a config that names weights to download read them from a local file.

    What is not in the cache yet is downloaded. A resumed run gets its weights from its own checkpoint and does
    without what is missing.

    Args:
        cfg: Changed in place.
        from_scratch: Start from random weights where pretrained ones can't be had, with a warning; parts that would
            stay frozen at random values are trained.

    Returns:
        Warnings for the log.

    Raises:
        InputError: Weights can't be had; all of them, each with its address and place.
    """
    wants = find_wants(cfg)
    if cfg.get("resume"):
        missing = [want for want in wants if want.owner is not None and not want.file.here]
        for want in missing:
            drop_pretrained(want.owner)  # the checkpoint brings these weights
        wants = [want for want in wants if want not in missing]
    failures = fetch([want.file for want in wants])
    if failures and not (from_scratch and all(failure.no_network for failure in failures)):
        raise InputError(missing_problems(failures, str(cfg.filename)))
    lost = {failure.file.target for failure in failures}
    warnings = []
    for want in wants:
        if want.file.target in lost:
            want.give_up()
            warnings.append(
                f"{want.file.place} starts from RANDOM weights and will score far lower: there is no network for "
                f"{want.file.url}. Put it at {want.file.target} and train again to start from it."
            )
        else:
            want.use(want.file.find()[1])
    return warnings


def fetch(files: Sequence[PretrainedFile]) -> list[Failure]:
    """Download what is not there yet.

    Returns:
        What could not be had. Once a server can't be reached, it is not asked for further files.
    """
    failures: list[Failure] = []
    unreachable: dict[str, str] = {}
    for file in files:
        host = urlparse(file.url).netloc
        try:
            if host in unreachable and not file.here:
                raise DownloadError(unreachable[host], no_network=True)
            fetch_file(file)
        except DownloadError as error:
            if error.no_network:
                unreachable[host] = str(error)
            failures.append(Failure(file, str(error), error.no_network))
    return failures


def fetch_file(file: PretrainedFile) -> None:
    """Download one file, unless it is there and whole.

    Raises:
        DownloadError: It can't be had.
    """
    if file.here:
        return
    sha256 = file.sha256 or (remote_sha256(file.url) if file.hub else "")
    download(file.url, file.target, sha256)


def missing_problems(failures: Sequence[Failure], config: str) -> list[Problem]:
    """Say of every missing file what it is for, where it comes from and where it belongs; the last says how."""
    problems = []
    for number, failure in enumerate(failures, start=1):
        file = failure.file
        how = "no network" if failure.no_network else "the download failed"
        what = f"its pretrained weights are not here ({how}: {failure.reason}): {file.url} belongs at {file.target}"
        remedy = _remedy(failures, config) if number == len(failures) else ""
        problems.append(Problem(f"{file.place} ({file.kind})", what, remedy))
    return problems


def _remedy(failures: Sequence[Failure], config: str) -> str:
    if not all(failure.no_network for failure in failures):
        return "correct the address, or give a file's path in its place"
    return (
        f"{tool_command('tools/pretrained.py', config, '--list-urls')} on this machine lists what to fetch on another "
        "one and says how to bring it here; --from-scratch trains from random weights instead and scores far lower"
    )


def missing_lines(cfg: Config, from_scratch: bool = False) -> list[str]:
    """Say which pretrained weights are not in the cache yet, for the plan of a run; nothing is downloaded.

    Args:
        cfg: A prepared config.
        from_scratch: Whether the run would go on without them.

    Raises:
        InputError: The config names weights that nobody offers.
    """
    lines = []
    for want in find_wants(cfg):
        file, state = want.file, want.file.find()[0]
        if state.status == VALID:
            continue
        why = {ABSENT: "not in the cache yet", DAMAGED: f"damaged in the cache ({state.reason})"}[state.status]
        lines.append(f"warning: {file.place}: pretrained weights {why}: {file.url} belongs at {file.target}")
    if lines:
        command = tool_command("tools/pretrained.py", cfg.filename, "--list-urls")
        without = "starts from RANDOM weights" if from_scratch else "stops"
        lines.append(f"training downloads them; without a network it {without}. See: {command}")
    return lines


def print_files(files: Sequence[PretrainedFile]) -> None:
    """Show what is needed, how large it is, and whether it is here."""
    console = Console(soft_wrap=True, highlight=False)
    if not files:
        console.print("nothing to download: the weights are local files, or random")
        return
    rows = []
    for file, size in zip(files, _sizes(files), strict=True):
        state, _ = file.find()
        here = state.status if not state.reason else f"{state.status}: {state.reason}"
        wanted_by = f"{file.place} ({file.kind})"
        rows.append((wanted_by, file.target.name, size_text(size) if size else "unknown", here))
    Table(("for", "file", "size", "here"), rows, "pretrained weights", left=(0, 1, 3)).print(console)
    missing = sum(not file.here for file in files)
    console.print("all of them are here" if not missing else f"{missing} to fetch: add --fetch, or --list-urls")


def _sizes(files: Sequence[PretrainedFile]) -> list[int]:
    """Return the size of each file in bytes, the server's word for what is not here; 0 where nobody says."""
    sizes = []
    network = True
    for file in files:
        state, _ = file.find()
        size = state.size if state.status == VALID else 0
        if not size and network:
            try:
                size = remote_size(file.url)
            except DownloadError as error:
                network = not error.no_network
        sizes.append(size)
    return sizes


def fetch_all(files: Sequence[PretrainedFile]) -> None:
    """Download what is missing and say where everything is.

    Raises:
        InputError: Something can't be had; the rest is there by then.
    """
    failures = fetch(files)
    lost = {failure.file.target for failure in failures}
    for file in files:
        if file.target not in lost:
            print(file.find()[1])
    problems = []
    for failure in failures:
        offline = "run this again where there is a network, or see --list-urls"
        remedy = offline if failure.no_network else "correct its address"
        problems.append(Problem(failure.file.url, f"can't be fetched: {failure.reason}", remedy))
    if problems:
        raise InputError(problems)


def list_urls(files: Sequence[PretrainedFile], configs: Sequence[str], console: Console) -> None:
    """Print ``URL<TAB>target path`` of every file that is not here, one a line; instructions go to ``console``."""
    missing = [file for file in files if not file.here]
    for file in missing:
        print(f"{file.url}\t{file.target}")
    if missing:
        bring_back = tool_command("tools/pretrained.py", *configs, "--from", "weights")
        console.print(ELSEWHERE.format(bring_back=bring_back), markup=False)
    else:
        console.print("all weights are here")


def import_all(files: Sequence[PretrainedFile], folder: Path) -> None:
    """Copy files that were fetched elsewhere to their places, each checked first.

    Args:
        files: What is wanted; what is already here is left alone.
        folder: Where the files are, under the names of their targets, at any depth.

    Raises:
        InputError: The folder or some of the files are absent or damaged; the sound ones are in place by then.
    """
    if not folder.is_dir():
        raise InputError(Problem(str(folder), "no such folder"))
    problems = []
    for file in files:
        if file.here:
            print(f"already here: {file.find()[1]}")
            continue
        found = sorted(folder.rglob(file.target.name))
        try:
            if not found:
                raise InputError(Problem(str(folder / file.target.name), ABSENT, f"fetch {file.url}"))
            import_file(found[0], file.target, file.sha256)
            print(f"copied to {file.target}")
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
