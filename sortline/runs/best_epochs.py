"""At which epoch each fold of an experiment was best."""

from __future__ import annotations

import os
import re
import statistics
from dataclasses import dataclass
from pathlib import Path

from sortline.errors import InputError, Problem, counted, tool_command
from sortline.files import missing_part
from sortline.runs.checkpoints import find_checkpoint
from sortline.runs.run_folder import fold_folders
from sortline.runs.run_record import TRAINED, RunRecord, read_record

BEST = re.compile(r"best_.*_epoch_(\d+)\.pth")


@dataclass(frozen=True)
class BestEpochs:
    """What the folds of an experiment found.

    Attributes:
        epochs: Epoch of each fold's best checkpoint, by fold.
        records: The folds' records, by fold.
    """

    epochs: dict[int, int]
    records: dict[int, RunRecord]

    @property
    def median(self) -> int:
        """Median of the epochs; between two, the later."""
        return int(statistics.median_high(self.epochs.values()))

    def __str__(self) -> str:
        """List them: ``fold 0: 11, fold 1: 12``."""
        return counted([f"fold {fold}: {epoch}" for fold, epoch in sorted(self.epochs.items())], limit=10)


def best_epochs(folder: str | os.PathLike[str]) -> BestEpochs:
    """Read at which epoch the folds of an experiment were best.

    Args:
        folder: Run folder that holds ``fold_0``, ``fold_1`` and so on.

    Raises:
        InputError: It holds no folds, or some of them were not trained to their end, kept no best checkpoint, or were
            decided by another score than the first one.
    """
    runs = fold_folders(folder)
    if not runs:
        remedy = missing_part(Path(folder) / "fold_0") or "train the folds first: python tools/train_folds.py CONFIG"
        raise InputError(Problem(str(folder), "holds no runs of folds", remedy))
    epochs: dict[int, int] = {}
    records: dict[int, RunRecord] = {}
    problems: list[Problem] = []
    for fold, path in runs.items():
        try:
            records[fold] = _trained_record(path)
            epochs[fold] = _best_epoch(path)
        except InputError as error:
            problems += error.problems
    names = {fold: record.deciding_name for fold, record in records.items()}
    for fold in [fold for fold, name in names.items() if name != next(iter(names.values()))]:
        what = f"was decided by {names[fold] or 'nothing'}, the first fold by {next(iter(names.values())) or 'nothing'}"
        problems.append(Problem(str(runs[fold]), what, "train the folds alike: their best epochs don't compare"))
    if problems:
        raise InputError(problems)
    return BestEpochs(epochs, records)


def _trained_record(folder: Path) -> RunRecord:
    record = read_record(folder)
    if record is None or record.status != TRAINED:
        config = record.config if record else "CONFIG"
        fold = folder.name.removeprefix("fold_")
        remedy = "finish it: " + tool_command("tools/train_folds.py", config, "--folds", fold)
        raise InputError(Problem(str(folder), "was not trained to its end", remedy))
    return record


def _best_epoch(folder: Path) -> int:
    name = find_checkpoint(folder).name
    match = BEST.fullmatch(name)
    if match is None:
        what = f"kept no best checkpoint of an epoch; it has {name}"
        raise InputError(Problem(str(folder), what, "train the folds with default_hooks.checkpoint.save_best"))
    return int(match[1])
