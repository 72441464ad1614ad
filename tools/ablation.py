"""Train several configs with several seeds each and say what every step from one to the next brings."""

import argparse
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import _bootstrap  # noqa: F401
from _options import add_overrides, seed, whole_number

from sortline.cli import run_tool
from sortline.errors import InputError, Problem, tool_command

if TYPE_CHECKING:
    from sortline.predictions.box_scores import BoxScore
    from sortline.runs.ablation import AblationRow
    from sortline.runs.planned_runs import PlannedRun

EXAMPLES = """examples:
  python tools/ablation.py configs/a.py configs/a-multiscale.py configs/a-multiscale-ema.py --seeds 0 1 2
  python tools/ablation.py A.py B.py --labels baseline "+ mosaic" --tta --jobs 2 --markdown table.md

Each config should be the one before it and one change. Run it again to go on where it was interrupted: runs that are
done stay. Scored on the validation photos, or with --ann on the test photos.
"""


def main(argv: list[str] | None = None) -> "list[AblationRow]":
    """Run the ablation as the command line says and return its rows."""
    args = parse_args(argv)

    from rich.console import Console

    from sortline.files import atomic_write
    from sortline.pipeline.fan_out import plan_ablation
    from sortline.pipeline.request import RunRequest
    from sortline.predictions.box_scores import common_score
    from sortline.runs import planned_runs
    from sortline.runs.ablation import table

    console = Console(highlight=False, soft_wrap=True, markup=False)
    shared = RunRequest("", args.cfg_options, args.data_root, smoke=args.smoke)
    requests = [replace(shared, config=config) for config in args.configs]
    planned = plan_ablation(requests, args.seeds, args.work_dir)
    outcomes = planned_runs.run_all([run for runs in planned for run in runs], args.jobs)
    planned_runs.print_summary(console, outcomes)
    failures = {outcome.status for outcome in outcomes} - {0}
    if failures:
        sys.exit(2 if failures == {2} else 1)
    decides, note = common_score([outcome.deciding_name for outcome in outcomes])
    rows = score(args, planned, decides)
    table(rows, decides).print(console)
    if note:
        console.print(note)
    if args.markdown:
        with atomic_write(args.markdown) as file:
            file.write(table(rows, decides).markdown())
        print(f"table: {args.markdown}")
    return rows


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("configs", nargs="+", metavar="CONFIG", help="config files, a row of the table each")
    parser.add_argument("--labels", nargs="+", metavar="TEXT", help="what the rows are called; default: the configs")
    parser.add_argument("--seeds", nargs="+", type=seed, default=[0, 1, 2], metavar="N", help="default: 0 1 2")
    parser.add_argument("--tta", action="store_true", help="a last row: the last config with test-time augmentation")
    parser.add_argument("--ann", metavar="FILE", help="ground truth of the test photos; default: the validation photos")
    parser.add_argument("--data-root", metavar="DIR", help="read the data from DIR instead of the configs' data_root")
    add_overrides(parser)
    parser.add_argument("--smoke", action="store_true", help="two iterations of everything, to see that it all runs")
    parser.add_argument(
        "--work-dir", type=Path, default=Path("work_dirs/ablation"), metavar="DIR", help="default: %(default)s"
    )
    parser.add_argument("--jobs", type=whole_number, default=1, metavar="N", help="runs at the same time (default: 1)")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table there as Markdown")
    args = parser.parse_args(argv)
    if args.jobs < 1:
        parser.error("--jobs must be at least 1")
    rows = len(args.configs) + args.tta
    if args.labels and len(args.labels) != rows:
        parser.error(f"--labels names {len(args.labels)} rows of {rows}")
    return args


def score(args: argparse.Namespace, planned: "list[list[PlannedRun]]", decides: "BoxScore") -> "list[AblationRow]":
    """Score the rows' predictions, those with test-time augmentation last."""
    from sortline.data.annotations import read_annotations
    from sortline.runs.ablation import score_rows
    from sortline.runs.run_folder import TEST_PREDICTIONS, VAL_PREDICTIONS
    from sortline.runs.run_record import read_record

    folders = [[run.folder for run in runs] for runs in planned]
    if args.tta:
        folders.append([test_with_tta(run) for run in planned[-1]])
    labels = args.labels or [Path(config).stem for config in args.configs] + ["TTA"] * args.tta
    if args.ann:
        path, predictions = args.ann, TEST_PREDICTIONS
    else:
        record = read_record(planned[0][0].folder)
        if record is None or "val" not in record.ann_files:
            what, remedy = "the configs name no validation photos to score on", "name the test photos' ground truth"
            raise InputError(Problem("--ann", what, remedy))
        path, predictions = record.ann_files["val"]["path"], VAL_PREDICTIONS
    rows = [(label, [folder / predictions for folder in row]) for label, row in zip(labels, folders, strict=True)]
    return score_rows(read_annotations(path), rows, decides)


def test_with_tta(run: "PlannedRun") -> Path:
    """Test a run with several views of each photo, unless that was done since its plain test; return the folder."""
    from sortline.runs.run_folder import TEST_PREDICTIONS

    folder = run.folder / "tta"
    done, plain = folder / TEST_PREDICTIONS, run.folder / TEST_PREDICTIONS
    if not done.is_file() or done.stat().st_mtime < plain.stat().st_mtime:
        status = subprocess.run([sys.executable, *run.test, "--tta"], check=False).returncode
        if status:
            remedy = "run it alone: " + tool_command(*run.test, "--tta")
            raise InputError(Problem(run.name, f"its test with --tta failed with status {status}", remedy))
    return folder


if __name__ == "__main__":
    run_tool(main)
