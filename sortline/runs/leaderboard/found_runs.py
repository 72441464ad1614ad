"""Run folders below a folder, and what each one's run.json says of it, whichever version wrote it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from sortline.errors import InputError, Problem
from sortline.files import missing_part, read_json
from sortline.runs.named_score import LESS, decided_by, deciding_rule, recorded_best
from sortline.runs.run_folder import FOLD_FOLDER, RECORD, fold_folders
from sortline.runs.run_record import TRAINED
from sortline.runs.typed_json import finite_number

#: Folders inside run folders that hold no runs, and what only looks like one: two iterations of everything.
NO_RUNS = re.compile(r"\d{8}_\d{6}|wandb|predictions|split|smoke|predict")

Kind = TypeVar("Kind")


@dataclass(frozen=True)
class Run:
    """One run folder, as far as its record tells; older records tell less.

    Attributes:
        folder: Run folder.
        config: The config file.
        settings: The resolved config.
        fold: Number of the fold, if the run is one of several.
        is_trained: Whether training has come to its end.
        is_tested: Whether its validation predictions were scored.
        score: The deciding score of its test, else the best one in training; None without either.
        epochs: Epochs trained.
        seconds: Time of training, all starts together.
        started: When it was first started, ISO 8601 in UTC; empty if not known.
        commit: Git commit; empty if not known.
        is_dirty: Whether files differed from that commit; None if not known.
        device: What it was trained on; empty if not known.
        seed: Of the training.
        deciding_name: The metric that the score is of; empty if not known.
        falls: Whether a lower score is better.
    """

    folder: Path
    config: str
    settings: dict[str, Any]
    fold: int | None
    is_trained: bool
    is_tested: bool
    score: float | None
    epochs: int | None
    seconds: float | None
    started: str
    commit: str
    is_dirty: bool | None
    device: str
    seed: int | None
    deciding_name: str = ""
    falls: bool = False

    @property
    def is_fold(self) -> bool:
        """Whether it belongs to the experiment in the folder above."""
        return self.fold is not None and FOLD_FOLDER.fullmatch(Path(os.path.abspath(self.folder)).name) is not None

    @property
    def experiment(self) -> Path:
        """Folder of the experiment that it is a fold of; its own folder for a single run."""
        return Path(os.path.normpath(self.folder / "..")) if self.is_fold else self.folder

    @property
    def family(self) -> str:
        """Folder of the config: ``rtmdet`` of ``configs/rtmdet/rtmdet_s_1x_recycle.py``."""
        return Path(self.config).parent.name

    @property
    def dataset(self) -> str:
        """Last slot of the config's name: ``recycle``."""
        return Path(self.config).stem.rpartition("_")[2]


def find_runs(root: str | os.PathLike[str]) -> tuple[list[Run], list[Problem]]:
    """Find all runs below a folder, smoke runs left out.

    Returns:
        The runs by path, and what is wrong with those whose record can't be read.

    Raises:
        InputError: There is no such folder.
    """
    if not Path(root).is_dir():
        raise InputError(Problem(str(root), "no such folder", missing_part(root)))
    runs: list[Run] = []
    problems: list[Problem] = []
    for folder in _record_folders(Path(root)):
        try:
            runs.append(read_run(folder))
        except InputError as error:
            problems += error.problems
    return runs, problems


def runs_beside(folder: Path) -> list[Run]:
    """Read the runs of the folders beside one, its own among them, with their folds and no deeper.

    What can't be read is left out. A run folder may lie anywhere, so that searching all below its parent could mean
    searching a whole disk.

    Args:
        folder: Run folder, of a run or of an experiment with folds.
    """
    runs = []
    for beside in sorted(path for path in folder.parent.iterdir() if path.is_dir()):
        for place in (beside, *fold_folders(beside).values()):
            if (place / RECORD).is_file():
                with suppress(InputError):
                    runs.append(read_run(place))
    return runs


def _record_folders(root: Path) -> Iterator[Path]:
    """List the folders that hold a record, each once: links lead to run folders on another disk, or back."""
    seen: set[str] = set()
    for folder, inner, files in os.walk(root, followlinks=True):
        place = os.path.realpath(folder)
        if place in seen:
            inner.clear()
            continue
        seen.add(place)
        # A folder comes before the links to it.
        inner[:] = sorted(
            (name for name in inner if not NO_RUNS.fullmatch(name)),
            key=lambda name: (os.path.islink(os.path.join(folder, name)), name),
        )
        if RECORD in files:
            yield Path(folder)


def read_run(folder: Path) -> Run:
    """Read what a run folder's record says.

    Raises:
        InputError: It can't be read, or lacks what every record has.
    """
    content = read_json(folder / RECORD)
    if not isinstance(content, dict) or not {"config", "settings", "status"} <= content.keys():
        raise InputError(Problem(str(folder / RECORD), "is not a run's record", "move the folder away, or train again"))
    settings = _of(content, "settings", dict) or {}
    metrics, git = _of(content, "metrics", dict) or {}, _of(content, "git", dict) or {}
    is_trained, best = content["status"] == TRAINED, recorded_best(content)
    name = decided_by(best, settings, metrics)
    return Run(
        folder=folder,
        config=str(content["config"]),
        settings=settings,
        fold=_of(content, "fold", int),
        is_trained=is_trained,
        is_tested=bool(metrics),
        score=finite_number(metrics.get(name, best and best.value)),
        epochs=_epochs(content, settings, is_trained),
        seconds=finite_number(content.get("seconds")),
        started=_date(content.get("started")),
        commit=_of(git, "commit", str) or "",
        is_dirty=_of(git, "dirty", bool),
        device=_device(_of(content, "hardware", dict) or {}),
        seed=_of(_of(settings, "randomness", dict) or {}, "seed", int),
        deciding_name=name,
        falls=deciding_rule(settings) == LESS,
    )


def _of(content: Mapping[str, Any], key: str, kind: type[Kind]) -> Kind | None:
    """Return a value if it is of a kind."""
    value = content.get(key)
    return value if isinstance(value, kind) else None


def _date(value: Any) -> str:
    """Return an ISO date; an empty string for anything else."""
    try:
        return value if isinstance(value, str) and datetime.fromisoformat(value.replace("Z", "+00:00")) else ""
    except ValueError:
        return ""


def _epochs(content: Mapping[str, Any], settings: Mapping[str, Any], is_trained: bool) -> int | None:
    """Say how many epochs were trained: as the record counts, else those of the config once they are done."""
    done = _of(content, "epochs_done", int)
    if done is not None or not is_trained:
        return done
    return _of(_of(settings, "train_cfg", dict) or {}, "max_epochs", int)


def _device(hardware: Mapping[str, Any]) -> str:
    """Name what a run was trained on: its GPUs, else its processor."""
    gpus = _of(hardware, "devices", list) or []
    if len(gpus) > 1:
        return f"{len(gpus)} x {gpus[0]}"
    return str(gpus[0]) if gpus else _of(hardware, "cpu", str) or ""
