"""What a run folder says of its run: settings, data, how far it came and what it scored."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from custom_modules.errors import InputError, Problem
from custom_modules.files import file_sha256, read_json, write_json

NAME = "run.json"
#: Detections on the validation images, relative to the run folder.
VAL_PREDICTIONS = Path("predictions") / "val.bbox.json"
#: The same on the test images.
TEST_PREDICTIONS = Path("predictions") / "test.bbox.json"
#: The metric that runs are compared by.
SCORE = "contest/mAP50"
TRAINING, TRAINED = "training", "trained"


@dataclass(frozen=True)
class RunRecord:
    """A run, as ``run.json`` in its folder keeps it.

    Attributes:
        config: The config file.
        settings: The resolved config, in values that JSON holds, without secrets.
        ann_files: ``path`` and ``sha256`` of the annotation files, by part: ``"train"``, ``"val"``, ``"test"``, and
            ``"train_1"`` and so on where several are trained on.
        fold: Number of the fold, if the run is one of several.
        status: ``"training"`` from the start on, ``"trained"`` when it has come to its end.
        best_score: Best validation score, by which the best checkpoint was chosen.
        tested_checkpoint: File name of the checkpoint that was tested last; empty before any test.
        tested_images: Number of validation images that it predicted.
        metrics: What it measured on them.
    """

    config: str
    settings: dict[str, Any]
    ann_files: dict[str, dict[str, str]]
    fold: int | None = None
    status: str = TRAINING
    best_score: float | None = None
    tested_checkpoint: str = ""
    tested_images: int = 0
    metrics: dict[str, float] = field(default_factory=dict)

    def trained(self, best_score: float | None) -> RunRecord:
        """Return the record of the run after its end."""
        return replace(self, status=TRAINED, best_score=best_score)

    def tested(self, checkpoint: str | os.PathLike[str], images: int, metrics: Mapping[str, float]) -> RunRecord:
        """Return the record of the run after a test of a checkpoint on a number of validation images."""
        numbers = {key: float(value) for key, value in metrics.items()}
        return replace(self, tested_checkpoint=Path(checkpoint).name, tested_images=images, metrics=numbers)

    def write(self, folder: str | os.PathLike[str]) -> None:
        """Keep the record in the run folder, whole or not at all."""
        write_json(Path(folder) / NAME, asdict(self), indent=1)


def fold_folder(fold: int) -> str:
    """Name the folder of a fold's run within its experiment's."""
    return f"fold_{fold}"


def read_record(folder: str | os.PathLike[str]) -> RunRecord | None:
    """Read a run folder's record; None where there is none.

    Raises:
        InputError: The file is there and is not a record.
    """
    path = Path(folder) / NAME
    if not path.exists():
        return None
    content = read_json(path)
    try:
        record = RunRecord(**content)
        sound = record.status in (TRAINING, TRAINED) and all(
            isinstance(value, kind)
            for value, kind in (
                *((value, str) for file in record.ann_files.values() for value in (file["path"], file["sha256"])),
                (record.config, str),
                (record.settings, dict),
                (record.fold, int | None),
                (record.best_score, float | None),
                (record.tested_checkpoint, str),
                (record.tested_images, int),
                (record.metrics, dict),
            )
        )
    except (TypeError, KeyError, AttributeError):
        sound = False
    if not sound:
        remedy = "it was written by another version, or changed; move the folder away and train again"
        raise InputError(Problem(str(path), "is not a run's record", remedy))
    return record


def describe_files(paths: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Name annotation files by place and content; those that don't exist are left out.

    Args:
        paths: File of each part.
    """
    return {part: {"path": path, "sha256": file_sha256(path)} for part, path in paths.items() if Path(path).is_file()}
