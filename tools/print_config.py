"""Print a config with all inheritance and bindings resolved, compare two, or explain a value."""

import argparse
from typing import Any

import _bootstrap  # noqa: F401
from _options import add_overrides

from sortline.cli import run_tool

EXAMPLES = """examples:
  python tools/print_config.py configs/atss/atss_r50_fpn_1x_recycle.py
  python tools/print_config.py CONFIG --why model.backbone.depth
  python tools/print_config.py --diff CONFIG_A CONFIG_B
"""


def main(argv: list[str] | None = None) -> Any:
    """Print what the command line asks for and return it."""
    args = parse_args(argv)
    if args.diff:
        return print_difference(*args.diff)
    if args.why:
        return print_origins(args.config, args.why, args.cfg_options)
    return print_resolved(args.config, args.cfg_options)


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", nargs="?", help="config file")
    parser.add_argument(
        "--why", metavar="KEY", help="say which files and lines set a dotted key, the last one counting"
    )
    parser.add_argument("--diff", nargs=2, metavar=("A", "B"), help="show the keys on which two configs differ")
    add_overrides(parser)
    args = parser.parse_args(argv)
    if not args.config and not args.diff:
        parser.error("give a config, or two with --diff")
    return args


def print_resolved(config: str, options: list[str]) -> str:
    from sortline.pipeline.bind import bind
    from sortline.pipeline.compose import load_config

    cfg = load_config(config, options)
    bind(cfg)
    print(cfg.pretty_text)
    return cfg.pretty_text


def print_difference(first: str, second: str) -> list[tuple[str, Any, Any]]:
    from sortline.pipeline.bind import bind
    from sortline.pipeline.compose import load_config
    from sortline.reports.tables import Table
    from sortline.runs.settings import difference

    configs = [load_config(path) for path in (first, second)]
    for cfg in configs:
        bind(cfg)
    rows = difference(*(cfg._cfg_dict.to_dict() for cfg in configs))
    if rows:
        cells = [(key, repr(left), repr(right)) for key, left, right in rows]
        Table(("key", first, second), cells, left=(0, 1, 2)).print()
    else:
        print("no difference")
    return rows


def print_origins(config: str, key: str, options: list[str]) -> list[str]:
    from sortline.pipeline.origins import explain

    lines = explain(config, key, options)
    print("\n".join(lines))
    return lines


if __name__ == "__main__":
    run_tool(main)
