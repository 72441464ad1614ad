"""Train and test a config on every fold: resumes what is unfinished, skips what is done, sums it all up."""

import argparse
import os
import sys
from typing import TYPE_CHECKING

import _bootstrap  # noqa: F401
from _options import add_config_arguments, add_training_arguments, request_of, whole_number

from sortline.cli import run_tool
from sortline.errors import tool_command

if TYPE_CHECKING:
    from sortline.pipeline.fan_out import FoldPlan
    from sortline.runs.planned_runs import Outcome

EXAMPLES = """examples:
  python tools/make_folds.py data/recycle/train.json --folds 5
  python tools/train_folds.py configs/rtmdet/rtmdet_tiny_cspnext-pafpn-640_20e_recycle.py
  python tools/train_folds.py CONFIG --folds 0 2 4 --jobs 3     side by side, a GPU each where there are several

Run it again to go on where it was interrupted. Exit status 0 when every fold is done.
"""


def main(argv: list[str] | None = None) -> "list[Outcome]":
    """Run the folds as the command line says and return what became of each."""
    args = parse_args(argv)

    from rich.console import Console

    from sortline.pipeline.fan_out import plan_fold_runs
    from sortline.runs import planned_runs

    console = Console(highlight=False, soft_wrap=True)
    plan = plan_fold_runs(request_of(args), args.folds or ())
    console.print(f"{', '.join(run.name for run in plan.runs)}; at the same time: {args.jobs}")
    gpus = planned_runs.visible_gpus(dict(os.environ), planned_runs.nvidia_smi)
    outcomes = planned_runs.run_all(plan.runs, args.jobs, gpus)
    planned_runs.print_summary(console, outcomes)
    failures = {outcome.status for outcome in outcomes} - {0}
    if failures:
        sys.exit(2 if failures == {2} else 1)
    if not args.smoke:
        if any(outcome.what != "was done" for outcome in outcomes):
            track(plan, outcomes)
        print("next: " + tool_command("tools/collect_oof.py", plan.folder, "--ann", plan.source))
    return outcomes


def track(plan: "FoldPlan", outcomes: "list[Outcome]") -> None:
    """Show the mean of the folds where their runs are tracked."""
    from sortline.runs.run_record import read_record
    from sortline.tracking.trackers import track_folds

    record = read_record(plan.runs[0].folder)
    if record is not None:
        track_folds(record, plan.folder, [outcome.metrics for outcome in outcomes])


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--folds", nargs="+", type=whole_number, metavar="K", help="default: all that were made")
    parser.add_argument("--jobs", type=whole_number, default=1, metavar="N", help="runs at the same time (default: 1)")
    add_config_arguments(parser)
    add_training_arguments(parser)
    args = parser.parse_args(argv)
    if args.fold is not None:
        parser.error(f"--fold is for train.py; here it is --folds {args.fold}")
    if args.jobs < 1:
        parser.error("--jobs must be at least 1")
    return args


if __name__ == "__main__":
    run_tool(main)
