"""The rows of the leaderboard: runs, and experiments with their folds, with scores, costs and what they changed."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import stdtrit

from sortline.errors import InputError, Problem
from sortline.files import read_json
from sortline.predictions.bootstrap import LEVEL, Interval
from sortline.predictions.box_scores import MAP50, box_score
from sortline.progress import track
from sortline.runs.leaderboard.found_runs import Run, find_runs
from sortline.runs.leaderboard.kept_scores import interval_over_images, read_score
from sortline.runs.named_score import Score, label, shown
from sortline.runs.run_folder import OOF_SCORE
from sortline.runs.settings import Change, changes_of_parts, parts_by_type
from sortline.runs.typed_json import finite_number

FINISHED, UNTESTED, UNFINISHED = "finished", "not tested", "unfinished"


@dataclass(frozen=True)
class Entry:
    """One row.

    Attributes:
        name: Folder below the one that was searched.
        folder: Run folder, of a run or of an experiment with folds.
        runs: The run, or those of the folds.
        state: ``"finished"``; ``"not tested"`` if validation predictions are not scored; ``"unfinished"`` if a
            training has not come to its end.
        cv: Mean of the folds' deciding score, or that of the only run; None where different scores decided folds.
        interval: 95% interval: of the folds' mean by Student's t, of a single run by the bootstrap over images.
        oof: The same score of the out-of-fold predictions.
        public: Score on the contest's site.
        cost: Hours times the price of one.
        parent: Name of the row that it is a change of; empty if there is none.
        changes: What it changed against that.
        notes: What a reader must know beside the numbers.
    """

    name: str
    folder: Path
    runs: tuple[Run, ...]
    state: str
    cv: float | None
    interval: Interval | None = None
    oof: float | None = None
    public: float | None = None
    cost: float | None = None
    parent: str = ""
    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def first(self) -> Run:
        """The run, or that of the first fold."""
        return self.runs[0]

    @property
    def deciding_name(self) -> str:
        """The metric that the scores are of; empty where it is not known or differs between folds."""
        names = {run.deciding_name for run in self.runs}
        return names.pop() if len(names) == 1 else ""

    @property
    def folds(self) -> int:
        """Number of folds; 0 for a single run."""
        return sum(run.fold is not None for run in self.runs)

    @property
    def hours(self) -> float | None:
        """Time of training of all runs together; None if one's is not known."""
        seconds = [run.seconds for run in self.runs if run.seconds is not None]
        return sum(seconds) / 3600 if len(seconds) == len(self.runs) else None

    @property
    def epochs(self) -> int | None:
        """Epochs of the run, of folds the most of any."""
        return max((run.epochs for run in self.runs if run.epochs is not None), default=None)

    @property
    def is_dirty(self) -> bool:
        """Whether a run's files differed from its commit."""
        return any(run.is_dirty for run in self.runs)

    @property
    def git(self) -> str:
        """Commit and whether files differed from it: ``"1a2b3c4 dirty"``; empty if not known."""
        commits = list(dict.fromkeys(run.commit[:7] for run in self.runs if run.commit))
        return " ".join([*commits, *(["dirty"] if self.is_dirty else [])])

    @property
    def started(self) -> str:
        """When the first of its runs was started; empty if not known."""
        return min((run.started for run in self.runs if run.started), default="")

    @property
    def settings(self) -> dict[str, Any]:
        """The resolved config of the first run, without the number of its fold."""
        return {key: value for key, value in self.first.settings.items() if key != "fold"}


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
    base = None
    if baseline is not None:
        base = next((entry for entry in entries if entry.folder.resolve() == Path(baseline).resolve()), None)
        if base is None:
            remedy = "name the folder of a run in the table; of an experiment with folds, the one that holds them"
            raise InputError(Problem("--baseline", f"{baseline} is no run of the table", remedy))
    return add_changes(entries, base), problems + others


def make_entries(
    root: str | os.PathLike[str],
    runs: Sequence[Run],
    price_per_hour: float | None = None,
    intervals: Mapping[Path, Interval | None] | None = None,
) -> tuple[list[Entry], list[Problem]]:
    """Make a row of each run, and one of all folds of an experiment.

    A folder may hold a run as well as folds: the run keeps the public score, whose submission lies beside it, and the
    folds their out-of-fold score.

    Args:
        root: Folder that was searched.
        runs: The runs in it.
        price_per_hour: Of a machine; None to leave costs out.
        intervals: Of single runs' scores, by run folder.

    Returns:
        The rows, and what is wrong with scores entered or collected.
    """
    grouped: dict[tuple[Path, bool], list[Run]] = {}
    for run in runs:
        grouped.setdefault((run.experiment, run.is_fold), []).append(run)
    entries = []
    problems: list[Problem] = []
    for (folder, is_folds), members in grouped.items():
        entry = _entry(Path(root), folder, tuple(members), intervals or {})
        is_shared = (folder, not is_folds) in grouped
        if is_shared and is_folds:
            entry = replace(entry, name=f"{entry.name} (folds)")
        cost = entry.hours * price_per_hour if price_per_hour is not None and entry.hours is not None else None
        try:
            entries.append(_with_other_scores(replace(entry, cost=cost), is_shared))
        except InputError as error:
            entries.append(entry)
            problems += error.problems
    return entries, problems


def _entry(root: Path, folder: Path, runs: tuple[Run, ...], intervals: Mapping[Path, Interval | None]) -> Entry:
    below = Path(os.path.relpath(folder, root))
    name = folder.resolve().name if below.parts[:1] in ((), ("..",)) else below.as_posix()
    state = FINISHED if all(run.is_tested for run in runs) else UNTESTED
    if not all(run.is_trained for run in runs):
        state = UNFINISHED
    names = list(dict.fromkeys(run.deciding_name for run in runs))
    if len(names) > 1:
        note = f"no mean of its folds, which were decided by different scores: {', '.join(map(label, names))}"
        return Entry(name, folder, runs, state, None, notes=(note,))
    scores = [run.score for run in runs if run.score is not None]
    cv = sum(scores) / len(scores) if scores else None
    if len(runs) > 1:
        return Entry(name, folder, runs, state, cv, interval_of_mean(scores))
    notes = [f"no interval: {names[0]} doesn't follow from boxes"] if names[0] and box_score(names[0]) is None else []
    return Entry(name, folder, runs, state, cv, intervals.get(runs[0].folder), notes=tuple(notes))


def interval_of_mean(scores: Sequence[float], level: float = LEVEL) -> Interval | None:
    """Take Student's t interval of the mean of folds' scores; None for less than two.

    Of scores from 0 to 1 it lies within these. Folds share most of their training images, so that it is rather too
    narrow (Nadeau and Bengio, Inference for the Generalization Error, 2003).
    """
    if len(scores) < 2:
        return None
    mean, error = float(np.mean(scores)), float(np.std(scores, ddof=1)) / len(scores) ** 0.5
    reach = float(stdtrit(len(scores) - 1, (1 + level) / 2)) * error
    low, high = (0.0, 1.0) if min(scores) >= 0 and max(scores) <= 1 else (-np.inf, np.inf)
    return Interval(max(mean - reach, low), min(mean + reach, high))


def _with_other_scores(entry: Entry, is_shared: bool) -> Entry:
    notes = list(entry.notes)
    public = None if is_shared and entry.folds else read_score(entry.folder)
    if public is not None and not public.is_of(entry.folder):
        notes.append("the public score is of an earlier submission")
    name, oof = ("", None) if is_shared and not entry.folds else _oof(entry.folder / OOF_SCORE)
    if oof is not None and name != entry.deciding_name:
        notes.append(f"the out-of-fold predictions score {shown(Score(name, oof))}, which doesn't compare")
        oof = None
    return replace(entry, oof=oof, public=public.score if public else None, notes=tuple(notes))


def _oof(path: Path) -> tuple[str, float | None]:
    """Read what out-of-fold predictions score: name and value; a file of an earlier version has mAP50 alone."""
    if not path.is_file():
        return "", None
    content = read_json(path)
    known = content if isinstance(content, Mapping) else {}
    name, found = (known["name"], known.get("value", "")) if "name" in known else (MAP50, known.get("map50", ""))
    value = finite_number(found)
    if value is None and found is not None:  # None where the folds hold no boxes to be found
        raise InputError(Problem(str(path), "holds no score", "collect again: python tools/collect_oof.py"))
    return str(name), value


def add_changes(entries: Sequence[Entry], baseline: Entry | None = None, only: Entry | None = None) -> list[Entry]:
    """Say for each row what it changed, and against which one.

    That is the baseline, where one is named; else, of the rows of the same family and dataset that were started
    earlier, the one that it differs from in the fewest settings, the latest of several: what it is most likely a
    change of. Rows that don't know when they were started are taken for older than those that do, by name.

    Args:
        entries: The rows.
        baseline: One of them.
        only: The one to say it for; all of them unless given.
    """
    # Equal parts become one object: a thousand runs are compared half a million times, and `is` is the fastest way.
    shared: dict[str, Any] = {}
    parts = [
        {name: shared.setdefault(f"{name} {part!r}", part) for name, part in parts_by_type(entry.settings).items()}
        for entry in entries
    ]
    told = list(entries)
    earlier: dict[tuple[str, str], list[int]] = {}
    base = [place for place, entry in enumerate(entries) if entry is baseline]
    for place in sorted(range(len(entries)), key=lambda place: (entries[place].started, entries[place].name)):
        entry = entries[place]
        alike = earlier.setdefault((entry.first.family, entry.first.dataset), [])
        others = alike if baseline is None else [other for other in base if other != place]
        if only is None or only is entry:
            told[place] = _told(entry, parts[place], [(entries[other], parts[other]) for other in reversed(others)])
        alike.append(place)
    return told


def _told(entry: Entry, parts: dict[str, Any], others: Sequence[tuple[Entry, dict[str, Any]]]) -> Entry:
    """Compare a row with the one of several that it differs least from, the first of equal ones."""
    fewest: int | None = None
    for other, of_other in others:
        # As many changes as the fewest so far need no counting on.
        changes = tuple(islice(changes_of_parts(of_other, parts), fewest))
        if fewest is None or len(changes) < fewest:
            fewest = len(changes)
            entry = replace(entry, parent=other.name, changes=changes)
    return entry
