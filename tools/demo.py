"""Run the demo: draw photos, train, test, write and check a submission, show ground truth beside predictions."""

import argparse
from typing import Any

import _bootstrap  # noqa: F401

from custom_modules.cli import run_tool


def main(argv: list[str] | None = None) -> Any:
    """Run all stages and return the scores on the test photos."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="seed of the training run")
    parser.add_argument("--smoke", action="store_true", help="two iterations of everything")
    args = parser.parse_args(argv)

    from custom_modules.experiments.demo import Paths, run_demo

    options = ["--seed", str(args.seed)] + (["--smoke"] if args.smoke else [])
    return run_demo(Paths(), options)


if __name__ == "__main__":
    run_tool(main)
