"""Show what a score threshold, or a limit on boxes an image, costs in mAP50 and saves in file size.

Give predictions of images with ground truth, best the out-of-fold predictions of the training images. Nothing is
changed: mAP50 gains nothing from a score threshold, so cut only when a file is too large. For deployment, where a
threshold has to be chosen, the one of the highest F1 is shown for each class.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import _bootstrap  # noqa: F401

from sortline.cli import run_tool
from sortline.files import overwriting

if TYPE_CHECKING:
    from sortline.predictions.class_thresholds import ClassThreshold
    from sortline.predictions.threshold_sweep import Sweep

EXAMPLES = """examples:
  python tools/sweep_thresholds.py --ann data/recycle/train.json --pred oof.bbox.json
  python tools/sweep_thresholds.py --ann data/recycle/train.json --pred oof.bbox.json --chart thresholds.png
  python tools/sweep_thresholds.py --ann data/recycle/train.json --pred oof.bbox.json \\
      --score-thrs 0.01 0.05 0.1 --max-boxes 100 50 --class-thresholds thresholds.yaml
"""


def main(argv: list[str] | None = None) -> "tuple[Sweep, tuple[ClassThreshold, ...]]":
    """Sweep as the command line says; return what was found."""
    args = parse_args(argv)

    from sortline.data.annotations import read_annotations
    from sortline.predictions.class_thresholds import best_thresholds, print_class_thresholds
    from sortline.predictions.matching import Truth, match
    from sortline.predictions.read import read_predictions
    from sortline.predictions.threshold_sweep import MAX_BOXES, SCORE_THRS, print_sweep, sweep

    annotations = read_annotations(args.ann)
    matches = match(Truth.of(annotations), read_predictions(args.pred, annotations))
    swept = sweep(matches, args.score_thrs or SCORE_THRS, args.max_boxes or MAX_BOXES, args.max_cost)
    thresholds = best_thresholds(matches)
    print_class_thresholds(thresholds)
    print_sweep(swept)
    write(args, swept, thresholds)
    return swept, thresholds


def write(args: argparse.Namespace, swept: "Sweep", thresholds: "tuple[ClassThreshold, ...]") -> None:
    """Write the files that were asked for and say where they are."""
    if args.chart:
        from sortline.predictions.score_charts import write_sweep_chart

        write_sweep_chart(args.chart, swept)
        print(f"wrote {args.chart}")
    if args.json:
        from dataclasses import asdict

        from sortline.files import write_json

        write_json(args.json, {**swept.to_json(), "classes": [asdict(entry) for entry in thresholds]}, indent=1)
        print(f"wrote {args.json}")
    if args.class_thresholds:
        from sortline.predictions.class_thresholds import write_thresholds

        write_thresholds(args.class_thresholds, thresholds)
        print(f"wrote {args.class_thresholds}")


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ann", required=True, type=Path, help="COCO json with the ground truth")
    parser.add_argument("--pred", required=True, type=Path, help="predictions on its images: COCO results or CSV")
    parser.add_argument("--score-thrs", metavar="SCORE", type=score, nargs="+", help="thresholds to try")
    parser.add_argument("--max-boxes", metavar="N", type=number, nargs="+", help="limits on boxes an image to try")
    parser.add_argument(
        "--max-cost",
        metavar="MAP",
        type=score,
        default=0.0005,
        help="recommend cuts that cost less mAP50 than this (default: %(default)s)",
    )
    parser.add_argument("--chart", metavar="PNG", type=Path, help="draw the sweep")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write every number as JSON")
    parser.add_argument(
        "--class-thresholds", metavar="FILE", type=Path, help="write the classes' thresholds as .yaml or .json"
    )
    args = parser.parse_args(argv)
    check_targets(parser, args)
    return args


def check_targets(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Refuse file names that would be written wrongly, before any work is done."""
    endings = {"chart": (".png",), "json": (".json",), "class_thresholds": (".yaml", ".yml", ".json")}
    written = {f"--{name.replace('_', '-')}": getattr(args, name) for name in endings}
    for (option, path), known in zip(written.items(), endings.values(), strict=True):
        if path and path.suffix.lower() not in known:
            parser.error(f"{option} {path} must end in {' or '.join(known)}")
    for option in overwriting([args.ann, args.pred], written):
        parser.error(f"{option} {written[option]} would overwrite another file of this command")


def score(text: str) -> float:
    """Read a number above 0, at most 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0, at most 1")
    return value


def number(text: str) -> int:
    """Read a whole number from 1 on."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


if __name__ == "__main__":
    run_tool(main)
