"""Predict a photo, a folder of photos or the images of a COCO json."""

import argparse
from pathlib import Path
from typing import Any

import _bootstrap  # noqa: F401  (first: sets thread options before torch is imported)
from _options import add_config_arguments, add_tta, check_tta_overrides, request_of

from sortline.cli import run_tool

EXAMPLES = """examples:
  python tools/predict.py configs/rtmdet/rtmdet_tiny_cspnext-pafpn-640_20e_recycle.py photo.jpg --draw
  python tools/predict.py CONFIG photos/ --checkpoint work_dirs/run/epoch_12.pth --out predicted
  python tools/predict.py CONFIG data/recycle/test.json --fold 2       with the weights of fold 2
  python tools/predict.py CONFIG photo.jpg --tta --draw
"""


def main(argv: list[str] | None = None) -> dict[str, Any]:
    """Predict as the command line says and return the paths written."""
    args = parse_args(argv)

    from sortline.pipeline import execute, inference, prepare

    run = prepare.ready_to_predict(request_of(args), args.source, args.out, args.checkpoint)
    drawn = Path(run.cfg.work_dir, "drawn")
    if args.draw:
        inference.check_drawing(run.cfg, drawn)
    result = execute.run_prediction(run)
    print(f"predictions: {result['predictions']}")
    if args.draw:
        count = inference.draw_predictions(run.cfg, result["predictions"], drawn, args.score_thr)
        print(f"{count} drawn photos: {drawn}")
    return result


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_config_arguments(parser)
    parser.add_argument("source", help="photo, folder or COCO json")
    parser.add_argument("--checkpoint", help="weights; default: the best of the run folder, else its last")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder for the results (default: <run folder>/predict/<source>)"
    )
    add_tta(parser)
    parser.add_argument("--draw", action="store_true", help="also draw the photos with their boxes")
    parser.add_argument("--score-thr", type=float, default=0.3, help="draw boxes from this score on (default: 0.3)")
    args = parser.parse_args(argv)
    check_tta_overrides(parser, args)
    return args


if __name__ == "__main__":
    run_tool(main)
