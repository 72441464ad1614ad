"""Draw what a config's training pipeline feeds the model: a grid of samples, boxes on, before any training."""

import argparse
from pathlib import Path

import _bootstrap  # noqa: F401
from _options import add_config_arguments, request_of

from sortline.cli import run_tool

EXAMPLES = """examples:
  python tools/preview_augmentation.py configs/augment/atss_r50_fpn-copy-paste_1x_recycle.py
  python tools/preview_augmentation.py CONFIG --beside --count 8 --out before_and_after.png
  python tools/preview_augmentation.py CONFIG --stage2            # the pipeline of the last epochs
  python tools/preview_augmentation.py CONFIG --cfg-options recipe_copy_paste.load.prob=1.0
"""

MOST_PIXELS = 200_000_000


def main(argv: list[str] | None = None) -> Path:
    """Write the picture, say what the samples are like and return the picture's path."""
    args = parse_args(argv)
    import tempfile

    from sortline.data.drawing import write_image
    from sortline.pipeline.bind import class_names
    from sortline.pipeline.prepare import check_run, draft_run

    with tempfile.TemporaryDirectory() as split_dir:
        cfg = check_run(draft_run(request_of(args)), ("train",), split_dir).cfg
        from sortline.pipeline.drawn_samples import draw_grid
        from sortline.pipeline.preview import draw_samples, summary

        drawn = draw_samples(cfg, args.count, args.stage2)
    pipeline = "the last epochs" if args.stage2 else "training"
    title = f"{Path(args.config).stem}: {len(drawn)} samples of {pipeline}"
    picture = draw_grid(drawn, class_names(cfg), title, args.cell, args.beside)
    write_image(args.out, picture, "PNG")
    print("\n".join(summary(drawn, cfg)))
    print(f"picture: {args.out}")
    return Path(args.out)


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_config_arguments(parser)
    parser.add_argument("--out", type=Path, default=Path("preview.png"), metavar="FILE", help="default: preview.png")
    parser.add_argument("--count", type=positive, default=12, metavar="N", help="samples drawn; default: 12")
    parser.add_argument("--cell", type=positive, default=360, metavar="PX", help="size of the largest; default: 360")
    parser.add_argument(
        "--beside", action="store_true", help="show each photo as it is in the file, left of its sample"
    )
    parser.add_argument("--stage2", action="store_true", help="draw what the last epochs are fed")
    args = parser.parse_args(argv)
    if args.count * args.cell**2 > MOST_PIXELS:
        parser.error(
            f"--count {args.count} --cell {args.cell}: a picture of more than {MOST_PIXELS / 1e6:.0f} million pixels"
        )
    if args.out.suffix.lower() != ".png":
        parser.error(f"--out {args.out}: the picture is a PNG file, name it so")
    return args


def positive(text: str) -> int:
    """Read a whole number above 0."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not above 0")
    return value


if __name__ == "__main__":
    run_tool(main)
