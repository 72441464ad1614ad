"""Draw the embedded dataset: photos of recycling trash in the contest's own files and shape."""

import _bootstrap  # noqa: F401  # isort: skip

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from sortline.cli import run_tool

EPILOG = """\
example:
  python tools/make_demo_data.py data/demo

It makes train.json with train/0000.jpg ..., test.json (no annotations) with test/0000.jpg ..., and
test_answers.json: test.json with the annotations. The same arguments always give the same files; a folder that
holds them already is left alone, and one made with other arguments is replaced.
"""


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", metavar="OUT", type=Path, help="folder to make")
    parser.add_argument("--seed", type=int, default=0, help="another seed gives other photos (default: %(default)s)")
    parser.add_argument("--train", type=int, default=680, metavar="N", help="train photos (default: %(default)s)")
    parser.add_argument("--test", type=int, default=120, metavar="N", help="test photos (default: %(default)s)")
    parser.add_argument("--size", type=int, default=320, metavar="PX", help="side of a photo (default: %(default)s)")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> bool:
    """Draw the dataset unless it's there already; return whether anything was drawn."""
    args = parse(argv)
    # After the arguments are read: --help need not wait for OpenCV.
    from sortline.data.demo.demo_data import DemoPlan, make_demo_data

    plan = DemoPlan(train=args.train, test=args.test, size=args.size, seed=args.seed)
    if sys.stderr.isatty():
        print(f"drawing {plan.train + plan.test:,} photos ...", file=sys.stderr)
    drawn = make_demo_data(args.out, plan)
    photos = f"{plan.train:,} train and {plan.test:,} test photos"
    print(f"{args.out}: {photos}" if drawn else f"{args.out}: {photos} are there already")
    return drawn


if __name__ == "__main__":
    run_tool(main)
