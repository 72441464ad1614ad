"""Convert annotations between COCO json, Pascal VOC xml, YOLO txt, CSV and Roboflow's layout, with edits on the way.

The format of the source is recognised from what it is: a .json or .csv file (or a folder with train.json,
val.csv and the like), a folder with data.yaml (YOLO), with xml files (Pascal VOC), or with
train/_annotations.coco.json (Roboflow). Nothing is written unless everything is sound.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import _bootstrap  # noqa: F401

from sortline.cli import run_tool
from sortline.data.formats import FORMAT_NAMES
from sortline.errors import InputError, Problem

if TYPE_CHECKING:
    from sortline.data.formats.conversion import Converted

EXAMPLES = """examples:
  python tools/convert.py data/recycle/train.json --to yolo --out data/recycle_yolo
  python tools/convert.py data/recycle_yolo --to coco --out data/back
  python tools/convert.py exports/roboflow --split train --to coco --out data/more/train.json
  python tools/convert.py data/recycle/train.json --merge data/more/train.json --to coco --out data/both.json
  python tools/convert.py data/recycle/train.json --rename "Paper pack=Paper" --drop-classes Battery \\
      --to coco --out data/recycle/train_nine.json

Edits are done in this order: merge, match, rename, keep and drop, min-size, drop-empty, max-images.
"""


def main(argv: list[str] | None = None) -> "Converted":
    """Convert as the command line says and return what was done."""
    args = parse_args(argv)

    from sortline.data.dataset_edits import Edits
    from sortline.data.formats.conversion import ConvertRequest, convert

    edits = Edits(
        match=tuple(args.match),
        rename=parse_renames(args.rename),
        keep=tuple(args.keep_classes) if args.keep_classes is not None else None,
        drop=tuple(args.drop_classes),
        min_size=args.min_size,
        drop_empty=args.drop_empty,
        max_images=args.max_images,
        seed=args.seed,
    )
    report = convert(
        ConvertRequest(
            source=args.source,
            target_format=args.to,
            out=args.out,
            source_format=args.source_format,
            split=args.split,
            images=args.images,
            image_root=args.image_root,
            classes=tuple(args.classes.split(",")) if args.classes is not None else None,
            voc_origin=args.voc_origin,
            merge=tuple(args.merge),
            renumber=args.renumber,
            edits=edits,
            overwrite=args.overwrite,
        )
    )
    print(report)
    return report


def parse_renames(texts: list[str]) -> dict[str, str]:
    """Read ``OLD=NEW`` pairs.

    Raises:
        InputError: A text without ``=``, or a class renamed twice.
    """
    renames: dict[str, str] = {}
    problems = []
    for text in texts:
        old, sign, new = text.partition("=")
        if not sign:
            problems.append(Problem("--rename", f"{text!r} is not OLD=NEW", 'quote names with blanks: "Old name=new"'))
        elif old in renames:
            problems.append(Problem("--rename", f"renames {old!r} twice", "give it one new name"))
        renames[old] = new
    if problems:
        raise InputError(problems)
    return renames


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", metavar="SRC", type=Path, help="file or folder to read; it is never changed")
    parser.add_argument("--to", required=True, choices=FORMAT_NAMES, help="format to write")
    parser.add_argument(
        "--out", required=True, type=Path, help="folder to write; for coco and csv also one .json or .csv file"
    )
    parser.add_argument("--from", dest="source_format", choices=FORMAT_NAMES, help="format of SRC, if it is unclear")
    parser.add_argument(
        "--split",
        choices=("train", "val", "valid", "test"),
        help="the split to read of a source with several (default: all); "
        "else the name of what SRC becomes (default: what the file is called, or train)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace files that exist, never those of SRC")
    add_format_options(parser)
    add_edits(parser)
    return parser.parse_args(argv)


def add_format_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("photos and formats")
    group.add_argument(
        "--images",
        choices=("copy", "link", "none"),
        help="photos in --out (default: copy for yolo and roboflow, which find photos by their place; else none)",
    )
    group.add_argument("--image-root", metavar="DIR", type=Path, help="where file_name starts (default: SRC's folder)")
    group.add_argument("--classes", metavar="A,B,C", help="order of classes when reading voc or csv")
    origin = group.add_mutually_exclusive_group()
    origin.add_argument(
        "--voc-one-based",
        dest="voc_origin",
        action="store_const",
        const=1,
        help="Pascal VOC corners count pixels from 1, as its standard says (default)",
    )
    origin.add_argument("--voc-zero-based", dest="voc_origin", action="store_const", const=0, help="they count from 0")


def add_edits(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("edits")
    group.add_argument(
        "--merge", metavar="OTHER", type=Path, nargs="+", default=[], help="datasets of any format to join; new ids"
    )
    group.add_argument(
        "--match", metavar="GLOB", nargs="+", default=[], help="keep images whose file_name fits, such as 'train/00*'"
    )
    group.add_argument(
        "--rename", metavar="OLD=NEW", nargs="+", default=[], help="rename classes; several to one name join them"
    )
    group.add_argument("--keep-classes", metavar="CLASS", nargs="+", help="keep only these classes' boxes")
    group.add_argument("--drop-classes", metavar="CLASS", nargs="+", default=[], help="leave these classes' boxes out")
    group.add_argument("--min-size", metavar="PX", type=float, default=0.0, help="leave out boxes with a shorter side")
    group.add_argument("--drop-empty", action="store_true", help="leave out images without boxes")
    group.add_argument("--max-images", metavar="N", type=int, help="keep N images, drawn at random")
    group.add_argument("--seed", type=int, default=0, help="seed of --max-images (default: 0)")
    group.add_argument(
        "--renumber", action="store_true", help="count all ids from 0 again; old ones are kept as source_id"
    )


if __name__ == "__main__":
    run_tool(main)
