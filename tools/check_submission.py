"""Check a submission CSV against the annotation file of its images and report everything wrong at once.

Exit status 0 for a valid file, 2 for one that the contest would reject or score wrongly.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import _bootstrap  # noqa: F401

from custom_modules.cli import run_tool
from custom_modules.errors import InputError

if TYPE_CHECKING:
    from custom_modules.predictions.submission import SubmissionSummary

EXAMPLES = """example:
  python tools/check_submission.py submission.csv --ann data/test.json
"""


def main(argv: list[str] | None = None) -> "SubmissionSummary":
    """Check as the command line says and return what the file holds."""
    args = parse_args(argv)

    from custom_modules.coco.annotations import read_annotations
    from custom_modules.predictions.submission import inspect_submission

    problems, summary = inspect_submission(args.submission, read_annotations(args.ann))
    if problems:
        raise InputError(problems)
    print(f"{args.submission} is valid: {summary}")
    return summary


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("submission", metavar="CSV", type=Path, help="submission to check")
    parser.add_argument("--ann", required=True, type=Path, help="COCO json of the images to submit (test.json)")
    return parser.parse_args(argv)


if __name__ == "__main__":
    run_tool(main)
