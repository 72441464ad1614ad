"""What tools/pretrained.py prints and does: list, fetch, list for another machine, bring back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from sortline.errors import InputError, Problem, tool_command
from sortline.pipeline.compose import load_config
from sortline.reports.numbers import size_text
from sortline.reports.tables import Table
from sortline.weights.download import DownloadError, remote_size
from sortline.weights.resolve import fetch
from sortline.weights.sources import Source, find_sources
from sortline.weights.weight_file import ABSENT, VALID, import_file

ELSEWHERE = """
Kept in weights.tsv and taken to a machine with a network, the list is fetched by

    mkdir -p weights
    while IFS=$'\\t' read -r url path; do wget -c -O "weights/$(basename "$path")" "$url"; done < weights.tsv

Bring the folder back; then, on this machine:

    {bring_back}
"""


def sources_of(configs: Sequence[str], options: dict[str, object], cache: Path | None = None) -> list[Source]:
    """List the files that several configs would download, each once.

    Raises:
        InputError: A config can't be read, or names weights that nobody offers.
    """
    sources: dict[Path, Source] = {}
    problems: list[Problem] = []
    for config in configs:
        try:
            for source in find_sources(load_config(config, options), cache):
                sources.setdefault(source.target, source)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return list(sources.values())


def print_sources(sources: Sequence[Source]) -> None:
    """Show what is needed, how large it is, and whether it is here."""
    console = Console(soft_wrap=True, highlight=False)
    if not sources:
        console.print("nothing to download: the weights are local files, or random")
        return
    rows = []
    for source, size in zip(sources, _sizes(sources), strict=True):
        state, _ = source.find()
        here = state.status if not state.reason else f"{state.status}: {state.reason}"
        wanted_by = f"{source.place} ({source.kind})"
        rows.append((wanted_by, source.target.name, size_text(size) if size else "unknown", here))
    Table(("for", "file", "size", "here"), rows, "pretrained weights", left=(0, 1, 3)).print(console)
    missing = sum(not source.here for source in sources)
    console.print("all of them are here" if not missing else f"{missing} to fetch: add --fetch, or --list-urls")


def _sizes(sources: Sequence[Source]) -> list[int]:
    """Return the size of each file in bytes, the server's word for what is not here; 0 where nobody says."""
    sizes = []
    network = True
    for source in sources:
        state, _ = source.find()
        size = state.size if state.status == VALID else 0
        if not size and network:
            try:
                size = remote_size(source.url)
            except DownloadError as error:
                network = not error.no_network
        sizes.append(size)
    return sizes


def fetch_all(sources: Sequence[Source]) -> None:
    """Download what is missing and say where everything is.

    Raises:
        InputError: Something can't be had; the rest is there by then.
    """
    failures = fetch(sources)
    lost = {failure.source.target for failure in failures}
    for source in sources:
        if source.target not in lost:
            print(source.find()[1])
    if failures:
        raise InputError(
            [
                Problem(failure.source.url, f"can't be fetched: {failure.reason}", _how_to_go_on(failure.no_network))
                for failure in failures
            ]
        )


def _how_to_go_on(no_network: bool) -> str:
    return "run this again where there is a network, or see --list-urls" if no_network else "correct its address"


def list_urls(sources: Sequence[Source], configs: Sequence[str], console: Console) -> None:
    """Print ``URL<TAB>target path`` of every file that is not here, one a line; instructions go to ``console``."""
    missing = [source for source in sources if not source.here]
    for source in missing:
        print(f"{source.url}\t{source.target}")
    if missing:
        console.print(
            ELSEWHERE.format(bring_back=tool_command("tools/pretrained.py", *configs, "--from", "weights")),
            markup=False,
        )
    else:
        console.print("all weights are here")


def import_all(sources: Sequence[Source], folder: Path) -> None:
    """Copy files that were fetched elsewhere to their places, each checked first.

    Args:
        sources: What is wanted; what is already here is left alone.
        folder: Where the files are, under the names of their targets, at any depth.

    Raises:
        InputError: The folder or some of the files are absent or damaged; the sound ones are in place by then.
    """
    if not folder.is_dir():
        raise InputError(Problem(str(folder), "no such folder"))
    problems = []
    for source in sources:
        if source.here:
            print(f"already here: {source.find()[1]}")
            continue
        found = sorted(folder.rglob(source.target.name))
        try:
            if not found:
                raise InputError(Problem(str(folder / source.target.name), ABSENT, f"fetch {source.url}"))
            import_file(found[0], source.target, source.sha256)
            print(f"copied to {source.target}")
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
