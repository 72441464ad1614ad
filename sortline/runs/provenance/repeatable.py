"""Which runs can be repeated, and where; told before anything heavy is loaded."""

from __future__ import annotations

import os
from pathlib import Path

from sortline.errors import InputError, Problem, counted
from sortline.runs.provenance.frozen_settings import LOST
from sortline.runs.run_record import NAME, RunRecord, read_record


def repeatable_record(folder: str | os.PathLike[str]) -> RunRecord:
    """Return the record of a training run.

    Raises:
        InputError: The folder holds none, or its record lacks what repeating needs.
    """
    record = read_record(folder)
    if record is None:
        raise InputError(Problem(str(folder), f"holds no {NAME}", "name the folder of a run, such as work_dirs/x"))
    where = os.path.join(folder, NAME)
    if not record.starts:
        what = "tells of no training: it was tested alone, or trained by a version that recorded less"
        raise InputError(Problem(where, what, "train it again with tools/train.py"))
    if lost := record.settings_types.get(LOST):
        what = f"holds settings that are neither numbers, texts nor lists or dicts of these: {counted(lost)}"
        raise InputError(Problem(where, what, "train from the config file with tools/train.py"))
    return record


def repeat_folder(folder: str | os.PathLike[str], record: RunRecord) -> Path:
    """Name the folder that a run is repeated in unless the user chooses one.

    ``work_dirs/x_repeated`` for ``work_dirs/x``, ``work_dirs/x_repeated/fold_2`` for ``work_dirs/x/fold_2``, so that
    repeated folds are laid out as the folds are.

    Args:
        folder: The run's folder.
        record: Its record.
    """
    path = Path(os.path.abspath(folder))
    path = Path(folder) if path.name == Path(folder).name else path  # "." has a name of its own
    is_part = record.fold is not None or bool(record.settings.get("all_data"))
    if is_part and path.parent.name:
        return path.parent.with_name(f"{path.parent.name}_repeated") / path.name
    return path.with_name(f"{path.name}_repeated")


def check_free(folder: Path) -> None:
    """Make sure that a folder holds no run yet.

    Raises:
        InputError: It does.
    """
    if (folder / NAME).exists() or list(folder.glob("*.pth")):
        raise InputError(Problem(str(folder), "holds a run already", "choose another --work-dir, or move it away"))
