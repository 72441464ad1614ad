"""Check what has changed since a run was trained, repeat it from its run.json, and compare the two bit by bit."""

import argparse
from pathlib import Path
from typing import Any

import _bootstrap  # noqa: F401  (first: sets thread options before torch is imported)
from _options import add_launcher, join_launcher

from sortline.cli import run_tool

EXAMPLES = """examples:
  python tools/reproduce.py work_dirs/RUN --check            what differs: code, data, packages, machine; trains nothing
  python tools/reproduce.py work_dirs/RUN                    the same, then the run again in work_dirs/RUN_repeated
  python tools/reproduce.py work_dirs/RUN/fold_2             one of the folds
  python tools/reproduce.py work_dirs/RUN --data-root /data/recycle        the data is elsewhere now

The settings are those of run.json; the config file is not read. "the same bit for bit" asks for the same code, data,
packages, kind of processor and number of threads; on a GPU the run also has to be trained with
--cfg-options randomness.deterministic=True.
"""


def main(argv: list[str] | None = None) -> dict[str, Any]:
    """Reproduce as the command line says; return what :func:`sortline.pipeline.repeat.reproduce` returns."""
    args = parse_args(argv)

    from sortline.runs.repeatability import check_free, repeat_folder, repeatable_record

    record = repeatable_record(args.run)
    target = args.work_dir or repeat_folder(args.run, record)
    if not args.check:
        check_free(target)

    from sortline.pipeline.repeat import RepeatRequest, reproduce

    trust, launcher = args.trust_checkpoint, args.launcher
    return reproduce(record, RepeatRequest(args.run, target, args.data_root, args.check, args.anyway, trust, launcher))


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="run folder that holds a run.json")
    parser.add_argument("--check", action="store_true", help="list the differences and stop")
    parser.add_argument(
        "--work-dir", type=Path, metavar="DIR", help="folder of the repetition; default: RUN_repeated beside the run's"
    )
    parser.add_argument("--data-root", metavar="DIR", help="read the data from DIR instead of where the run read it")
    parser.add_argument("--anyway", action="store_true", help="repeat it although its data or weights have changed")
    parser.add_argument("--trust-checkpoint", action="store_true", help="load checkpoint files that can run code")
    add_launcher(parser)
    args = parser.parse_args(argv)
    join_launcher(args)
    return args


if __name__ == "__main__":
    run_tool(main)
