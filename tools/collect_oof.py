"""Merge the folds' predictions of their validation images into one results file over the train file and score it."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import _bootstrap  # noqa: F401

from sortline.cli import run_tool

if TYPE_CHECKING:
    from sortline.predictions.score import Scores

EXAMPLES = """example:
  python tools/collect_oof.py work_dirs/rtmdet_tiny_cspnext-pafpn-640_20e_recycle --ann data/recycle/train.json
"""


def main(argv: list[str] | None = None) -> "Scores":
    """Collect as the command line says and return the score."""
    args = parse_args(argv)

    from sortline.data.annotations import read_annotations, without_pseudo
    from sortline.files import write_json
    from sortline.predictions.box_scores import common_score
    from sortline.predictions.matching import Matches
    from sortline.predictions.results import write_results
    from sortline.predictions.score import format_scores, score
    from sortline.runs.named_score import label
    from sortline.runs.oof import collect_oof
    from sortline.runs.run_folder import OOF_PREDICTIONS, OOF_SCORE

    annotations, left_out = without_pseudo(read_annotations(args.ann))
    results, parts = collect_oof(args.folder, annotations, str(args.ann), args.folds_dir)
    matches = Matches.of(annotations, results)
    scores = score(matches)
    decides, note = common_score([part.record.deciding_name for part in parts])
    path = args.out or args.folder / OOF_PREDICTIONS
    write_results(path, results)
    if args.out is None:
        deciding = {"name": decides.name, "value": decides.value(matches)}
        facts = {**deciding, "map50": scores.map50, "images": scores.images, "ann_file": str(args.ann)}
        write_json(args.folder / OOF_SCORE, facts, indent=1)
    print(format_scores(scores))
    for part in parts:
        of_fold = decides.value(part.matches)
        shown = "no boxes to be found" if of_fold is None else f"{label(decides.name)} {of_fold:.4f}"
        print(f"fold {part.fold}: {len(part.annotations['images']):,} images, {shown}")
    if note:
        print(note)
    left_out = max(left_out, sum(part.left_out for part in parts))
    if left_out:
        print(f"{left_out:,} images with pseudo labels are left out: a score on predicted labels says nothing")
    print(f"{len(results):,} boxes on {scores.images:,} images: {path}")
    return scores


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", metavar="RUN_DIR", type=Path, help="run folder that holds fold_0, fold_1 ...")
    parser.add_argument("--ann", required=True, type=Path, help="COCO json that the folds were made from (train.json)")
    parser.add_argument("--out", metavar="JSON", type=Path, help="default: RUN_DIR/predictions/oof.bbox.json")
    parser.add_argument(
        "--folds-dir", metavar="DIR", type=Path, help="where fold_K_val.json lie, if moved since the runs"
    )
    args = parser.parse_args(argv)
    if args.out and args.out.resolve() == args.ann.resolve():
        parser.error(f"--out {args.out} would overwrite what is read")
    return args


if __name__ == "__main__":
    run_tool(main)
