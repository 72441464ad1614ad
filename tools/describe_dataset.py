"""Describe a dataset: one page that opens offline, its charts as PNG, and every number as json."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import _bootstrap  # noqa: F401

from sortline.cli import run_tool

if TYPE_CHECKING:
    from sortline.data.describe.description import Description

EPILOG = """examples:
  python tools/describe_dataset.py data/recycle/train.json --test data/recycle/test.json
  python tools/describe_dataset.py annotations.json --image-root photos --out eda

Works without photos too; then what needs them is left out.
"""


def main(argv: list[str] | None = None) -> "Description":
    """Describe as the command line says and return what was found."""
    args = parse_args(argv)

    from sortline.data.describe.description import PAGE, describe_dataset

    out = args.out or default_out(args.ann)
    described = describe_dataset(args.ann, out, args.test, args.image_root, args.samples, args.seed)
    for finding in described.findings:
        print(f"{'!' if finding.is_warning else '-'} {finding.title}")
    if not described.train.has_photos:
        print(f"no photos found in {described.train.image_root}: described without them (--image-root DIR)")
    print(f"{out / PAGE}: open it in a browser")
    return described


def default_out(ann: Path) -> Path:
    """Name a folder of ``work_dirs/describe`` after a file and its folder, since many files are called train.json."""
    return Path("work_dirs") / "describe" / f"{ann.absolute().parent.name}-{ann.stem}".lstrip("-")


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("ann", metavar="ANN", type=Path, help="COCO annotation file to describe")
    parser.add_argument("--test", type=Path, metavar="JSON", help="another one to compare with; needs no annotations")
    parser.add_argument(
        "--image-root",
        type=Path,
        metavar="DIR",
        help="folder that every file_name starts from (default: the folder of each annotation file)",
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder to write to (default: work_dirs/describe/FOLDER-STEM)"
    )
    parser.add_argument(
        "--samples", type=int, default=8, metavar="N", help="photos a class on the sample sheets (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help="another seed shows other photos (default: %(default)s)")
    return parser.parse_args(argv)


if __name__ == "__main__":
    run_tool(main)
