"""Choose an ensemble: which members, method, weights and thresholds give the highest mAP50, and what to expect of it.

Members are judged on their out-of-fold predictions. The choice is guarded against fooling itself: the whole search is
run again without each fold and scored there, and a member that doesn't help beyond noise is dropped. Where the best
single model wins, you are told, and the recipe is that model alone.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import _bootstrap  # noqa: F401

from sortline.cli import run_tool
from sortline.errors import InputError, Problem, tool_command
from sortline.files import given_twice
from sortline.predictions.tuning import BUDGET, GROUPS

if TYPE_CHECKING:
    from sortline.data.annotations import CocoJson
    from sortline.predictions.tuning.material import ImageFolds
    from sortline.predictions.tuning.tune import Tuning

EXAMPLES = """examples:
  choose, with the folds that the models were trained on (folds.csv of make_folds.py beside train.json):
  python tools/tune_ensemble.py --ann data/recycle/train.json --out ensemble.yaml \\
      --pred work_dirs/atss/predictions/oof.bbox.json work_dirs/dino/predictions/oof.bbox.json

  then apply the recipe to the chosen members' test predictions, in the order that the tool prints:
  python tools/ensemble.py --recipe ensemble.yaml --ann data/recycle/test.json --out submission.csv \\
      --pred work_dirs/atss/predictions/test.bbox.json work_dirs/dino/predictions/test.bbox.json

The first run compiles the fusion, which takes some ten seconds.
"""


def main(argv: list[str] | None = None) -> "Tuning":
    """Tune as the command line says and return all that was found."""
    args = parse_args(argv)
    check_options(args)

    from sortline.data.annotations import read_annotations
    from sortline.files import write_json
    from sortline.predictions.ensembling.ensemble_recipe import Recipe, write_recipe
    from sortline.predictions.ensembling.members import coverage_notes, member_names
    from sortline.predictions.read import read_all
    from sortline.predictions.tuning.material import Material
    from sortline.predictions.tuning.tune import tune
    from sortline.predictions.tuning.tuning_tables import as_json

    start = time.monotonic()
    annotations = read_annotations(args.ann)
    folds = folds_of(args, annotations)
    names = member_names(args.pred)
    members = read_all(args.pred, annotations)
    for note in coverage_notes(members, names):
        print(f"warning: {note}", file=sys.stderr)
    tuning = tune(Material(annotations, tuple(members), names, folds), args.seed, args.budget)
    chosen = [args.pred[row] for row in tuning.members]
    # ensemble.py will know the members by what tells the chosen ones' files apart.
    chosen_names = member_names(chosen) if len(chosen) > 1 else (names[tuning.members[0]],)
    write_recipe(args.out, Recipe(tuning.settings, chosen_names))
    if args.report:
        write_json(args.report, as_json(tuning), indent=1)
    show(tuning, args, time.monotonic() - start)
    return tuning


def folds_of(args: argparse.Namespace, annotations: "CocoJson") -> "ImageFolds":
    """Take the folds from the file given, else from the one beside the annotations; groups drawn by chance else."""
    from sortline.predictions.tuning.material import chance_folds, read_folds

    beside = args.ann.parent / "folds.csv"
    if args.folds or (beside.is_file() and args.groups is None):
        return read_folds(args.folds or beside, annotations)
    if args.groups is None:
        print(f"no {beside}, so images are held out in {GROUPS} groups drawn by chance; better: --folds")
    return chance_folds(annotations, args.groups or GROUPS, args.seed)


def show(tuning: "Tuning", args: argparse.Namespace, seconds: float) -> None:
    """Print the report, where the files are, and the next command."""
    from sortline.predictions.tuning.tuning_tables import print_tuning

    print_tuning(tuning)
    print(f"{tuning.fusions:,} ensembles fused and scored; {seconds:,.0f} s")
    if args.report:
        print(f"all numbers: {args.report}")
    members = [tuning.verdicts[row].name.upper() for row in tuning.members]
    use = ("--recipe", args.out, "--ann", "TEST.json", "--pred", *members, "--out", "submission.csv")
    print(f"recipe: {args.out}; apply it to the members' test predictions, in this order:")
    print(f"    {tool_command('tools/ensemble.py', *use)}")


def check_options(args: argparse.Namespace) -> None:
    """Refuse options that mean nothing and files that would be overwritten or listed twice."""
    problems = []
    read = {path.resolve() for path in (args.ann, *args.pred, *filter(None, [args.folds]))}
    for option, path in (("--out", args.out), ("--report", args.report)):
        if path and path.resolve() in read:
            problems.append(Problem(option, f"{path} would overwrite what is read", "write to another file"))
    if args.report and args.report.resolve() == args.out.resolve():
        problems.append(Problem("--report", f"{args.report} is the file of --out too", "write to another file"))
    for path in given_twice(args.pred):
        problems.append(Problem("--pred", f"lists {path} more than once", "list each member once"))
    if len(args.pred) < 2:
        what = "lists one member, so there is nothing to choose"
        problems.append(Problem("--pred", what, "give the out-of-fold predictions of two or more models"))
    if args.folds and args.groups is not None:
        problems.append(Problem("--groups", "and --folds exclude each other", "give one of them"))
    for option, value, least in (("--seed", args.seed, 0), ("--budget", args.budget, 1)):
        if value < least:
            problems.append(Problem(option, f"is {value}", f"give a whole number from {least} on"))
    if problems:
        raise InputError(problems)


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
        help="the members' out-of-fold predictions of all its images: COCO results or submission CSVs",
    )
    parser.add_argument("--out", required=True, metavar="YAML", type=Path, help="write the recipe there")
    parser.add_argument("--report", metavar="JSON", type=Path, help="write all numbers there")
    parser.add_argument(
        "--folds", metavar="CSV", type=Path, help="the folds that the members were trained on (default: beside --ann)"
    )
    parser.add_argument(
        "--groups", metavar="K", type=int, help=f"no folds: K groups of images drawn by chance ({GROUPS})"
    )
    parser.add_argument("--seed", type=int, default=0, help="of chance groups and resamples (default: 0)")
    parser.add_argument(
        "--budget",
        metavar="N",
        type=int,
        default=BUDGET,
        help=f"most ensembles that one search tries (default: {BUDGET})",
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    run_tool(main)
