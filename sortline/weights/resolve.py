"""Bring the pretrained weights that a config starts from, and say what happens when they can't be had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlparse

from mmengine.config import Config

from sortline.errors import InputError, Problem, tool_command
from sortline.weights.download import DownloadError, download
from sortline.weights.hub_files import remote_sha256
from sortline.weights.sources import Source, Want, drop_pretrained, find_wants
from sortline.weights.weight_file import ABSENT, DAMAGED, VALID


@dataclass(frozen=True)
class Failure:
    """A file that could not be fetched.

    Attributes:
        source: The file.
        reason: Why.
        no_network: No server could be reached; otherwise it does not give the file.
    """

    source: Source
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
        wants = [want for want in wants if not _comes_with_the_checkpoint(want)]
    failures = fetch([want.source for want in wants])
    if failures and not (from_scratch and all(failure.no_network for failure in failures)):
        raise InputError(missing_problems(failures, str(cfg.filename)))
    lost = {failure.source.target for failure in failures}
    warnings = []
    for want in wants:
        if want.source.target in lost:
            want.give_up()
            warnings.append(_random_start(want.source))
        else:
            want.use(want.source.find()[1])
    return warnings


def _comes_with_the_checkpoint(want: Want) -> bool:
    """Tell whether a resumed run can do without a missing file; if so, its place no longer asks for it."""
    if want.owner is None or want.source.here:
        return False
    drop_pretrained(want.owner)
    return True


def _random_start(source: Source) -> str:
    return (
        f"{source.place} starts from RANDOM weights and will score far lower: there is no network for {source.url}. "
        f"Put it at {source.target} and train again to start from it."
    )


def fetch(sources: Sequence[Source]) -> list[Failure]:
    """Download what is not there yet.

    Returns:
        What could not be had. Once a server can't be reached, it is not asked for further files.
    """
    failures: list[Failure] = []
    unreachable: dict[str, str] = {}
    for source in sources:
        host = urlparse(source.url).netloc
        try:
            if host in unreachable and not source.here:
                raise DownloadError(unreachable[host], no_network=True)
            fetch_source(source)
        except DownloadError as error:
            if error.no_network:
                unreachable[host] = str(error)
            failures.append(Failure(source, str(error), error.no_network))
    return failures


def fetch_source(source: Source) -> None:
    """Download one file, unless it is there and whole.

    Raises:
        DownloadError: It can't be had.
    """
    if source.here:
        return
    sha256 = source.sha256 or (remote_sha256(source.url) if source.hub else "")
    download(source.url, source.target, sha256)


def missing_problems(failures: Sequence[Failure], config: str) -> list[Problem]:
    """Say of every missing file what it is for, where it comes from and where it belongs; the last says how."""
    problems = []
    for number, failure in enumerate(failures, start=1):
        source = failure.source
        how = "no network" if failure.no_network else "the download failed"
        what = f"its pretrained weights are not here ({how}: {failure.reason}): {source.url} belongs at {source.target}"
        remedy = _remedy(failures, config) if number == len(failures) else ""
        problems.append(Problem(f"{source.place} ({source.kind})", what, remedy))
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
        source, state = want.source, want.source.find()[0]
        if state.status == VALID:
            continue
        why = {ABSENT: "not in the cache yet", DAMAGED: f"damaged in the cache ({state.reason})"}[state.status]
        lines.append(f"warning: {source.place}: pretrained weights {why}: {source.url} belongs at {source.target}")
    if lines:
        command = tool_command("tools/pretrained.py", cfg.filename, "--list-urls")
        without = "starts from RANDOM weights" if from_scratch else "stops"
        lines.append(f"training downloads them; without a network it {without}. See: {command}")
    return lines
