"""Options that several tools have. Importing this module imports nothing heavy: ``--help`` is quick."""

from __future__ import annotations

import argparse
import os
from dataclasses import fields

from sortline.pipeline.request import RunRequest


def request_of(args: argparse.Namespace) -> RunRequest:
    """Make the request of what was typed; options that a tool has not keep their defaults."""
    names = [field.name for field in fields(RunRequest) if hasattr(args, field.name)]
    return RunRequest(**{name: getattr(args, name) for name in names})


def add_overrides(parser: argparse.ArgumentParser) -> None:
    """Add ``--cfg-options``."""
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help="override config values by dotted path; a number addresses a list element: train_pipeline.1.prob=0.3",
    )


def add_config_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which config to run on which data: the same for every tool that runs a model."""
    parser.add_argument("config", help="config file, such as configs/rtmdet/....py")
    parser.add_argument("--data-root", metavar="DIR", help="read the data from DIR instead of the config's data_root")
    parser.add_argument("--work-dir", metavar="DIR", help="run folder; default: work_dirs/<name of the config>")
    parser.add_argument(
        "--fold",
        type=whole_number,
        metavar="K",
        help="train and validate on fold K, in the run folder's fold_K (make_folds.py)",
    )
    add_overrides(parser)
    parser.add_argument("--smoke", action="store_true", help="two iterations of everything, to see that it all runs")
    parser.add_argument("--seed", type=seed, metavar="N", help="seed of weights, shuffling and augmentation")
    parser.add_argument("--trust-checkpoint", action="store_true", help="load checkpoint files that can run code")


def add_training_arguments(parser: argparse.ArgumentParser) -> None:
    """Add how to train: the same for one run and for a run of each fold."""
    parser.add_argument(
        "--amp",
        nargs="?",
        const="fp16",
        choices=["fp16", "bf16"],
        help="mixed precision: float16 with loss scaling on a GPU (fp16, the default), or bfloat16, also on a CPU",
    )
    parser.add_argument("--auto-scale-lr", action="store_true", help="scale the learning rate to the batch size")
    parser.add_argument(
        "--from-scratch", action="store_true", help="start from random weights where pretrained ones can't be had"
    )


def add_all_data(parser: argparse.ArgumentParser) -> None:
    """Add ``--all-data``."""
    parser.add_argument(
        "--all-data",
        action="store_true",
        help="train on all images without validation, in the run folder's all_data, for the epochs that the folds "
        "of --epochs-from found best; without folds for those of the config",
    )
    parser.add_argument(
        "--epochs-from",
        metavar="DIR",
        help="run folder whose fold_0, fold_1 ... say how long to train (default: this config's)",
    )


def check_all_data(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Refuse options that contradict ``--all-data``, or mean nothing without it."""
    if args.all_data and args.fold is not None:
        parser.error("--all-data trains on all images, --fold on a part of them: choose one")
    if args.epochs_from is not None and not args.all_data:
        parser.error("--epochs-from is for --all-data")


def add_auto_batch(parser: argparse.ArgumentParser) -> None:
    """Add ``--auto-batch``."""
    parser.add_argument(
        "--auto-batch",
        action="store_true",
        help="train with the largest batch that fits the GPU, learning rate scaled to it",
    )


def check_auto_batch(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Refuse a batch size beside the request to find one."""
    given = [text for text in args.cfg_options if text.startswith("train_dataloader.batch_size=")]
    if args.auto_batch and given:
        parser.error(f"--auto-batch chooses train_dataloader.batch_size; leave {given[-1]} out")


def add_tta(parser: argparse.ArgumentParser) -> None:
    """Add ``--tta``."""
    parser.add_argument(
        "--tta",
        action="store_true",
        help="merge several views of each photo: those of the config's tta, else the photo and its mirror image",
    )


def check_tta_overrides(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Refuse to override the views of a test that takes none."""
    unused = [text for text in args.cfg_options if text.startswith(("tta=", "tta."))]
    if unused and not args.tta:
        parser.error(f"--cfg-options {unused[0].partition('=')[0]} changes nothing without --tta")


def whole_number(text: str) -> int:
    """Read a whole number from 0 on."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{value} is below 0")
    return value


def seed(text: str) -> int:
    """Read a seed that numpy and torch both take."""
    value = int(text)
    if not 0 <= value < 2**32:
        raise argparse.ArgumentTypeError(f"{value} is not between 0 and {2**32 - 1}")
    return value


def add_launcher(parser: argparse.ArgumentParser) -> None:
    """Add what starts several processes, as in MMDetection."""
    parser.add_argument("--launcher", choices=["none", "pytorch", "slurm", "mpi"], default="none")
    parser.add_argument("--local_rank", "--local-rank", type=int, default=0, help=argparse.SUPPRESS)


def join_launcher(args: argparse.Namespace) -> None:
    """Take over which of a node's processes this is, which torch's launcher may pass as an option."""
    os.environ.setdefault("LOCAL_RANK", str(args.local_rank))
