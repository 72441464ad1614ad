"""Train a detector."""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import _bootstrap  # noqa: F401  (first: sets thread options before torch is imported)
from _options import (
    add_all_data,
    add_auto_batch,
    add_config_arguments,
    add_launcher,
    add_training_arguments,
    check_all_data,
    check_auto_batch,
    join_launcher,
    request_of,
)

from sortline.cli import run_tool
from sortline.errors import tool_command
from sortline.pipeline.request import RunRequest

EXAMPLES = """examples:
  python tools/train.py configs/rtmdet/rtmdet_tiny_cspnext-pafpn-640_20e_recycle.py --data-root data/recycle
  python tools/train.py CONFIG --dry-run          check everything and show the plan
  python tools/train.py CONFIG --smoke            two iterations of everything
  python tools/train.py CONFIG --resume           go on where the run was interrupted
  python tools/train.py CONFIG --auto-batch       the largest batch that fits the GPU, learning rate to go with it
  python tools/train.py CONFIG --fold 2           one of the folds of make_folds.py; all of them: train_folds.py
  python tools/train.py CONFIG --all-data         on all images, for the epochs that its folds found best
  python tools/train.py CONFIG --cfg-options train_cfg.max_epochs=30 train_dataloader.batch_size=8
"""


def main(argv: list[str] | None = None) -> Any:
    """Train as the command line says: return what ``run_training`` returns, or the plan of a dry run."""
    args = parse_args(argv)
    request = request_of(args)
    if args.dry_run:
        return show_plan(request)

    from sortline.pipeline.execute import train

    result = train(request)
    print_result(result, request)
    return result


def show_plan(request: RunRequest) -> Any:
    """Check everything, print the plan and leave no file behind."""
    from sortline.pipeline.edit import amp_problem
    from sortline.pipeline.prepare import check_training_run, device_type, draft_run
    from sortline.weights.fetch_pretrained import missing_lines

    with tempfile.TemporaryDirectory() as folder:
        run = check_training_run(draft_run(request), split_dir=folder)
        lines = run.lines + missing_lines(run.cfg, request.from_scratch)
        if problem := amp_problem(run.cfg, device_type()):
            lines.append(f"warning: {problem}")

        from sortline.pipeline.plan import print_plan

        return print_plan(run.cfg, lines)


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_config_arguments(parser)
    parser.add_argument("--dry-run", action="store_true", help="check, print the plan and stop")
    resume = parser.add_mutually_exclusive_group()
    resume.add_argument(
        "--resume",
        nargs="?",
        const="auto",
        metavar="CHECKPOINT",
        help="continue an interrupted run: from its newest checkpoint, or from the one given",
    )
    resume.add_argument(
        "--resume-or-start",
        action="store_true",
        help="the same where there is a checkpoint, else start: for jobs that are queued again after an interruption",
    )
    add_training_arguments(parser)
    add_all_data(parser)
    add_auto_batch(parser)
    add_launcher(parser)
    args = parser.parse_args(argv)
    check_all_data(parser, args)
    check_auto_batch(parser, args)
    if args.resume_or_start:
        args.resume = "auto"
    join_launcher(args)
    return args


def print_result(result: dict[str, Any], request: RunRequest) -> None:
    """Say where the weights are and what to run next."""
    from sortline.runs.named_score import shown

    if "stopped" in result:
        again = tool_command("tools/train.py", *request.resumed().arguments())
        print(f"stopped by {result['stopped']}\ngo on with: {again}")
        return
    if result["best_checkpoint"] and Path(result["best_checkpoint"]).exists():
        print(f"best checkpoint: {result['best_checkpoint']} ({shown(result['best_score'])})")
    elif result["best_score"] is None:
        print(f"last checkpoint: {result['last_checkpoint']}")
    print(f"run folder: {result['work_dir']}")
    test = replace(request.for_test(), work_dir=result["work_dir"])
    print(f"next: {tool_command('tools/test.py', *test.arguments())}")


if __name__ == "__main__":
    run_tool(main)
