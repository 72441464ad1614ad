"""Write the page of a run, card.html in its folder: scores, curves, confusion, photos, settings, environment."""

import argparse
from pathlib import Path

import _bootstrap  # noqa: F401

from sortline.cli import run_tool

EXAMPLES = """examples:
  python tools/make_card.py work_dirs/rtmdet_tiny_cspnext-pafpn-640_20e_recycle
  python tools/make_card.py work_dirs/*                          each run, and each fold of an experiment

tools/test.py writes it as well. A run that was not tested has the parts that there are.
"""


def main(argv: list[str] | None = None) -> list[Path]:
    """Write the pages and return them."""
    args = parse_args(argv)

    from sortline.errors import InputError, Problem
    from sortline.progress import track
    from sortline.runs.card.card import write_card

    folders = [run for folder in args.runs for run in runs_in(folder)]
    cards: list[Path] = []
    problems: list[Problem] = []
    for folder in track(folders, "writing cards"):
        try:
            cards.append(write_card(folder, args.image_root, args.folds_dir))
        except InputError as error:
            problems += error.problems
    for card in cards:
        print(f"card: {card}")
    if problems:
        raise InputError(problems)
    return cards


def runs_in(folder: Path) -> list[Path]:
    """List the folders of the folds that a folder holds, after itself where it is a run's or holds none."""
    from sortline.runs.run_folder import RECORD, fold_folders

    folds = list(fold_folders(folder).values())
    return [folder, *folds] if not folds or (folder / RECORD).is_file() else folds


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="run folder, or one that holds folds")
    parser.add_argument(
        "--image-root", metavar="DIR", help="folder that file_name starts from; default: as the run says"
    )
    parser.add_argument("--folds-dir", metavar="DIR", help="where the runs' annotation files lie, if moved since")
    return parser.parse_args(argv)


if __name__ == "__main__":
    run_tool(main)
