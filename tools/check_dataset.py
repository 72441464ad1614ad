"""Check a COCO dataset for everything that ruins a run in silence, and repair what has one right answer.

Exit status 0 without errors, 1 with errors (with --strict: or warnings), 2 when a file can't be checked or repaired.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import _bootstrap  # noqa: F401

from sortline.cli import run_tool

if TYPE_CHECKING:
    from sortline.data.check.checking import CheckReport

EXAMPLES = """examples:
  python tools/check_dataset.py data/recycle/train.json --test data/recycle/test.json
  python tools/check_dataset.py data/recycle/train.json --no-images
  python tools/check_dataset.py data/recycle/train.json --fix data/recycle/train_fixed.json
  python tools/check_dataset.py folds/fold_0_train.json folds/fold_0_val.json --image-root data/recycle
  python tools/check_dataset.py data/recycle/train.json --json report.json
"""


def main(argv: list[str] | None = None) -> tuple["CheckReport", bool]:
    """Check as the command line says; return the report, of the repaired file with --fix, and whether it fails."""
    args = parse_args(argv)

    from sortline.data.check.checking import check_sources
    from sortline.data.check.repair import check_target
    from sortline.data.check.source import read_source

    paths = [args.annotations, *args.others]
    if args.fix:
        check_target(args.fix, [*paths, *filter(None, [args.test])])
    sources = [read_source(path, args.image_root) for path in paths]
    if args.test:
        sources.append(read_source(args.test, args.image_root, is_test=True))
    if not args.no_images:
        from sortline.data.check.photo_checks import read_photos

        for source in sources:
            read_photos(source)
    near_threshold = None if args.no_images else args.near_threshold
    report = check_sources(sources, near_threshold)
    show(report, args.json)
    if args.fix:
        report = fix(report, args.fix, near_threshold, quiet=args.json == "-")
    return report, report.fails(args.strict)


def show(report: "CheckReport", json_to: str | None) -> None:
    """Print the table, write JSON to a file, or print JSON alone."""
    from rich.console import Console

    from sortline.data.check.checking import report_json, report_table
    from sortline.files import write_json

    if json_to == "-":
        print(json.dumps(report_json(report), indent=1))
        return
    Console().print(report_table(report))
    if json_to:
        write_json(json_to, report_json(report), indent=1)
        print(f"wrote {json_to}")


def fix(report: "CheckReport", out: Path, near_threshold: int | None, quiet: bool) -> "CheckReport":
    """Write the first file repaired, say what was changed and what is left, and return the report on what is left."""
    from rich.console import Console

    from sortline.data.check.checking import check_sources, summary
    from sortline.data.check.repair import repair, write_repaired

    first, *others = report.sources
    repaired = repair(first, [finding for finding in report.findings if finding.file == first.path])
    log = write_repaired(repaired, out)
    left = check_sources([repaired.source, *others], near_threshold)
    lines = [f"wrote {out}: {repaired}", f"wrote {log}: one line a change"]
    print("\n".join(lines), file=sys.stderr if quiet else sys.stdout)
    Console(stderr=quiet).print("left:", summary(left))
    return left


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("annotations", metavar="ANN", type=Path, help="COCO json to check, and to repair with --fix")
    parser.add_argument(
        "others", metavar="OTHER", type=Path, nargs="*", help="further files, such as a validation part"
    )
    parser.add_argument("--test", metavar="TEST", type=Path, help="COCO json of the test set, which needs no boxes")
    parser.add_argument(
        "--image-root", metavar="DIR", type=Path, help="where file_name starts from (default: each json's own folder)"
    )
    parser.add_argument("--no-images", action="store_true", help="check the annotations alone")
    parser.add_argument(
        "--near-threshold",
        metavar="BITS",
        type=bits,
        default=10,
        help="bits of 64 in which the hashes of two photos of one scene may differ (default: %(default)s)",
    )
    parser.add_argument(
        "--json",
        metavar="FILE",
        nargs="?",
        const="-",
        help="write the report, with all places, as JSON; without FILE print it in place of the table",
    )
    parser.add_argument("--fix", metavar="OUT", type=Path, help="write ANN repaired to OUT, and OUT's .changes.csv")
    parser.add_argument("--strict", action="store_true", help="warnings fail as well")
    return parser.parse_args(argv)


def bits(text: str) -> int:
    """Read a number of bits from 0 to 64."""
    if not text.isdecimal() or int(text) > 64:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to 64")
    return int(text)


def check_and_exit() -> None:
    """Run the check; exit with status 1 if it fails."""
    _, fails = main()
    if fails:
        sys.exit(1)


if __name__ == "__main__":
    run_tool(check_and_exit)
