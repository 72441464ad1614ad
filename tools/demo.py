"""Run the demo: draw photos, train, test, write and check a submission, show ground truth beside predictions."""

import argparse
from pathlib import Path
from typing import Any

import _bootstrap  # noqa: F401

from sortline.cli import run_tool


def main(argv: list[str] | None = None) -> Any:
    """Run all stages and return the scores on the test photos."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="seed of the training run")
    parser.add_argument("--data", type=Path, default=Path("data/demo"), help="folder of the photos (%(default)s)")
    parser.add_argument("--work-dir", type=Path, help="run folder; default: work_dirs/<name of the demo's config>")
    args = parser.parse_args(argv)

    from sortline.runs.demo_run import Paths, run_demo

    paths = Paths(args.data, args.work_dir) if args.work_dir else Paths(args.data)
    return run_demo(paths, ["--seed", str(args.seed)])


if __name__ == "__main__":
    run_tool(main)
