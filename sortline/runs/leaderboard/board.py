"""From a folder of runs to the rows of its leaderboard."""

from __future__ import annotations

import os
from pathlib import Path

from sortline.errors import InputError, Problem
from sortline.progress import track
from sortline.runs.leaderboard.entries import Entry, add_changes, make_entries
from sortline.runs.leaderboard.intervals import interval_over_images
from sortline.runs.leaderboard.runs import find_runs


def read_board(
    root: str | os.PathLike[str],
    price_per_hour: float | None = None,
    baseline: str | os.PathLike[str] | None = None,
    with_intervals: bool = True,
) -> tuple[list[Entry], list[Problem]]:
    """Read all runs below a folder.

    Args:
        root: Folder.
        price_per_hour: Of a machine; None to leave costs out.
        baseline: Run folder that all others are compared with; by default each with what it is most likely a
            change of.
        with_intervals: Measure the intervals of single runs, about a second each the first time.

    Returns:
        The rows by name, and what is wrong with run folders that could not be read: they leave no row.

    Raises:
        InputError: No such folder, no run in it, or the baseline is none of them.
    """
    runs, problems = find_runs(root)
    if not runs:
        remedy = "train one first, or name the folder that holds run folders"
        raise InputError([*problems, Problem(str(root), "holds no runs", remedy)])
    single = [run.folder for run in runs if run.is_tested and run.fold is None] if with_intervals else []
    intervals = {folder: interval_over_images(folder) for folder in track(single, "measuring intervals")}
    entries, others = make_entries(root, runs, price_per_hour, intervals)
    return add_changes(entries, _named(entries, baseline)), problems + others


def _named(entries: list[Entry], baseline: str | os.PathLike[str] | None) -> Entry | None:
    if baseline is None:
        return None
    found = next((entry for entry in entries if entry.folder.resolve() == Path(baseline).resolve()), None)
    if found is None:
        remedy = "name the folder of a run in the table; of an experiment with folds, the one that holds them"
        raise InputError(Problem("--baseline", f"{baseline} is no run of the table", remedy))
    return found
