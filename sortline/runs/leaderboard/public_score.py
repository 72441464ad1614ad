"""The public score of a run's submission, entered by hand and kept in the run folder."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path

from sortline.errors import InputError, Problem, tool_command
from sortline.files import file_sha256, missing_part, write_json
from sortline.runs.conditions import utc_now
from sortline.runs.run_record import NAME as RECORD
from sortline.runs.run_record import SUBMISSION, fold_folders
from sortline.runs.typed_json import read_dataclass

NAME = "public_score.json"


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
        InputError: There is no such folder, it holds no run, or the score is none.
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
    write_json(root / NAME, asdict(entry), indent=1)
    return root / NAME


def read_score(folder: str | os.PathLike[str]) -> PublicScore | None:
    """Read a run folder's public score; None if none was entered.

    Raises:
        InputError: The file is there and holds no score.
    """
    path = Path(folder) / NAME
    if not path.is_file():
        return None
    remedy = "enter it again: " + tool_command("tools/leaderboard.py", "--enter", folder, "--public", "SCORE")
    entry = read_dataclass(path, PublicScore, "holds no public score", remedy)
    if not 0 <= entry.score <= 1:
        raise InputError(Problem(str(path), f"holds no public score: {entry.score:g}", remedy))
    return entry
