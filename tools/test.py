"""Score a checkpoint on the validation images, predict the test images, write the submission."""

import argparse
from typing import Any

import _bootstrap  # noqa: F401  (first: sets thread options before torch is imported)
from _options import add_config_arguments, add_launcher, add_tta, check_tta_overrides, join_launcher, request_of

from sortline.cli import run_tool

EXAMPLES = """examples:
  python tools/test.py configs/rtmdet/rtmdet_tiny_cspnext-pafpn-640_20e_recycle.py
  python tools/test.py CONFIG work_dirs/other/epoch_12.pth
  python tools/test.py CONFIG --fold 2
  python tools/test.py CONFIG --tta --cfg-options tta.scales=0.8,1,1.2       six views, into the run folder's tta/
"""


def main(argv: list[str] | None = None) -> dict[str, Any]:
    """Test as the command line says and return what :func:`sortline.pipeline.execute.run_test` returns."""
    args = parse_args(argv)

    from sortline.pipeline import execute, prepare
    from sortline.runs.named_score import label

    run = prepare.ready_to_test(request_of(args), args.checkpoint)
    result = execute.run_test(run)
    print(f"checkpoint: {result['checkpoint']}")
    if result["score"]:
        print(f"validation {label(result['score'].name)}: {result['score'].value:.4f}")
    print(f"predictions: {result['predictions']}")
    print(f"submission: {result['submission']}")
    if not args.smoke:
        execute.write_card(run.cfg.work_dir)
    return result


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_config_arguments(parser)
    parser.add_argument("checkpoint", nargs="?", help="weights; default: the best of the run folder, else its last")
    add_tta(parser)
    add_launcher(parser)
    args = parser.parse_args(argv)
    check_tta_overrides(parser, args)
    join_launcher(args)
    return args


if __name__ == "__main__":
    run_tool(main)
