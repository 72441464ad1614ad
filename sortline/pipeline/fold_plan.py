"""From one command line to the runs of all folds."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sortline.errors import InputError, Problem, tool_command
from sortline.pipeline import edit as edits
from sortline.pipeline.compose import load_config
from sortline.pipeline.folds import available_folds, check_together
from sortline.pipeline.options import add_training_arguments
from sortline.pipeline.prepare import prepare_training
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


def plan_fold_runs(args: argparse.Namespace, options: Sequence[str]) -> FoldPlan:
    """Check a config on every fold and plan their runs.

    Args:
        args: Options of the config and of training, and ``folds``: their numbers, None for all that were made.
        options: The same as on the command line, to be passed on.

    Raises:
        InputError: The config or a fold's files are not sound, or there are no folds.
    """
    cfg = load_config(args.config, args.cfg_options)
    edits.use_work_dir(cfg, args.work_dir, args.smoke)
    if args.data_root is not None:
        edits.use_data_root(cfg, args.data_root)
    root = Path(cfg.get("data_root") or ".")
    if not root.is_dir():
        remedy = "put the data there, or name its folder with --data-root"
        raise InputError(Problem("data_root", f"no such folder: {root}", remedy))
    found = available_folds(cfg)
    source = os.path.join(cfg.get("data_root") or "", cfg.ann_files.train)
    if not found and not args.folds:
        remedy = "make some: " + tool_command("tools/make_folds.py", source, "--folds", 5)
        raise InputError(Problem("--folds", f"there are no folds of {source}", remedy))
    folds = list(dict.fromkeys(args.folds or found))
    runs = [_plan_run(args, options, fold) for fold in folds]
    check_together(cfg, folds)
    return FoldPlan(runs, Path(cfg.work_dir), source)


def _plan_run(args: argparse.Namespace, options: Sequence[str], fold: int) -> PlannedRun:
    """Describe a fold's run. Photos are left to the run itself, which checks them all."""
    prepared = prepare_training(argparse.Namespace(**{**vars(args), "fold": fold}), parts=())
    options = [*options, "--fold", str(fold)]
    train = [str(TOOLS / "train.py"), *options]
    test = [str(TOOLS / "test.py"), *_known_to_test(options)]
    return PlannedRun(f"fold {fold}", Path(prepared.cfg.work_dir), prepared.record(), train, test)


def _known_to_test(options: Sequence[str]) -> list[str]:
    """Leave out the options, with their values, that say how to train."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    add_training_arguments(parser)
    return parser.parse_known_args(options)[1]
