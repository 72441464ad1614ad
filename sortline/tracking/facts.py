"""What is told about a run beside numbers and pictures: files, notes to a person, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sortline.errors import RunStopped
from sortline.runs.run_folder import RECORD, SUBMISSION, TEST_PREDICTIONS, VAL_PREDICTIONS, artifact_name
from sortline.runs.run_record import RunRecord
from sortline.secrets import without_secrets

BEST, LATEST = "best", "latest"
INFO, WARN, ERROR = "INFO", "WARN", "ERROR"
FINISHED, INTERRUPTED, FAILED = "finished", "interrupted", "failed"


@dataclass(frozen=True)
class Files:
    """Files that a run made, or that it started from.

    Attributes:
        name: What they are called in every run that makes or uses them, such as ``"rtmdet_s_1x_recycle-model"``.
        kind: ``"model"``, ``"dataset"``, ``"predictions"``, ``"submission"`` or ``"run"``.
        paths: The files by their names within.
        aliases: Such as ``("best", "latest")``.
        used: Whether the run started from them rather than made them.
    """

    name: str
    kind: str
    paths: Mapping[str, Path]
    aliases: tuple[str, ...] = ("latest",)
    used: bool = False


@dataclass(frozen=True)
class Note:
    """Something that a person wants to hear at once.

    Attributes:
        title: What happened, in a few words.
        text: What is known about it.
        level: ``"INFO"``, ``"WARN"`` or ``"ERROR"``.
    """

    title: str
    text: str
    level: str = INFO


@dataclass(frozen=True)
class Ending:
    """How a run ended before its time.

    Attributes:
        status: ``"interrupted"`` where it can go on, ``"failed"`` otherwise.
        note: What to tell.
    """

    status: str
    note: Note

    @classmethod
    def of(cls, error: BaseException, run: str) -> Ending:
        """Describe what ended a run.

        Args:
            error: What was raised.
            run: The run's name.
        """
        if isinstance(error, RunStopped):
            return cls(INTERRUPTED, Note(f"stopped: {run}"[:64], f"{error}; go on with --resume", WARN))
        if isinstance(error, KeyboardInterrupt) or (isinstance(error, SystemExit) and not error.code):
            return cls(INTERRUPTED, Note(f"interrupted: {run}"[:64], "go on with --resume", WARN))
        reason = without_secrets(f"{type(error).__name__}: {error}"[:1000])
        return cls(FAILED, Note(f"failed: {run}"[:64], reason, ERROR))


def data_files(record: RunRecord) -> Files:
    """Return the annotation files that a run reads, its fold's among them.

    All experiments on a dataset share a name, and equal content is one version of it.
    """
    dataset = Path(record.config).stem.rpartition("_")[2]
    fold = "" if record.fold is None else f"-fold_{record.fold}"
    paths = {f"{part}.json": Path(file["path"]) for part, file in record.ann_files.items()}
    return Files(artifact_name(dataset + fold, "annotations"), "dataset", paths, used=True)


def record_files(run: str, folder: Path, record: RunRecord) -> Files:
    """Return what says how to repeat a run: its record, and the patch of its code where there is one."""
    names = (RECORD, record.git.diff_file) if record.git.diff_file else (RECORD,)
    return Files(artifact_name(run, "run"), "run", {name: folder / name for name in names})


def model_files(run: str, checkpoint: Path, is_best: bool) -> Files:
    """Return the checkpoint that a run ends with."""
    aliases = (BEST, LATEST) if is_best else (LATEST,)
    return Files(artifact_name(run, "model"), "model", {checkpoint.name: checkpoint}, aliases)


def used_model(run: str, checkpoint: Path) -> Files:
    """Return the checkpoint that a test starts from: the same file under the name that its training gave it."""
    return Files(artifact_name(run, "model"), "model", {checkpoint.name: checkpoint}, (), used=True)


def validation_files(run: str, folder: Path) -> Files:
    """Return what the best checkpoint predicts on the validation images."""
    return _predictions(run, folder, (VAL_PREDICTIONS,), (BEST, LATEST))


def tested_files(run: str, folder: Path) -> list[Files]:
    """Return what a test leaves: predictions, and the submission made of them."""
    submission = Files(artifact_name(run, "submission"), "submission", {SUBMISSION: folder / SUBMISSION})
    return [_predictions(run, folder, (VAL_PREDICTIONS, TEST_PREDICTIONS), (LATEST,)), submission]


def _predictions(run: str, folder: Path, names: tuple[Path, ...], aliases: tuple[str, ...]) -> Files:
    paths = {name.name: folder / name for name in names}
    return Files(artifact_name(run, "predictions"), "predictions", paths, aliases)
