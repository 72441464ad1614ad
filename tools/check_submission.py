"""Check a submission CSV against the annotation file of its images and report everything wrong at once.

With --against, compare it with another submission as well: boxes added, lost, moved, relabelled; agreement.

Exit status 0 for a valid file, 2 for one that the contest would reject or score wrongly.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import _bootstrap  # noqa: F401

from sortline.cli import run_tool
from sortline.errors import InputError, tool_command

if TYPE_CHECKING:
    from sortline.data.annotations import CocoJson
    from sortline.predictions.compare_submissions import SubmissionDifference
    from sortline.predictions.submission_boxes import SubmissionReport

EXAMPLES = """examples:
  python tools/check_submission.py submission.csv --ann data/recycle/test.json
  python tools/check_submission.py new.csv --ann data/recycle/test.json --against old.csv
  python tools/check_submission.py new.csv --ann data/recycle/test.json --against old.csv --json changes.json
"""


def main(argv: list[str] | None = None) -> "tuple[SubmissionReport, SubmissionDifference | None]":
    """Check as the command line says; return what was found and how it differs from the other one, if asked."""
    args = parse_args(argv)

    from sortline.data.annotations import read_annotations

    annotations = read_annotations(args.ann)
    report = check(args.submission, annotations)
    return report, compare(report, args, annotations) if args.against else None


def check(path: Path, annotations: "CocoJson") -> "SubmissionReport":
    """Print what the file holds and what was tolerated; refuse it with all that is wrong."""
    from sortline.predictions.submission_boxes import inspect_submission

    report = inspect_submission(path, annotations)
    if report.problems:
        raise InputError(report.problems)
    if not report.notes:
        print(f"{path} is valid: {report.summary}")
        return report
    print(f"{path} can be read, though the contest may not read it all: {report.summary}")
    for note in report.notes:
        print(f"  - {note.what}" + (f"\n    {note.remedy}" if note.remedy else ""))
    command = tool_command("tools/to_submission.py", path, "--ann", "ANN", "--out", "NEW.csv")
    print(f"  in the contest's own form it is written by: {command}")
    return report


def compare(report: "SubmissionReport", args: argparse.Namespace, annotations: "CocoJson") -> "SubmissionDifference":
    """Print how the submission differs from the other one, and write it as JSON if asked."""
    from sortline.files import write_json
    from sortline.predictions.compare_submissions import compare_results, print_comparison
    from sortline.predictions.read import read_predictions
    from sortline.predictions.submission_boxes import to_results

    new, old = to_results(report.boxes, annotations), read_predictions(args.against, annotations)
    if args.score_thr:
        new, old = (results.take(results.scores >= args.score_thr) for results in (new, old))
    comparison = compare_results(new, old, annotations)
    print_comparison(comparison, args.submission.name, args.against.name)
    if args.json:
        write_json(args.json, comparison.to_json(), indent=1)
        print(f"wrote {args.json}")
    return comparison


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("submission", metavar="CSV", type=Path, help="submission to check")
    parser.add_argument("--ann", required=True, type=Path, help="COCO json of the images to submit (test.json)")
    parser.add_argument("--against", metavar="OLD", type=Path, help="submission (or COCO results) to compare with")
    parser.add_argument(
        "--score-thr",
        metavar="SCORE",
        type=float,
        default=0.0,
        help="compare only boxes of at least this score (default: all)",
    )
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the comparison as JSON")
    args = parser.parse_args(argv)
    if args.submission.suffix.lower() == ".json":
        parser.error(f"{args.submission} is a json: tools/to_submission.py makes a submission of COCO results")
    if not args.against and (args.json or args.score_thr):
        parser.error("--json and --score-thr belong to a comparison: add --against OLD")
    if args.json and args.json.resolve() in {path.resolve() for path in (args.submission, args.against, args.ann)}:
        parser.error(f"--json {args.json} would overwrite what is read")
    if not 0 <= args.score_thr <= 1:
        parser.error(f"--score-thr {args.score_thr:g} is not between 0 and 1")
    return args


if __name__ == "__main__":
    run_tool(main)
