"""One request for many runs: a run of each fold, or of each config and seed of an ablation."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sortline.errors import InputError, Problem, tool_command
from sortline.pipeline.prepare import check_training_run, draft_run
from sortline.pipeline.request import RunRequest
from sortline.pipeline.validation_part import available_folds, check_together
from sortline.runs.planned_runs import PlannedRun

TOOLS = Path(__file__).resolve().parents[2] / "tools"


@dataclass(frozen=True)
class FoldPlan:
    """The runs of a config's folds.

    Attributes:
        runs: One a fold.
        folder: Run folder that holds theirs.
        source: Annotation file that the folds were made from.
    """

    runs: list[PlannedRun]
    folder: Path
    source: str


def plan_fold_runs(request: RunRequest, folds: Sequence[int] = ()) -> FoldPlan:
    """Check a config on every fold and plan their runs.

    Args:
        request: What is asked for of each fold.
        folds: Their numbers; all that were made unless given.

    Raises:
        InputError: The config or a fold's files are not sound, or there are no folds.
    """
    cfg = draft_run(request).cfg
    root = Path(cfg.get("data_root") or ".")
    if not root.is_dir():
        remedy = "put the data there, or name its folder with --data-root"
        raise InputError(Problem("data_root", f"no such folder: {root}", remedy))
    found = available_folds(cfg)
    source = os.path.join(cfg.get("data_root") or "", cfg.ann_files.train)
    if not found and not folds:
        remedy = "make some: " + tool_command("tools/make_folds.py", source, "--folds", 5)
        raise InputError(Problem("--folds", f"there are no folds of {source}", remedy))
    folds = list(dict.fromkeys(folds or found))
    runs = [planned_run(f"fold {fold}", replace(request, fold=fold)) for fold in folds]
    check_together(cfg, folds)
    return FoldPlan(runs, Path(cfg.work_dir), source)


def plan_ablation(requests: Sequence[RunRequest], seeds: Sequence[int], folder: Path) -> list[list[PlannedRun]]:
    """Check every config and plan a run of it with each seed.

    Args:
        requests: One for each config, a row each.
        seeds: Of the runs.
        folder: Holds the run folders, ``<config>/seed_<N>``.

    Returns:
        The runs, by row and seed.

    Raises:
        InputError: A config is not sound, or configs or seeds are named twice.
    """
    names = [Path(request.config).stem for request in requests]
    problems = [
        Problem(str(item), f"this {what} is given twice", "name each once")
        for what, items in (("config", names), ("seed", seeds))
        for item in dict.fromkeys(items)
        if list(items).count(item) > 1
    ]
    if problems:
        raise InputError(problems)

    def plan(request: RunRequest, name: str, seed: int) -> PlannedRun:
        request = replace(request, seed=seed, work_dir=str(folder / name / f"seed_{seed}"))
        return planned_run(f"{name} seed {seed}", request)

    rows = zip(requests, names, strict=True)
    return [[plan(request, name, seed) for seed in seeds] for request, name in rows]


def planned_run(name: str, request: RunRequest) -> PlannedRun:
    """Check a run's config and describe the run. Photos are left to the run itself, which checks them all.

    Args:
        name: What tells it from the others.
        request: What is asked for.

    Raises:
        InputError: The config is not sound.
    """
    with tempfile.TemporaryDirectory() as folder:  # another process may be training in the run folder
        run = check_training_run(draft_run(request), parts=(), split_dir=folder)
        train = [str(TOOLS / "train.py"), *request.arguments()]
        test = [str(TOOLS / "test.py"), *request.for_test().arguments()]
        return PlannedRun(name, Path(run.cfg.work_dir), run.record(), train, test)
