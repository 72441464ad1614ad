"""Train a detector."""

import argparse
import os
import shlex
import sys
import tempfile
from pathlib import Path
from typing import Any

import _bootstrap  # noqa: F401  (first: sets thread options before torch is imported)

from sortline.cli import run_tool
from sortline.errors import InputError, tool_command
from sortline.pipeline.options import (
    add_all_data,
    add_auto_batch,
    add_config_arguments,
    add_launcher,
    add_training_arguments,
    check_all_data,
    check_auto_batch,
)

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
    if args.dry_run:
        return show_plan(args)

    from sortline.pipeline import edit as edits
    from sortline.pipeline.prepare import prepare_training
    from sortline.runs.checkpoints import find_resume

    prepared = prepare_training(args)
    if args.resume_or_start:
        prepared = resumed_or_started(args, prepared)
    if args.auto_batch:
        prepared.lines += choose_batch(args, prepared.cfg)
    cfg, record = prepared.cfg, prepared.record()
    prepared.start.apply(cfg)
    if args.resume is not None:
        checkpoint = find_resume(cfg.work_dir, None if args.resume == "auto" else args.resume)
        edits.use_resume(cfg, checkpoint)
        print(f"resuming from {checkpoint}")
    cfg.launcher = args.launcher

    from sortline.pipeline import execute as running

    if problem := edits.amp_problem(cfg, running.device_type()):
        raise InputError(problem)
    result = running.run_training(cfg, record, prepared.lines, args.trust_checkpoint, args.from_scratch)
    print_result(result, args)
    return result


def resumed_or_started(args: argparse.Namespace, prepared: Any) -> Any:
    """Decide on ``--resume-or-start``: where there is nothing to resume, prepare a run from the start."""
    from sortline.pipeline.prepare import prepare_training
    from sortline.runs.checkpoints import find_resume

    try:
        find_resume(prepared.cfg.work_dir)
    except InputError:
        args.resume = None
        return prepare_training(args)
    return prepared


def show_plan(args: argparse.Namespace) -> Any:
    """Check everything, print the plan and leave no file behind."""
    from sortline.pipeline import edit as edits
    from sortline.pipeline.prepare import prepare_training
    from sortline.weights.fetch_pretrained import missing_lines

    with tempfile.TemporaryDirectory() as folder:
        prepared = prepare_training(args, split_dir=folder)
        prepared.lines += missing_lines(prepared.cfg, args.from_scratch)
        if args.auto_batch:
            prepared.lines += choose_batch(args, prepared.cfg)

        from sortline.pipeline import execute as running
        from sortline.pipeline.plan import print_plan

        if problem := edits.amp_problem(prepared.cfg, running.device_type()):
            prepared.lines.append(f"warning: {problem}")
        return print_plan(prepared.cfg, prepared.lines)


def choose_batch(args: argparse.Namespace, cfg: Any) -> list[str]:
    """Set the batch that ``--auto-batch`` asks for and return lines that say so."""
    if args.smoke:
        return ["auto-batch: not tried in a smoke run, whose batches hold two images"]
    if args.resume is not None:
        from sortline.pipeline.edit import use_batch_of
        from sortline.runs.run_record import read_record

        record = read_record(cfg.work_dir)
        if record is not None:
            return use_batch_of(cfg, record.settings)

    from sortline.pipeline.auto_batch import use_auto_batch

    return use_auto_batch(cfg, args.launcher)


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
    os.environ.setdefault("LOCAL_RANK", str(args.local_rank))  # torch's launcher passes it as an option
    return args


def print_result(result: dict[str, Any], args: argparse.Namespace) -> None:
    """Say where the weights are and what to run next."""
    from sortline.runs.score import shown

    if "stopped" in result:
        print(f"stopped by {result['stopped']}\ngo on with: {resume_command(args)}")
        return
    if result["best_checkpoint"] and Path(result["best_checkpoint"]).exists():
        print(f"best checkpoint: {result['best_checkpoint']} ({shown(result['best_score'])})")
    elif result["best_score"] is None:
        print(f"last checkpoint: {result['last_checkpoint']}")
    print(f"run folder: {result['work_dir']}")
    options = ["--data-root", args.data_root] if args.data_root else []
    options += ["--smoke"] if args.smoke else []
    options += ["--fold", args.fold] if args.fold is not None else []
    print("next: " + tool_command("tools/test.py", args.config, "--work-dir", result["work_dir"], *options))


def resume_command(args: argparse.Namespace) -> str:
    """Return the command that goes on with this run, from what it was started with."""
    given = ["--resume", "--resume-or-start", args.resume, f"--resume={args.resume}"]
    arguments = [argument for argument in sys.argv[1:] if argument not in given]
    return shlex.join(["python", sys.argv[0], *arguments, "--resume"])


if __name__ == "__main__":
    run_tool(main)
