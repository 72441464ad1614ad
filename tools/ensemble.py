"""Fuse the predictions of several detectors into one: Weighted Boxes Fusion, NMS, Soft-NMS, Non-Maximum Weighted.

Where the annotation file has boxes, each member and the ensemble are scored, and you are warned when the ensemble
is below its best member.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import _bootstrap  # noqa: F401

from sortline.cli import numbers_by_class, run_tool
from sortline.errors import InputError, Problem
from sortline.files import given_twice, overwriting
from sortline.predictions.ensembling.ensemble_settings import (
    CONF_TYPES,
    DECAYS,
    FITTED_RESCALES,
    METHODS,
    RESCALES,
    EnsembleSettings,
)

if TYPE_CHECKING:
    from sortline.data.annotations import CocoJson
    from sortline.predictions.ensembling.curves import MemberCurves
    from sortline.predictions.ensembling.members import EnsembleScores
    from sortline.predictions.results import Results

DEFAULTS = EnsembleSettings()
EXAMPLES = """examples:
  is it better than its members? out-of-fold predictions tell:
  python tools/ensemble.py --ann data/recycle/train.json --pred a/oof.bbox.json b/oof.bbox.json --out oof.bbox.json

  the same on the test images, as a submission:
  python tools/ensemble.py --ann data/recycle/test.json --pred a/test.bbox.json b/test.bbox.json --out submission.csv

  two members count double; batteries merge from a lower IoU on:
  python tools/ensemble.py --ann ANN --pred A B C --weights 2 2 1 --iou-thr 0.55 Battery=0.4 --out O.bbox.json

  what tune_ensemble.py or --write-recipe has written:
  python tools/ensemble.py --recipe ensemble.yaml --ann data/recycle/test.json --pred A B --out submission.csv

The first run compiles the fusion, which takes some ten seconds; later runs start at once.
"""


def main(argv: list[str] | None = None) -> "EnsembleScores | None":
    """Fuse as the command line says; return how the ensemble compares with its members where that can be known."""
    args = parse_args(argv)
    check_paths(args)

    from sortline.data.annotations import read_annotations
    from sortline.predictions.ensembling.ensemble_recipe import Recipe, write_recipe
    from sortline.predictions.ensembling.members import compare, coverage_notes, member_names
    from sortline.predictions.read import read_all

    settings = settings_of(args)
    names = member_names(args.pred)
    annotations = read_annotations(args.ann)
    members = read_all(args.pred, annotations, needs_boxes=True)
    if args.oof:
        settings = replace(settings, curves=fitted_curves(args, settings.rescale))
    for note in coverage_notes(members, names):
        print(f"warning: {note}", file=sys.stderr)
    fused = fuse_with_progress(members, annotations, settings)
    comparison = compare(annotations, members, names, fused) if annotations["annotations"] else None
    write_predictions(args.out, fused, annotations)
    if args.write_recipe:
        write_recipe(args.write_recipe, Recipe(settings, names))
        print(f"{args.write_recipe}: recipe of {len(names)} members")
    report(comparison, args)
    return comparison


def settings_of(args: argparse.Namespace) -> EnsembleSettings:
    """Take the settings from the recipe or from the options, never from both."""
    given = given_settings(args)
    if args.recipe is None:
        rescale = given.get("rescale", DEFAULTS.rescale)
        if (rescale in FITTED_RESCALES) != bool(args.oof):
            what = f"is given with --rescale {rescale}" if args.oof else f"is missing, which --rescale {rescale} needs"
            remedy = "--rescale isotonic or platt, --oof P1 P2 ... and --oof-ann go together"
            raise InputError(Problem("--oof", what, remedy))
        return EnsembleSettings(**given)
    if given or args.oof:
        options = ", ".join(["--" + name.replace("_", "-") for name in [*given, *(["oof"] if args.oof else [])]])
        remedy = "leave them out, or change the recipe's file"
        raise InputError(Problem("--recipe", f"settles what {options} would say as well", remedy))

    from sortline.predictions.ensembling.ensemble_recipe import read_recipe
    from sortline.predictions.ensembling.members import check_members

    recipe = read_recipe(args.recipe)
    if not args.same_order or len(recipe.members) != len(args.pred):
        check_members(recipe.members, args.pred, str(args.recipe))
    return recipe.settings


def given_settings(args: argparse.Namespace) -> dict[str, Any]:
    """Collect the settings that the command line gives, in the shape that the library takes."""
    given = {key: value for key, value in vars(args).items() if hasattr(DEFAULTS, key)}
    if "iou_thr" in given:
        general, given["class_iou_thr"] = numbers_by_class(given.pop("iou_thr"), "--iou-thr")
        given |= {} if general is None else {"iou_thr": general}
    if "weights" in given:
        given["weights"] = tuple(given["weights"])
    return given


def fitted_curves(args: argparse.Namespace, kind: str) -> tuple["MemberCurves", ...]:
    """Fit each member's scores to its out-of-fold predictions and say which classes have curves of their own."""
    from sortline.data.annotations import read_annotations
    from sortline.predictions.ensembling.members import member_names
    from sortline.predictions.ensembling.rescale import fit_curves
    from sortline.predictions.matching import Truth, match
    from sortline.predictions.read import read_all

    annotations = read_annotations(args.oof_ann)
    names = member_names(args.oof)
    members = read_all(args.oof, annotations, needs_boxes=True)
    truth = Truth.of(annotations)
    fitted = fit_curves(kind, [match(truth, member) for member in members], [str(path) for path in args.oof])
    for name, member in zip(names, fitted, strict=True):
        print(f"{kind} of {name}: {member.extent}")
    return tuple(member.curves for member in fitted)


def fuse_with_progress(members: list["Results"], annotations: "CocoJson", settings: EnsembleSettings) -> "Results":
    from sortline.predictions.ensembling.fuse import chunks_of, fuse_in_chunks, group_members
    from sortline.predictions.ensembling.rescale import rescale_members
    from sortline.predictions.results import Results
    from sortline.progress import track

    grouped = group_members(rescale_members(members, annotations, settings), annotations)
    parts = track(fuse_in_chunks(grouped, settings), "fusing", chunks_of(grouped))
    return Results.concatenate(list(parts))


def write_predictions(path: Path, results: "Results", annotations: "CocoJson") -> None:
    from sortline.predictions.results import write_results
    from sortline.predictions.submission import write_submission

    if path.suffix.lower() == ".csv":
        print(f"{path}: {write_submission(path, results, annotations)}")
    else:
        write_results(path, results)
        print(f"{path}: {len(results):,} boxes on {len(annotations['images']):,} images")


def report(comparison: "EnsembleScores | None", args: argparse.Namespace) -> None:
    """Say whether the ensemble is worth it, or that it can't be known from these files."""
    if comparison is None:
        print(
            f"{args.ann} has no boxes, so whether the ensemble beats its best member can't be known here;\n"
            "the same command on the members' out-of-fold predictions, with --ann TRAIN.json, tells"
        )
        return
    print(comparison.table.text())
    if args.oof and args.oof_ann.resolve() == args.ann.resolve():
        print("the curves were fitted to these images, so the ensemble's score is a little too good")
    if comparison.gain < 0:
        print(f"warning: {comparison.verdict}", file=sys.stderr)
        remedy = "submit that member, or let tools/tune_ensemble.py choose members, weights and thresholds"
        print(f"    {remedy}", file=sys.stderr)
    else:
        print(comparison.verdict)


def check_paths(args: argparse.Namespace) -> None:
    """Refuse files that would be overwritten, fused twice, or written in no known format."""
    problems = []
    read = [args.ann, *args.pred, *(args.oof or []), args.oof_ann, args.recipe]
    written = {"--out": args.out, "--write-recipe": args.write_recipe}
    for option in overwriting(read, written):
        problems.append(Problem(option, f"{written[option]} would overwrite what is read", "write to another file"))
    if args.out.suffix.lower() not in (".json", ".csv"):
        problems.append(Problem("--out", f"{args.out} ends in neither .json nor .csv", "end it in one of the two"))
    for path in given_twice(args.pred):
        remedy = "list each member once; --weights makes one count more"
        problems.append(Problem("--pred", f"lists {path} more than once", remedy))
    if args.oof and len(args.oof) != len(args.pred):
        what = f"lists {len(args.oof)} files for the {len(args.pred)} of --pred"
        problems.append(Problem("--oof", what, "give one a member, in the order of --pred"))
    if bool(args.oof) != bool(args.oof_ann):
        problems.append(Problem("--oof", "and --oof-ann go together", "give both or neither"))
    if problems:
        raise InputError(problems)


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
    )
    parser.add_argument("--ann", required=True, type=Path, help="COCO json of the images that were detected on")
    parser.add_argument(
        "--pred", required=True, nargs="+", type=Path, help="the members' predictions: COCO results or submission CSVs"
    )
    parser.add_argument("--out", required=True, type=Path, help="file to write, .json or .csv")
    add_setting_options(parser)
    recipes = parser.add_argument_group("recipes")
    recipes.add_argument("--recipe", type=Path, default=None, help="take all settings from this yaml")
    recipes.add_argument(
        "--same-order",
        action="store_true",
        default=False,
        help="--pred are the recipe's members in its order, though their files are named otherwise",
    )
    recipes.add_argument(
        "--write-recipe", metavar="YAML", type=Path, default=None, help="keep these settings for other predictions"
    )
    return parser.parse_args(argv)


def add_setting_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("settings")
    group.add_argument("--method", choices=METHODS, help=f"default: {DEFAULTS.method}; concat keeps all boxes")
    group.add_argument(
        "--iou-thr",
        metavar="T",
        nargs="+",
        help=f"IoU above which boxes show one object, then CLASS=T for single classes (default: {DEFAULTS.iou_thr})",
    )
    group.add_argument(
        "--skip-box-thr",
        metavar="S",
        type=float,
        help=f"leave out boxes with a lower score before fusion (default: {DEFAULTS.skip_box_thr})",
    )
    group.add_argument(
        "--score-thr", metavar="S", type=float, help=f"keep fused boxes above this (default: {DEFAULTS.score_thr:g})"
    )
    group.add_argument(
        "--max-per-image", metavar="N", type=int, help="keep an image's N highest-scoring boxes (default: all)"
    )
    group.add_argument("--weights", metavar="W", nargs="+", type=float, help="one a member; 0 leaves it out")
    group.add_argument(
        "--conf-type", choices=CONF_TYPES, help=f"how wbf scores a fused box (default: {DEFAULTS.conf_type})"
    )
    group.add_argument("--decay", choices=DECAYS, help=f"how soft-nms lowers scores (default: {DEFAULTS.decay})")
    group.add_argument("--sigma", type=float, help=f"width of the gaussian decay (default: {DEFAULTS.sigma})")
    group.add_argument("--rescale", choices=RESCALES, help="make the members' scores comparable first (default: none)")
    group.add_argument(
        "--oof", metavar="P", nargs="+", type=Path, default=None, help="for isotonic, platt: members' OOF predictions"
    )
    group.add_argument("--oof-ann", metavar="ANN", type=Path, default=None, help="and the COCO json of their images")


if __name__ == "__main__":
    run_tool(main)
