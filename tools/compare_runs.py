"""Say whether one run is better than another, by how much and how surely: a paired bootstrap over the same images."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import _bootstrap  # noqa: F401
from _options import seed, whole_number

from sortline.cli import run_tool
from sortline.errors import InputError, Problem
from sortline.files import overwriting

if TYPE_CHECKING:
    from sortline.runs.comparison.compare import Comparison
    from sortline.runs.comparison.compared_runs import Candidate
    from sortline.runs.comparison.comparison_tables import Photos

EXAMPLES = """examples:
  python tools/compare_runs.py work_dirs/a work_dirs/b                     their validation images, or all their folds
  python tools/compare_runs.py work_dirs/a work_dirs/b --folds 0 1         the folds that both have
  python tools/compare_runs.py work_dirs/a work_dirs/b --ann data/recycle/train.json     out-of-fold predictions
  python tools/compare_runs.py a.bbox.json b.bbox.json --ann test_answers.json
  python tools/compare_runs.py work_dirs/a work_dirs/b work_dirs/c --all-pairs
  python tools/compare_runs.py work_dirs/a work_dirs/b --draw 12 --out changed --markdown verdict.md

All are compared with the first one. They must have been validated on the same photos with the same annotations.
"""

LEAST_REPLICATES = 100


def main(argv: list[str] | None = None) -> "Comparison":
    """Compare as the command line says and return the numbers."""
    args = parse_args(argv)

    from rich.console import Console

    from sortline.files import atomic_write, write_json
    from sortline.runs.comparison import changed_photos
    from sortline.runs.comparison import comparison_tables as report
    from sortline.runs.comparison.compare import compare
    from sortline.runs.comparison.compared_runs import on_the_same_images, read_candidates

    candidates = on_the_same_images(read_candidates(args.runs, args.ann, args.folds, args.folds_dir))
    comparison = compare(candidates, args.bootstrap, args.seed, args.all_pairs)
    listed = max(args.draw, args.photos)
    photos = {
        (entry.run, entry.other): changed_photos.changed_photos(candidates[entry.run], candidates[entry.other], listed)
        for entry in comparison.differences
    }
    drawn = draw(args, candidates, photos)
    if args.json:
        write_json(args.json, report.as_json(comparison, photos), indent=1)
    if args.markdown:
        with atomic_write(args.markdown) as file:
            file.write(report.markdown(comparison, photos))
    report.print_comparison(comparison, photos, Console(highlight=False))
    for what, place in (("numbers", args.json), ("tables", args.markdown), (f"{drawn} photos", drawn and args.out)):
        if place:
            print(f"{what}: {place}")
    return comparison


def draw(args: argparse.Namespace, candidates: "list[Candidate]", photos: "Photos") -> int:
    """Draw the photos that changed most, of several comparisons in folders of their own; return how many."""
    from sortline.runs.comparison.changed_photos import draw_changes

    drawn = 0
    for (run, other), changes in photos.items() if args.draw else ():
        folder = args.out
        if len(photos) > 1:
            folder = folder / f"{candidates[run].name}_less_{candidates[other].name}".replace("/", "_")
        chosen = changes.most[: args.draw]
        drawn += len(draw_changes(candidates[run], candidates[other], chosen, folder, args.image_root))
    return drawn


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="+", metavar="RUN", help="run folder, COCO results (.json) or submission (.csv)")
    parser.add_argument("--ann", metavar="FILE", help="annotation file of results files and out-of-fold predictions")
    parser.add_argument("--folds", nargs="+", type=whole_number, metavar="K", help="compare these folds alone")
    parser.add_argument("--folds-dir", metavar="DIR", help="where the annotation files of the runs lie, if moved since")
    parser.add_argument("--all-pairs", action="store_true", help="compare each with each, not only with the first")
    parser.add_argument(
        "--bootstrap", type=whole_number, default=1000, metavar="N", help="resamples (default: %(default)s)"
    )
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="of the resamples (default: %(default)s)")
    parser.add_argument(
        "--photos", type=whole_number, default=10, metavar="N", help="list the N photos that changed most (default: 10)"
    )
    parser.add_argument("--draw", type=whole_number, default=0, metavar="N", help="draw them into --out, a PNG each")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for the drawn photos")
    parser.add_argument(
        "--image-root", metavar="DIR", help="folder that file_name starts from; default: as the runs say"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all numbers there")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables there")
    args = parser.parse_args(argv)
    check(args)
    return args


def check(args: argparse.Namespace) -> None:
    """Refuse options that can't be followed, before anything is read."""
    problems = []
    if len(args.runs) < 2:
        problems.append(Problem("RUN", "is only one", "name two or more; tools/evaluate.py scores a single one"))
    if args.bootstrap < LEAST_REPLICATES:
        what = f"{args.bootstrap} resamples don't make an interval"
        problems.append(Problem("--bootstrap", what, f"give at least {LEAST_REPLICATES}"))
    if bool(args.draw) != bool(args.out):
        given, missing = ("--draw", "--out DIR") if args.draw else ("--out", "--draw N")
        problems.append(Problem(given, f"needs {missing}", "give both to draw the photos that changed most"))
    if args.folds and args.ann:
        what = "and --ann don't go together: out-of-fold predictions are of all folds"
        problems.append(Problem("--folds", what, "leave out one of them"))
    written = {"--json": args.json, "--markdown": args.markdown}
    for option in overwriting([*args.runs, args.ann], written):
        what = f"{written[option]} would overwrite another file of this command"
        problems.append(Problem(option, what, "write to another file"))
    if problems:
        raise InputError(problems)


if __name__ == "__main__":
    run_tool(main)
