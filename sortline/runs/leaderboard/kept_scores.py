"""Scores that a record does not hold: the public one, entered by hand, and the interval, measured once."""

from __future__ import annotations

import hashlib
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sortline.errors import InputError, Problem, tool_command
from sortline.files import cache_folder, file_sha256, missing_part, read_json, write_json
from sortline.predictions.bootstrap import Interval, interval, resamples
from sortline.predictions.box_scores import box_score
from sortline.predictions.ranking import mean_ap
from sortline.runs.run_folder import RECORD, SUBMISSION, VAL_PREDICTIONS, fold_folders
from sortline.runs.run_record import utc_now
from sortline.runs.typed_json import read_dataclass
from sortline.runs.validated import finished_record, read_validated

PUBLIC_SCORE = "public_score.json"
#: Of the bootstrap.
REPLICATES, SEED = 1000, 0


@dataclass(frozen=True)
class PublicScore:
    """What the contest's site said.

    Attributes:
        score: From 0 to 1.
        entered: When it was entered, ISO 8601 in UTC.
        submission_sha256: Of the folder's submission then; empty if it had none.
    """

    score: float
    entered: str
    submission_sha256: str = ""

    def is_of(self, folder: str | os.PathLike[str]) -> bool:
        """Tell whether the folder's submission is still the one that was scored, as far as that is known."""
        path = Path(folder) / SUBMISSION
        return not self.submission_sha256 or not path.is_file() or file_sha256(path) == self.submission_sha256


def enter_score(folder: str | os.PathLike[str], score: float) -> Path:
    """Keep a run's public score, in place of an earlier one.

    Args:
        folder: Run folder, of a run or of an experiment with folds.
        score: From 0 to 1.

    Returns:
        The file that holds it.

    Raises:
        InputError: There is no such folder, it holds no run, or the score is not between 0 and 1.
    """
    root = Path(folder)
    problems = []
    if not root.is_dir():
        problems.append(Problem(str(root), "no such run folder", missing_part(root)))
    elif not (root / RECORD).is_file() and not fold_folders(root):
        remedy = "name the folder of a run, or one that holds fold_0, fold_1 ..."
        problems.append(Problem(str(root), "holds no run", remedy))
    if not 0 <= score <= 1:
        remedy = "write the site's score as a share, such as 0.612"
        problems.append(Problem("--public", f"is {score:g}, not between 0 and 1", remedy))
    if problems:
        raise InputError(problems)
    submission = root / SUBMISSION
    digest = file_sha256(submission) if submission.is_file() else ""
    entry = PublicScore(score, utc_now(), digest)
    write_json(root / PUBLIC_SCORE, asdict(entry), indent=1)
    return root / PUBLIC_SCORE


def read_score(folder: str | os.PathLike[str]) -> PublicScore | None:
    """Read a run folder's public score; None if none was entered.

    Raises:
        InputError: The file is there and holds no score.
    """
    path = Path(folder) / PUBLIC_SCORE
    if not path.is_file():
        return None
    remedy = "enter it again: " + tool_command("tools/leaderboard.py", "--enter", folder, "--public", "SCORE")
    entry = read_dataclass(path, PublicScore, "holds no public score", remedy)
    if not 0 <= entry.score <= 1:
        raise InputError(Problem(str(path), f"holds no public score: {entry.score:g}", remedy))
    return entry


def interval_over_images(folder: Path) -> Interval | None:
    """Measure the interval of a tested run's score over its validation images.

    What was measured is kept in the cache, and holds while record and predictions are the same files.

    Args:
        folder: Run folder.

    Returns:
        The 95% interval; None if predictions or images are not at hand, or the score doesn't follow from boxes.
    """
    try:
        facts: list[Any] = [REPLICATES, SEED]
        for path in (folder / RECORD, folder / VAL_PREDICTIONS):
            status = path.stat()
            facts += [str(path.resolve()), status.st_size, status.st_mtime_ns]
        kept = cache_folder() / "intervals" / f"{hashlib.sha256(repr(facts).encode()).hexdigest()[:24]}.json"
        if not kept.is_file():
            write_json(kept, asdict(_measure_interval(folder)))
        bounds = read_json(kept)
        return Interval(bounds["low"], bounds["high"])
    except (InputError, OSError, KeyError, ValueError, TypeError):  # moved, changed or damaged: no interval, no harm
        return None


def _measure_interval(folder: Path) -> Interval:
    record = finished_record(folder)
    score = box_score(record.deciding_name)
    if score is None:
        raise ValueError(f"{record.deciding_name} doesn't follow from boxes")
    matches = read_validated(folder, record).matches
    weights = resamples(len(matches.truth.image_ids), REPLICATES, SEED)
    measured = interval(mean_ap(score.of(matches)(weights)))
    if measured is None:
        raise ValueError("no boxes to be found")
    return measured
