"""Try a shipped config of every family of MMDetection, tiny, and rewrite the generated tables of docs/ops.md."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "tools"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import _bootstrap

from sortline.cli import run_tool

EPILOG = """examples:
  python tests/support/families
  python tests/support/families --keep-trials      only the table of parity, from docs/ops_parity.json
"""


def main(argv: list[str] | None = None) -> int:
    """Rewrite the page and return how many of the configs tried don't work."""
    args = parse_args(argv)

    from sortline.files import read_text, write_json

    read_text(args.page)  # a page that can't be read is better known before the minutes of work
    from families.page import rewrite, with_new_trials

    new = []
    if not args.keep_trials:
        from families.trial import try_families

        new = try_families(args.family)
    trials_file = args.page.with_name("ops_families.json")
    trials = with_new_trials(trials_file, new)
    rewrite(args.page, trials)
    write_json(trials_file, trials, indent=1)
    failed = [trial for trial in trials if trial["problem"]]
    print(f"{len(trials) - len(failed)} of {len(trials)} configs work: {args.page}")
    for trial in failed:
        print(f"  {trial['family']}/{trial['config']}: {trial['problem']}")
    return len(failed)


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--keep-trials", action="store_true", help="try none again: all keep their results in docs/ops_families.json"
    )
    parser.add_argument(
        "--family",
        action="append",
        metavar="NAME",
        help="try this one again, the others keep their results; may be repeated",
    )
    parser.add_argument(
        "--page",
        type=Path,
        default=_bootstrap.ROOT / "docs/ops.md",
        metavar="MD",
        help="default: docs/ops.md",
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    run_tool(main)
