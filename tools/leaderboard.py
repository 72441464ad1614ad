"""List all runs in one table: scores with intervals, what each changed, time, cost and git state."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import _bootstrap  # noqa: F401

from sortline.cli import run_tool
from sortline.errors import InputError, Problem

if TYPE_CHECKING:
    from sortline.runs.leaderboard.board import Entry

EXAMPLES = """examples:
  python tools/leaderboard.py
  python tools/leaderboard.py work_dirs --filter family=rtmdet --filter state=finished --sort hours
  python tools/leaderboard.py --baseline work_dirs/rtmdet_tiny_cspnext-pafpn-640_20e_recycle
  python tools/leaderboard.py --price-per-hour 2.5 --csv runs.csv --html runs.html
  python tools/leaderboard.py --enter work_dirs/rtmdet_tiny_cspnext-pafpn-640_20e_recycle --public 0.612
"""
#: Where output is no terminal, whose width is known.
WIDTH = 160


def main(argv: list[str] | None = None) -> "list[Entry] | Path":
    """List the runs and return the rows, or keep a public score and return its file."""
    args = parse_args(argv)
    if args.enter:
        return enter(args)

    from rich.console import Console

    from sortline.files import atomic_write
    from sortline.runs.leaderboard import board, columns
    from sortline.runs.leaderboard.leaderboard_page import render_page

    entries, problems = board.read_board(args.root, args.price_per_hour, args.baseline, not args.no_intervals)
    entries = columns.ordered(columns.select(entries, args.filter), args.sort, args.reverse)
    if args.csv:
        with atomic_write(args.csv) as file:
            file.write(columns.as_csv(entries))
    if args.html:
        with atomic_write(args.html) as file:
            file.write(render_page(str(args.root), entries, problems, args.html))
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=WIDTH)
    for table in columns.tables(entries):
        table.print(console)
    for line in [f"{entry.name}: {note}" for entry in entries for note in entry.notes]:
        console.print(line, markup=False)
    for problem in problems:
        console.print(f"could not be read: {problem.where}: {problem.what}", markup=False, soft_wrap=True)
    for what, place in (("table", args.csv), ("page", args.html)):
        if place:
            print(f"{what}: {place}")
    return entries


def enter(args: argparse.Namespace) -> Path:
    """Keep the public score of a run."""
    from sortline.runs.leaderboard.kept_scores import enter_score

    path = enter_score(args.enter, args.public)
    print(f"public score {args.public:g}: {path}")
    return path


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "root", nargs="?", type=Path, default=Path("work_dirs"), metavar="DIR", help="default: %(default)s"
    )
    parser.add_argument(
        "--filter", action="append", default=[], metavar="COLUMN=TEXT", help="rows that hold this text; can be repeated"
    )
    parser.add_argument("--sort", default="cv", metavar="COLUMN", help="default: cv, the validation score")
    parser.add_argument("--reverse", action="store_true", help="sort the other way round")
    parser.add_argument("--baseline", type=Path, metavar="RUN", help="what all rows are compared with")
    parser.add_argument("--price-per-hour", type=float, metavar="X", help="of a machine, for the cost of each run")
    parser.add_argument("--no-intervals", action="store_true", help="leave out what takes a second a run at first")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write all columns there, numbers in full")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write the table there as a page")
    parser.add_argument("--enter", type=Path, metavar="RUN", help="keep the public score of this run's submission")
    parser.add_argument("--public", type=float, metavar="X", help="the score for --enter, such as 0.612")
    args = parser.parse_args(argv)
    problems = []
    if (args.enter is None) != (args.public is None):
        problems.append(Problem("--enter", "and --public go together", "give the run folder and its score"))
    if args.price_per_hour is not None and not 0 <= args.price_per_hour < float("inf"):
        problems.append(Problem("--price-per-hour", f"is {args.price_per_hour:g}", "give 0 or a positive number"))
    if problems:
        raise InputError(problems)
    return args


if __name__ == "__main__":
    run_tool(main)
