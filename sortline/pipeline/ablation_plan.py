"""From the rows and seeds of an ablation to the runs that it needs."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from sortline.errors import InputError, Problem
from sortline.pipeline.fold_plan import TOOLS
from sortline.pipeline.options import add_config_arguments, add_training_arguments
from sortline.pipeline.prepare import prepare_training
from sortline.runs.planned_runs import PlannedRun


def plan_ablation(
    configs: Sequence[str], seeds: Sequence[int], folder: Path, options: Sequence[str]
) -> list[list[PlannedRun]]:
    """Check every config and plan a run of it with each seed.

    Args:
        configs: Config files, a row each.
        seeds: Of the runs.
        folder: Holds the run folders, ``<config>/seed_<N>``.
        options: Further options of train.py, for all runs.

    Returns:
        The runs, by row and seed.

    Raises:
        InputError: A config is not sound, or configs or seeds are named twice.
    """
    names = [Path(config).stem for config in configs]
    problems = [
        Problem(str(item), f"this {what} is given twice", "name each once")
        for what, items in (("config", names), ("seed", seeds))
        for item in dict.fromkeys(items)
        if list(items).count(item) > 1
    ]
    if problems:
        raise InputError(problems)
    parser = argparse.ArgumentParser()
    add_config_arguments(parser)
    add_training_arguments(parser)

    def plan(config: str, seed: int) -> PlannedRun:
        run_folder = folder / Path(config).stem / f"seed_{seed}"
        arguments = [config, "--work-dir", str(run_folder), "--seed", str(seed), *options]
        prepared = prepare_training(parser.parse_args(arguments), parts=())
        commands = ([str(TOOLS / tool), *arguments] for tool in ("train.py", "test.py"))
        return PlannedRun(f"{run_folder.parent.name} seed {seed}", run_folder, prepared.record(), *commands)

    return [[plan(config, seed) for seed in seeds] for config in configs]
