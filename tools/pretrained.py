"""List the pretrained weights that configs start from, fetch them, or bring them to a machine without a network."""

import argparse
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import _bootstrap  # noqa: F401
from _options import add_overrides

from sortline.cli import run_tool

EXAMPLES = """examples:
  python tools/pretrained.py configs/faster_rcnn/faster-rcnn_r50_fpn_1x_recycle.py
  python tools/pretrained.py configs/*/*.py --fetch              everything, before a week without a network
  python tools/pretrained.py CONFIG --list-urls > weights.tsv    for a machine without one
  python tools/pretrained.py CONFIG --from weights               bring in what was fetched elsewhere
"""


def main(argv: list[str] | None = None) -> Any:
    """Do what the command line says and return the files that the configs need."""
    args = parse_args(argv)

    from rich.console import Console

    from sortline.weights import fetch_pretrained

    cache = args.cache.expanduser().resolve() if args.cache else None
    with redirect_stdout(sys.stderr):  # what packages say while they load is no part of a list
        files = files_of(args.configs, args.cfg_options, cache)
    if args.fetch:
        fetch_pretrained.fetch_all(files)
    elif args.list_urls:
        fetch_pretrained.list_urls(files, args.configs, Console(stderr=True, soft_wrap=True, highlight=False))
    elif args.folder:
        fetch_pretrained.import_all(files, args.folder.expanduser())
    else:
        fetch_pretrained.print_files(files)
    return files


def files_of(configs: list[str], options: list[str], cache: Path | None) -> list[Any]:
    """List the files that several configs would download, each once; all configs' problems are raised together."""
    from sortline.errors import InputError, Problem
    from sortline.pipeline.compose import load_config
    from sortline.weights.pretrained import pretrained_files

    files: dict[Path, Any] = {}
    problems: list[Problem] = []
    for config in configs:
        try:
            for file in pretrained_files(load_config(config, options), cache):
                files.setdefault(file.target, file)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return list(files.values())


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("configs", nargs="+", metavar="config", help="config files")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--fetch", action="store_true", help="download what is missing, each file checked")
    what.add_argument("--list-urls", action="store_true", help="print URL<TAB>target path of what is missing")
    what.add_argument("--from", dest="folder", type=Path, metavar="DIR", help="copy files fetched elsewhere from DIR")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="folder of the files; default: torch's cache")
    add_overrides(parser)
    return parser.parse_args(argv)


if __name__ == "__main__":
    run_tool(main)
