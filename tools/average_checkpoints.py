"""Average the weights of several checkpoints of one run into one, which often tests better than any of them."""

import argparse
from pathlib import Path

import _bootstrap  # noqa: F401

from sortline.cli import run_tool
from sortline.errors import InputError, Problem

EXAMPLES = """examples:
  python tools/average_checkpoints.py work_dirs/RUN/epoch_18.pth work_dirs/RUN/epoch_19.pth work_dirs/RUN/epoch_20.pth
  python tools/average_checkpoints.py work_dirs/RUN --last 3
  python tools/average_checkpoints.py work_dirs/RUN_A work_dirs/RUN_B --best --out soup.pth
  python tools/average_checkpoints.py work_dirs/RUN --last 3 --recompute-bn CONFIG
  python tools/test.py CONFIG work_dirs/RUN/averaged.pth

A run keeps its last two checkpoints unless trained with --cfg-options default_hooks.checkpoint.max_keep_ckpts=5.
"""


def main(argv: list[str] | None = None) -> Path:
    """Average as the command line says and return the file written."""
    args = parse_args(argv)

    from sortline.runs.checkpoints import choose_checkpoints

    if args.data_root and not args.recompute_bn:
        raise InputError(Problem("--data-root", "is for --recompute-bn CONFIG, which is not given", "give both"))
    paths = choose_checkpoints(args.sources, args.last, args.best)
    out = args.out or paths[-1].with_name("averaged.pth")
    if out.resolve() in {path.resolve() for path in paths}:
        raise InputError(Problem(f"--out {out}", "is one of the checkpoints to average", "choose another file"))

    from sortline.weights.averaging import average_checkpoints, save

    averaged = average_checkpoints(paths, args.trust_checkpoint)
    for path in paths:
        print(path)
    if averaged.ema:
        print(f"{averaged.ema} of the {len(paths)} hold an exponential moving average: its weights are averaged")
    if args.recompute_bn:
        from sortline.pipeline.batch_norm_pass import measure_batch_norm

        layers = measure_batch_norm(averaged.checkpoint, args.recompute_bn, args.data_root, args.bn_images)
        print(f"batch-norm layers measured anew: {layers}")
    save(averaged.checkpoint, out)
    print(f"average of {len(paths)} checkpoints: {out}")
    return out


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sources", nargs="+", metavar="checkpoint", help="checkpoint files, or run folders")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--last", type=positive, metavar="N", help="of a run folder: its last N checkpoints")
    which.add_argument("--best", action="store_true", help="of a run folder: the best on its validation photos")
    parser.add_argument("--out", type=Path, metavar="FILE", help="default: averaged.pth beside the last of them")
    parser.add_argument(
        "--recompute-bn",
        metavar="CONFIG",
        help="measure batch-norm statistics on the config's training photos instead of averaging them",
    )
    parser.add_argument("--data-root", metavar="DIR", help="with --recompute-bn: read the data from DIR")
    parser.add_argument("--bn-images", type=positive, default=1000, metavar="N", help="photos for it (%(default)s)")
    parser.add_argument("--trust-checkpoint", action="store_true", help="load checkpoint files that can run code")
    return parser.parse_args(argv)


def positive(text: str) -> int:
    """Read a whole number from 1 on."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is below 1")
    return value


if __name__ == "__main__":
    run_tool(main)
