"""A run's predictions of its validation images, checked against what its record says of them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from sortline.data.annotations import CocoJson, read_annotations
from sortline.errors import InputError, Problem, tool_command
from sortline.files import file_sha256, missing_part
from sortline.predictions.box_scores import box_score
from sortline.predictions.matching import Matches, Truth, match
from sortline.predictions.read import read_results
from sortline.predictions.results import Results
from sortline.runs.named_score import label, shown
from sortline.runs.run_folder import VAL_PREDICTIONS
from sortline.runs.run_record import TRAINED, RunRecord, read_record

#: Scores of a checkpoint in training and in its test differ by less, also on a GPU, which adds up in no fixed order.
SAME_CHECKPOINT = 1e-3


@dataclass(frozen=True)
class Validated:
    """What a run predicted for its validation images.

    Attributes:
        record: The run's.
        ann_file: The annotation file that it was validated on, whose content is the one that the record names.
        matches: Its detections, matched with that file, without images whose labels are predicted.
        left_out: Number of images whose labels are predicted.
    """

    record: RunRecord
    ann_file: Path
    matches: Matches
    left_out: int

    @property
    def fold(self) -> int | None:
        """Number of the fold, if the run is one of several."""
        return self.record.fold

    @property
    def annotations(self) -> CocoJson:
        """The annotation file's content, without images whose labels are predicted."""
        return self.matches.truth.annotations

    @property
    def results(self) -> Results:
        """The detections, by that file's ids."""
        return self.matches.results


def doubt_about_test(record: RunRecord) -> str:
    """Say that a test of a run's best checkpoint disagrees with what it scored in training; empty if it agrees.

    Args:
        record: The run's, after the test of its best checkpoint.
    """
    best = record.best_score
    tested = record.metrics.get(best.name) if best else None
    if tested is None or best is None or abs(tested - best.value) < SAME_CHECKPOINT:
        return ""
    return (
        f"this checkpoint scored {shown(best)} when training chose it and {tested:.4f} now: photos, annotations, "
        "settings or code are not the same as then"
    )


def finished_record(folder: Path, fold: int | None = None) -> RunRecord:
    """Return the record of a run that was trained to its end and tested.

    Args:
        folder: Run folder.
        fold: The fold that it is known to be, if it is one.

    Raises:
        InputError: It was not, or its validation predictions are gone.
    """
    record = read_record(folder)
    is_tested = record is not None and record.status == TRAINED and record.tested_checkpoint
    if record is None or not is_tested or not (folder / VAL_PREDICTIONS).is_file() or "val" not in record.ann_files:
        config = record.config if record else "CONFIG"
        command = tool_command("tools/test.py", config, "--work-dir", folder)
        if fold is not None:
            command = tool_command("tools/train_folds.py", config, "--folds", fold)
        raise InputError(Problem(str(folder), "has no predictions of its validation images", f"finish it: {command}"))
    return record


def read_validated(
    folder: Path, record: RunRecord, ann_dir: str | os.PathLike[str] | None = None, option: str = "--folds-dir"
) -> Validated:
    """Read a run's validation predictions with the file that they were made on.

    Args:
        folder: Run folder.
        record: As from :func:`finished_record`.
        ann_dir: Where the annotation file is now, if it has been moved since the run.
        option: The command-line option for that, for messages.

    Raises:
        InputError: The annotation file is gone or has changed since, or the predictions lack images or are not those
            that the run's test has scored.
    """
    run = "the run" if record.fold is None else f"fold {record.fold}"
    listed = record.ann_files["val"]
    ann_file = Path(listed["path"]) if ann_dir is None else Path(ann_dir) / Path(listed["path"]).name
    if not ann_file.is_file():
        remedy = f"{missing_part(ann_file)}; name the folder that holds it with {option}"
        raise InputError(Problem(str(ann_file), f"on which {run} was validated is not there", remedy))
    if file_sha256(ann_file) != listed["sha256"]:
        again = "test the run" if record.fold is None else "train the fold"
        remedy = f"{again} again, or bring back the file (its SHA-256 was {listed['sha256'][:12]}...)"
        raise InputError(Problem(str(ann_file), f"has changed since {run} was validated on it", remedy))
    annotations = read_annotations(ann_file)
    matches = match(Truth.of(annotations), read_results(folder / VAL_PREDICTIONS, annotations))
    if problem := _not_of_its_test(folder, record, matches):
        raise InputError(problem)
    return Validated(record, ann_file, *matches.with_true_labels())


def _not_of_its_test(folder: Path, record: RunRecord, matches: Matches) -> Problem | None:
    """Tell whether predictions lack images or are not those that the run's test has scored."""
    option = ("--work-dir", folder) if record.fold is None else ("--fold", record.fold)
    again = "test it again: " + tool_command("tools/test.py", record.config, *option)
    total = len(matches.truth.image_ids)
    if record.tested_images != total:
        what = f"its test predicted {record.tested_images:,} of {total:,} validation images, as a smoke run does"
        return Problem(str(folder), what, again)
    # One score tells, best the deciding one; a test without a score from boxes can't be compared.
    names = sorted(record.metrics, key=lambda name: name != record.deciding_name)
    score = next(filter(None, map(box_score, names)), None)
    if score is None:
        return None
    tested, found = record.metrics[score.name], score.value(matches) or 0.0
    if abs(found - tested) > score.tolerance:
        measured = f"scores {label(score.name)} {found:.4f}, but the run's test measured {tested:.4f}"
        return Problem(str(folder / VAL_PREDICTIONS), f"{measured}: it has been changed since", again)
    return None
