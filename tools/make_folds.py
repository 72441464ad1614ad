"""Split an annotation file into folds whose images and boxes are alike, or hold out a part for validation.

Each image is validated on in exactly one fold. Classes, boxes an image, object sizes and the number of images are
balanced at once; images that show the same scene stay together. Ids, order and all other keys stay as they are.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import _bootstrap  # noqa: F401

from sortline.cli import run_tool

if TYPE_CHECKING:
    from sortline.data.folding.split_dataset import SplitDataset

EXAMPLES = """examples:
  python tools/make_folds.py data/recycle/train.json --folds 5
  python tools/make_folds.py data/recycle/train.json --groups scenes.csv --seed 1 --overwrite
  python tools/make_folds.py data/recycle/train.json --like data/recycle/test.json
  python tools/make_folds.py data/recycle/train.json --val-fraction 0.1

writes to --out: folds/fold_<k>_train.json, folds/fold_<k>_val.json, folds/report.json and folds.csv;
with --val-fraction: holdout_train.json, holdout_val.json and holdout_report.json
"""


def main(argv: list[str] | None = None) -> "SplitDataset":
    """Split as the command line says and return the split."""
    args = parse_args(argv)

    from sortline.data.folding.balance import balance_table
    from sortline.data.folding.split_dataset import FoldOptions, split_dataset

    options = {name: value for name, value in vars(args).items() if name not in ("annotations", "out")}
    split = split_dataset(args.annotations, args.out, FoldOptions(**options))
    balance_table(split.balance, str(args.annotations)).print()
    print("\n".join(split.notes))
    print(f"{len(split.paths)} files written: {split.paths[0]} ... {split.paths[-1]}")
    return split


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("annotations", metavar="ANN", type=Path, help="COCO json to split")
    parser.add_argument("--out", metavar="DIR", type=Path, help="folder for the files (default: that of ANN)")
    parts = parser.add_mutually_exclusive_group()
    parts.add_argument("--folds", metavar="K", type=int, default=5, help="number of folds (default: 5)")
    parts.add_argument("--val-fraction", metavar="F", type=float, help="hold out this share of the images instead")
    parser.add_argument("--seed", metavar="N", type=int, default=0, help="another seed gives other folds (default: 0)")
    groups = parser.add_argument_group("images that stay together (several ways add up)")
    groups.add_argument("--group-key", metavar="KEY", help="key in the entries of 'images', such as scene")
    groups.add_argument(
        "--groups", dest="groups_csv", metavar="CSV", type=Path, help="table with the header file_name,group"
    )
    groups.add_argument(
        "--near-duplicates",
        action=argparse.BooleanOptionalAction,
        help="photos of one scene, found by comparing them (default: where the photos are there)",
    )
    groups.add_argument(
        "--image-root", metavar="DIR", type=Path, help="folder that file_name starts from (default: that of ANN)"
    )
    like = parser.add_argument_group("folds like the test set")
    like.add_argument(
        "--like", metavar="JSON", type=Path, help="choose the seed whose validation parts are most like it"
    )
    like.add_argument("--tries", metavar="N", type=int, default=20, help="seeds to try, from --seed on (default: 20)")
    parser.add_argument("--overwrite", action="store_true", help="replace the files of another split")
    return parser.parse_args(argv)


if __name__ == "__main__":
    run_tool(main)
