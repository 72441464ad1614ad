"""Which files of a run are worth keeping beside its numbers, named so that runs that share them are linked."""

from __future__ import annotations

from pathlib import Path

from sortline.runs.run_folder import artifact_name
from sortline.runs.run_record import NAME, SUBMISSION, TEST_PREDICTIONS, VAL_PREDICTIONS, RunRecord
from sortline.tracking.facts import Files

BEST, LATEST = "best", "latest"


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
    names = (NAME, record.git.diff_file) if record.git.diff_file else (NAME,)
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
