"""Turn COCO results into the contest's submission CSV, or with --to-coco a submission back into COCO results.

Coordinates are carried over exactly, to the last digit, in both directions. Another team's CSV, with columns or
rows in its own order, is written anew in the contest's form.
"""

import argparse
from pathlib import Path

import _bootstrap  # noqa: F401

from sortline.cli import run_tool

EXAMPLES = """examples:
  python tools/to_submission.py work_dirs/run/predictions/test.bbox.json --ann data/test.json --out submission.csv
  python tools/to_submission.py submission.csv --ann data/test.json --out test.bbox.json --to-coco
  python tools/to_submission.py theirs.csv --ann data/test.json --out submission.csv
"""


def main(argv: list[str] | None = None) -> Path:
    """Convert as the command line says and return the file written."""
    args = parse_args(argv)

    from sortline.data.annotations import read_annotations
    from sortline.predictions.read import read_predictions
    from sortline.predictions.results import write_results
    from sortline.predictions.submission import write_submission

    annotations = read_annotations(args.ann)
    results = read_predictions(args.predictions, annotations)
    if args.to_coco:
        write_results(args.out, results)
        print(f"{args.out}: {len(results):,} boxes on {len(annotations['images']):,} images")
    else:
        summary = write_submission(args.out, results, annotations)
        print(f"{args.out}: {summary}")
    return args.out


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("predictions", metavar="PRED", type=Path, help="COCO results json, or a submission CSV")
    parser.add_argument("--ann", required=True, type=Path, help="COCO json of the images that were detected on")
    parser.add_argument("--out", required=True, type=Path, help="file to write")
    parser.add_argument("--to-coco", action="store_true", help="read a submission CSV, write COCO results")
    args = parser.parse_args(argv)
    if args.out.resolve() in {args.ann.resolve(), args.predictions.resolve()}:
        parser.error(f"--out {args.out} would overwrite what is read")
    if not args.to_coco and args.out.suffix.lower() == ".json":
        parser.error(f"--out {args.out} is a json: add --to-coco to write COCO results")
    if args.to_coco and args.predictions.suffix.lower() == ".json":
        parser.error(f"{args.predictions} is a json: leave out --to-coco to turn it into a submission")
    return args


if __name__ == "__main__":
    run_tool(main)
