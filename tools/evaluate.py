"""Score predictions: contest mAP50 with its interval, COCO's numbers, every class; several files side by side.

Predictions are COCO results (.json) or a submission (.csv, matched by file_name). With several files the
difference of each to the first one is given with its own interval, from the same resampled images.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import _bootstrap  # noqa: F401

from sortline.cli import run_tool
from sortline.errors import InputError, Problem

if TYPE_CHECKING:
    from sortline.predictions.evaluation import Evaluation

EXAMPLES = """examples:
  python tools/evaluate.py --ann data/recycle/train.json --pred oof.bbox.json
  python tools/evaluate.py --ann data/recycle/train.json --pred baseline.bbox.json ensemble.csv --json scores.json
"""


def main(argv: list[str] | None = None) -> "Evaluation":
    """Evaluate as the command line says and return all numbers."""
    args = parse_args(argv)
    if args.json and args.json.resolve() in {path.resolve() for path in (args.ann, *args.pred)}:
        raise InputError(Problem(f"--json {args.json}", "would overwrite an input", "choose another file"))

    from sortline.files import write_json
    from sortline.predictions.evaluation import evaluate
    from sortline.predictions.evaluation_tables import as_json, print_evaluation

    evaluation = evaluate(args.ann, args.pred, args.bootstrap, args.seed)
    print_evaluation(evaluation)
    if args.json:
        write_json(args.json, as_json(evaluation), indent=1)
        print(f"all numbers: {args.json}")
    return evaluation


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ann", required=True, type=Path, help="COCO json with the ground truth (train.json)")
    parser.add_argument(
        "--pred",
        required=True,
        nargs="+",
        metavar="FILE",
        type=Path,
        help="COCO results (.json) or submissions (.csv); with several, the first is what the others are compared with",
    )
    parser.add_argument(
        "--bootstrap", metavar="N", type=int, default=1000, help="resamples for the intervals; 0: none (default: 1000)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the resamples (default: 0)")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write all numbers there")
    return parser.parse_args(argv)


if __name__ == "__main__":
    run_tool(main)
