"""What a run folder says of its run: settings, data, how far it came and what it scored."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from sortline.errors import InputError, Problem
from sortline.files import file_sha256, write_json
from sortline.runs.conditions import Conditions
from sortline.runs.git_state import GitState
from sortline.runs.named_score import Score, decided_by, recorded_best
from sortline.runs.run_folder import RECORD
from sortline.runs.typed_json import read_dataclass

#: Fields of many lines.
LONG = ("settings", "settings_types")
#: ``TRAINING`` also of a run that was killed, and could not say so.
TRAINING, TRAINED, STOPPED, FAILED = STATUSES = ("training", "trained", "stopped", "failed")


@dataclass(frozen=True)
class Start:
    """One start of a run, the first or a resumed one.

    Attributes:
        time: When, in ISO 8601, UTC.
        command: The command line, without secrets.
        resumed_from: Checkpoint that it went on from; empty for a new run.
        settings_sha256: Hash of its settings.
        git: Its code.
        seconds: How long it trained, so far as it could still say.
    """

    time: str
    command: str
    resumed_from: str = ""
    settings_sha256: str = ""
    git: GitState = field(default_factory=GitState)
    seconds: float = 0.0


@dataclass(frozen=True)
class RunRecord(Conditions):
    """A run, as ``run.json`` in its folder keeps it, with what it depended on and how it went.

    Attributes:
        config: The config file.
        settings: The resolved config, in values that JSON holds, without secrets.
        ann_files: ``path`` and ``sha256`` of the annotation files, by part: ``"train"``, ``"val"``, ``"test"``, and
            ``"train_1"`` and so on where several are trained on.
        fold: Number of the fold, if the run is one of several.
        status: ``"training"`` from the start on, ``"trained"`` when it has come to its end; ``"stopped"`` when it
            was asked to stop before, ``"failed"`` after an error.
        best_score: Best validation score in training, by which the best checkpoint was chosen.
        tested_checkpoint: File name of the checkpoint that was tested last; empty before any test.
        tested_images: Number of validation images that it predicted.
        metrics: What it measured on them.
        started: When the run began, in ISO 8601, UTC.
        finished: When it ended, however it ended; empty while it trains, and after a kill.
        seconds: How long it trained, over all starts.
        starts: Each of them.
        epochs_done: Complete epochs behind it.
        peak_memory_mib: Most memory that the first process held.
        peak_device_memory_mib: Most memory that it held on its GPU; None on a CPU.
        reason: Why it failed.
    """

    config: str
    settings: dict[str, Any]
    ann_files: dict[str, dict[str, str]]
    fold: int | None = None
    status: str = TRAINING
    best_score: Score | None = None
    tested_checkpoint: str = ""
    tested_images: int = 0
    metrics: dict[str, float] = field(default_factory=dict)
    started: str = ""
    finished: str = ""
    seconds: float = 0.0
    starts: list[Start] = field(default_factory=list)
    epochs_done: int = 0
    peak_memory_mib: float = 0.0
    peak_device_memory_mib: float | None = None
    reason: str = ""

    @property
    def deciding_name(self) -> str:
        """The metric that chose its best checkpoint, else the first that its test measured; empty without either."""
        return decided_by(self.best_score, self.settings, self.metrics)

    @property
    def score(self) -> Score | None:
        """The deciding score that its test measured, else the best one in training; None without either."""
        tested = self.metrics.get(self.deciding_name)
        return self.best_score if tested is None else Score(self.deciding_name, tested)

    def begun(self, start: Start, found: RunRecord | None = None) -> RunRecord:
        """Return the record of the run at a start.

        Args:
            start: The start.
            found: The folder's record, where the start goes on with its run.
        """
        begun = replace(self, status=TRAINING, started=start.time, starts=[start])
        if found is None:
            return begun
        return replace(
            begun,
            started=found.started or start.time,
            starts=[*found.starts, start],
            seconds=found.seconds,
            epochs_done=found.epochs_done,
            best_score=found.best_score,
            peak_memory_mib=found.peak_memory_mib,
            peak_device_memory_mib=found.peak_device_memory_mib,
            parent_checkpoint={**found.parent_checkpoint, **self.parent_checkpoint},
        )

    def after(self, seconds: float) -> RunRecord:
        """Return the record of the run when it has trained for so long since its last start."""
        starts = [*self.starts[:-1], replace(self.starts[-1], seconds=round(seconds, 1))]
        return replace(self, starts=starts, seconds=round(sum(start.seconds for start in starts), 1))

    def ended(self, status: str, reason: str = "") -> RunRecord:
        """Return the record of the run after its end.

        Args:
            status: ``TRAINED``, ``STOPPED`` or ``FAILED``.
            reason: Why it failed.
        """
        return replace(self, status=status, finished=utc_now(), reason=reason)

    def tested(self, checkpoint: str | os.PathLike[str], images: int, metrics: Mapping[str, float]) -> RunRecord:
        """Return the record of the run after a test of a checkpoint on a number of validation images."""
        numbers = {key: float(value) for key, value in metrics.items()}
        return replace(self, tested_checkpoint=Path(checkpoint).name, tested_images=images, metrics=numbers)

    def write(self, folder: str | os.PathLike[str]) -> None:
        """Keep the record in the run folder, whole or not at all."""
        content = asdict(self)
        own = [key for key in RunRecord.__annotations__ if key != "settings"]
        # What people look for comes first, what fills pages last.
        keys = [*own, *(key for key in content if key not in (*own, *LONG)), *LONG]
        write_json(Path(folder) / RECORD, {key: content[key] for key in keys}, indent=1)


def utc_now() -> str:
    """Return the time in ISO 8601, UTC, to the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def read_record(folder: str | os.PathLike[str]) -> RunRecord | None:
    """Read a run folder's record; None where there is none.

    Raises:
        InputError: The file is there and is not a record.
    """
    path = Path(folder) / RECORD
    if not path.exists():
        return None
    what = "is not a run's record"
    remedy = "it was written by another version, or changed; move the folder away and train again"
    record = read_dataclass(path, RunRecord, what, remedy, _renewed)
    if record.status not in STATUSES:
        raise InputError(Problem(str(path), f"{what}: its status is {record.status!r}", remedy))
    held_out_from = [record.held_out_from] if record.held_out_from else []
    files = [*record.ann_files.values(), *record.parent_checkpoint.values(), *held_out_from]
    if not all(file.keys() >= {"path", "sha256"} for file in files):
        raise InputError(Problem(str(path), f"{what}: it names a file without its path or sha256", remedy))
    return record


def _renewed(content: Any) -> Any:
    """Give the best score of a record of an earlier version, a number, the name that its settings tell."""
    if not isinstance(content, dict) or not isinstance(content.get("best_score"), int | float):
        return content
    best = recorded_best(content)
    return {**content, "best_score": best and asdict(best)}


def describe_files(paths: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Name annotation files by place and content; those that don't exist are left out.

    Args:
        paths: File of each part.
    """
    return {part: {"path": path, "sha256": file_sha256(path)} for part, path in paths.items() if Path(path).is_file()}
