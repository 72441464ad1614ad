"""Score a checkpoint on the validation images, predict the test images, write the submission."""

import argparse
import os
from typing import Any

import _bootstrap  # noqa: F401  (first: sets thread options before torch is imported)

from sortline.cli import run_tool
from sortline.pipeline.options import add_config_arguments, add_launcher, add_tta, check_tta_overrides

EXAMPLES = """examples:
  python tools/test.py configs/rtmdet/rtmdet_tiny_cspnext-pafpn-640_20e_recycle.py
  python tools/test.py CONFIG work_dirs/other/epoch_12.pth
  python tools/test.py CONFIG --fold 2
  python tools/test.py CONFIG --tta --cfg-options tta.scales=0.8,1,1.2       six views, into the run folder's tta/
"""


def main(argv: list[str] | None = None) -> dict[str, Any]:
    """Test as the command line says and return what :func:`sortline.pipeline.execute.run_test` returns."""
    args = parse_args(argv)

    from sortline.pipeline.prepare import prepare
    from sortline.pipeline.tta import tta_record, use_tta
    from sortline.runs.checkpoints import find_checkpoint
    from sortline.runs.run_record import read_record
    from sortline.runs.score import label

    prepared = prepare(args, parts=("val", "test"))
    run_folder = prepared.cfg.work_dir
    checkpoint = find_checkpoint(run_folder, args.checkpoint)
    if args.tta:
        prepared.lines += use_tta(prepared.cfg)
    record = prepared.record()
    if args.tta:
        record = tta_record(record, read_record(run_folder))
    prepared.cfg.launcher = args.launcher

    from sortline.pipeline import execute as running

    result = running.run_test(
        prepared.cfg, record, checkpoint, prepared.lines, args.trust_checkpoint, replace_record=args.tta
    )
    print(f"checkpoint: {result['checkpoint']}")
    if result["score"]:
        print(f"validation {label(result['score'].name)}: {result['score'].value:.4f}")
    print(f"predictions: {result['predictions']}")
    print(f"submission: {result['submission']}")
    if not args.smoke:
        running.write_card(prepared.cfg.work_dir)
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
    os.environ.setdefault("LOCAL_RANK", str(args.local_rank))  # torch's launcher passes it as an option
    return args


if __name__ == "__main__":
    run_tool(main)
