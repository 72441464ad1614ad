"""Turn predictions of unlabelled images, such as the test images, into labels to train on.

Boxes from a score on become the annotations of a COCO json that training takes as a further source. The score is
given, or found: the lowest one from which on boxes were right often enough out of fold. With several files, others
than the first vote on its boxes.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import _bootstrap  # noqa: F401

from sortline.cli import numbers_by_class, run_tool
from sortline.errors import InputError, Problem, tool_command
from sortline.files import given_twice, overwriting

if TYPE_CHECKING:
    from sortline.data.annotations import CocoJson
    from sortline.predictions.pseudo_labelling.labelling import LabellingSettings, OutOfFold, PseudoLabels

EXAMPLES = """examples:
  python tools/make_pseudo_labels.py --ann data/recycle/test.json --pred test.bbox.json \\
      --train data/recycle/train.json --score-thr 0.6 Battery=0.4 --out data/recycle/pseudo.json

  from the score on at which nine in ten boxes were right out of fold, if two of three models agree:
  python tools/make_pseudo_labels.py --ann data/recycle/test.json --pred ensemble.json a.json b.json --min-agree 3 \\
      --precision 0.9 --oof oof.bbox.json --oof-ann data/recycle/train.json --out data/recycle/pseudo.json

training takes the file as a second source: configs/pseudo
"""
SELECTION_OPTIONS = (
    "min_agree",
    "agree_iou",
    "agree_score_thr",
    "overlap_iou",
    "max_per_image",
    "ignore_thr",
    "keep_empty",
)


def main(argv: list[str] | None = None) -> "PseudoLabels":
    """Make labels as the command line says; return them and how they came about."""
    args = parse_args(argv)
    check_paths(args)

    from sortline.data.annotations import read_annotations
    from sortline.predictions.pseudo_labelling.labelling import make_pseudo_labels
    from sortline.predictions.pseudo_labelling.labelling_tables import notes, print_labelling
    from sortline.predictions.read import read_all

    settings = settings_of(args)
    annotations = read_annotations(args.ann)
    train = read_annotations(args.train) if args.train else None
    members = read_all(args.pred, annotations)
    made = make_pseudo_labels(members, annotations, settings, read_oof(args), train, str(args.ann))
    print_labelling(made)
    for warning in made.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    print("\n".join(notes(made, settings)))
    write_labels(args, made, annotations)
    print(f"{args.out}: {made.labels:,} labels on {made.kept_images:,} images")
    if args.json:
        print(f"{args.json}: every number of the report")
    return made


def write_labels(args: argparse.Namespace, made: "PseudoLabels", annotations: "CocoJson") -> None:
    """Write the annotation file, and the report if asked."""
    from sortline.files import write_json

    try:
        write_json(args.out, {"info": provenance(args, made, annotations), **made.content})
    except ValueError:  # what the images say of themselves is copied
        what = "holds NaN or infinity, which can't be written"
        remedy = "find it: " + tool_command("tools/check_dataset.py", args.ann, "--no-images")
        raise InputError(Problem(str(args.ann), what, remedy)) from None
    if args.json:
        write_json(args.json, made.to_json(), indent=1)


def settings_of(args: argparse.Namespace) -> "LabellingSettings":
    """Read the settings from the options."""
    from sortline.predictions.pseudo_labelling.labelling import LabellingSettings

    general, by_class = numbers_by_class(args.score_thr, "--score-thr")
    selection = {key: value for key, value in vars(args).items() if key in SELECTION_OPTIONS and value is not None}
    return LabellingSettings(general, by_class, args.precision, args.soft_weights, selection)


def read_oof(args: argparse.Namespace) -> "OutOfFold | None":
    """Read the out-of-fold predictions and their ground truth, if given; pseudo labels are no ground truth."""
    if not args.oof:
        return None

    from sortline.data.annotations import read_annotations
    from sortline.predictions.matching import Matches
    from sortline.predictions.pseudo_labelling.labelling import OutOfFold
    from sortline.predictions.read import read_predictions
    from sortline.predictions.results import with_true_labels

    annotations = read_annotations(args.oof_ann)
    real, results, _ = with_true_labels(annotations, read_predictions(args.oof, annotations))
    return OutOfFold(Matches.of(real, results), str(args.oof_ann))


def provenance(args: argparse.Namespace, made: "PseudoLabels", annotations: "CocoJson") -> dict[str, Any]:
    """Say what the labels were made from and how, beside what the annotation file says of itself."""
    from dataclasses import asdict

    from sortline.files import file_sha256

    files = dict.fromkeys([args.ann, *args.pred, *filter(None, [args.train, args.oof, args.oof_ann])])
    entry = {
        "made_by": "make_pseudo_labels",
        "sources": [{"file": str(path), "sha256": file_sha256(path)} for path in files],
        "settings": {"precision": args.precision, "soft_weights": args.soft_weights, **asdict(made.rules)},
    }
    info = annotations.get("info")
    return {**(info if isinstance(info, dict) else {}), "sortline": entry}


def check_paths(args: argparse.Namespace) -> None:
    """Refuse files that would be overwritten or count twice, and half of a pair of options."""
    problems = []
    written = {"--out": args.out, "--json": args.json}
    for option, path in written.items():
        if path and path.suffix.lower() != ".json":
            problems.append(Problem(option, f"{path} does not end in .json", "give it that ending"))
    for option in overwriting([args.ann, *args.pred, args.train, args.oof, args.oof_ann], written):
        problems.append(Problem(option, f"{written[option]} would overwrite what is read", "write to another file"))
    for path in given_twice(args.pred):
        problems.append(Problem("--pred", f"lists {path} more than once", "list each file once: it has one vote"))
    if bool(args.oof) != bool(args.oof_ann):
        problems.append(Problem("--oof", "and --oof-ann go together", "give both or neither"))
    if problems:
        raise InputError(problems)


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ann", required=True, type=Path, help="COCO json of the images that were predicted on")
    parser.add_argument(
        "--pred",
        required=True,
        nargs="+",
        type=Path,
        help="COCO results or CSVs: boxes and scores are the first one's, the others vote",
    )
    parser.add_argument("--out", required=True, metavar="JSON", type=Path, help="annotation file to write")
    parser.add_argument(
        "--train", metavar="JSON", type=Path, help="train file: take its categories, stay clear of its ids and images"
    )
    parser.add_argument("--json", metavar="FILE", type=Path, help="write every number of the report as JSON")
    add_threshold_options(parser.add_argument_group("which boxes become labels"))
    add_agreement_options(parser.add_argument_group("agreement of several files"))
    content = parser.add_argument_group("what is written")
    content.add_argument(
        "--soft-weights",
        action="store_true",
        help="give each box its chance of being right: from --oof, else its score",
    )
    content.add_argument(
        "--ignore-thr",
        metavar="S",
        type=float,
        help="boxes from this score on that are no labels are neither object nor background (iscrowd 1)",
    )
    content.add_argument(
        "--keep-empty", action="store_true", help="keep images without a label: they count as background"
    )
    return parser.parse_args(argv)


def add_threshold_options(group: Any) -> None:
    group.add_argument(
        "--score-thr",
        metavar="S",
        nargs="+",
        default=[],
        help="score from which on boxes do, then CLASS=S for single classes",
    )
    group.add_argument(
        "--precision", metavar="P", type=float, help="find the score: so many boxes have to be right out of fold"
    )
    group.add_argument("--oof", metavar="PRED", type=Path, help="out-of-fold predictions of what made the first file")
    group.add_argument("--oof-ann", metavar="JSON", type=Path, help="COCO json of their images (train.json)")
    group.add_argument("--max-per-image", metavar="N", type=int, help="keep an image's N surest boxes (default: all)")
    group.add_argument(
        "--overlap-iou",
        metavar="T",
        type=float,
        help="of labels of any class that overlap more than this, keep the surest (default: 0.9)",
    )


def add_agreement_options(group: Any) -> None:
    group.add_argument(
        "--min-agree", metavar="N", type=int, help="files that must have a box, the first included (default: 1)"
    )
    group.add_argument("--agree-iou", metavar="T", type=float, help="IoU above which it is the same box (default: 0.6)")
    group.add_argument(
        "--agree-score-thr", metavar="S", type=float, help="boxes of other files count from here on (default: 0.3)"
    )


if __name__ == "__main__":
    run_tool(main)
