"""The demo: every stage from drawn photos to a checked submission, as the commands that a user would type."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from sortline.data.annotations import read_annotations
from sortline.errors import InputError, Problem, tool_command
from sortline.predictions.draw_results import comparison_sheet
from sortline.predictions.matching import Matches
from sortline.predictions.read import read_results
from sortline.predictions.score import Scores, score
from sortline.reports.tables import Table
from sortline.runs.run_folder import SUBMISSION, TEST_PREDICTIONS

CONFIG = "configs/demo/gfl_efficientnet-lite0_fpn-256_4e_demo.py"


@dataclass(frozen=True)
class Paths:
    """Where the demo's files are.

    Attributes:
        data: The drawn dataset.
        work_dir: Run folder.
    """

    data: Path = Path("data/demo")
    work_dir: Path = Path("work_dirs") / Path(CONFIG).stem

    @property
    def submission(self) -> Path:
        """The CSV to hand in."""
        return self.work_dir / SUBMISSION

    @property
    def predictions(self) -> Path:
        """COCO results of the test photos."""
        return self.work_dir / TEST_PREDICTIONS

    @property
    def answers(self) -> Path:
        """The test photos' annotations, which no stage but the scoring reads."""
        return self.data / "test_answers.json"

    @property
    def picture(self) -> Path:
        """Ground truth beside predictions."""
        return self.work_dir / "comparison.png"


def stages(paths: Paths, options: list[str]) -> dict[str, list[str]]:
    """List the demo's commands by stage."""
    run = [CONFIG, "--data-root", str(paths.data), "--work-dir", str(paths.work_dir), *options]
    return {
        "draw photos": ["tools/make_demo_data.py", str(paths.data)],
        "train": ["tools/train.py", *run],
        "test": ["tools/test.py", *run],
        "check submission": [
            "tools/check_submission.py",
            str(paths.submission),
            "--ann",
            str(paths.data / "test.json"),
        ],
    }


def run_demo(paths: Paths, options: list[str]) -> Scores:
    """Run all stages, score the test photos against the kept answers, draw the picture, print the summary.

    Raises:
        InputError: A stage failed; its own message stands above.
    """
    console = Console(highlight=False)
    seconds: dict[str, float] = {}

    def timed(name: str, step: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        result = step()
        seconds[name] = time.perf_counter() - start
        return result

    for name, command in stages(paths, options).items():
        console.rule(Text(f"{name}: {tool_command(*command)}"))
        timed(name, lambda name=name, command=command: _run_stage(name, command))  # type: ignore[misc]
    scores: Scores = timed("score and draw", lambda: _score_and_draw(paths))
    _print_summary(console, paths, scores, seconds)
    return scores


def _run_stage(name: str, command: list[str]) -> None:
    status = subprocess.run([sys.executable, *command], check=False).returncode
    if status:
        what = f"failed with status {status}; the reason stands above"
        raise InputError(Problem(f"demo stage '{name}'", what, f"run it alone: {tool_command(*command)}"))


def _score_and_draw(paths: Paths) -> Scores:
    answers = read_annotations(paths.answers)
    results = read_results(paths.predictions, answers)
    comparison_sheet(answers, results, paths.data, paths.picture)
    return score(Matches.of(answers, results))


def _print_summary(console: Console, paths: Paths, scores: Scores, seconds: dict[str, float]) -> None:
    console.rule("summary")
    times = {**seconds, "all": sum(seconds.values())}
    Table(("", ""), [(name, f"{value:.0f} s") for name, value in times.items()], "time a stage").print(console)
    console.print(f"mAP50 on {scores.images} photos it never saw: {scores.map50:.3f}")
    tracked = sorted((paths.work_dir / "wandb").glob("offline-run-*"))
    best = sorted(paths.work_dir.glob("best_*.pth"), key=lambda path: path.stat().st_mtime)
    for label, path in (
        ("submission", paths.submission),
        ("checkpoint", best[-1] if best else paths.work_dir),
        ("picture", paths.picture),
        ("wandb run (offline)", tracked[-1] if tracked else None),
    ):
        if path is not None:
            console.print(f"{label}: {path}", soft_wrap=True)
