"""A run checked, repeated and compared with itself: what ``tools/reproduce.py`` does."""

from __future__ import annotations

import argparse
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from mmengine.config import Config
from rich.console import Console

from sortline.errors import InputError, Problem
from sortline.pipeline import execute as running
from sortline.pipeline.repeat import Repeat, prepare_repeat, started
from sortline.pipeline.run_keeping import with_conditions
from sortline.runs.checkpoints import find_resume
from sortline.runs.conditions import processes_of
from sortline.runs.git_state import differing_files, read_code
from sortline.runs.logged_scalars import LossComparison, compare_logged, read_logged
from sortline.runs.repeatability import (
    Difference,
    find_differences,
    of_hidden,
    print_differences,
)
from sortline.runs.run_record import RunRecord
from sortline.weights.checkpoint_comparison import WeightComparison, compare_checkpoints
from sortline.weights.fetch_pretrained import missing_lines, resolve_pretrained
from sortline.weights.pretrained import find_wants

GPU_CAVEAT = (
    "This run used a GPU without randomness.deterministic=True: some operations there add up in no fixed order. Even "
    "on the same machine a repetition differs in the last digits at first, and soon in the others."
)


def reproduce(args: argparse.Namespace, record: RunRecord, target: Path) -> dict[str, Any]:
    """List what differs from a run's conditions, repeat the run and compare the two.

    Args:
        args: Options of ``tools/reproduce.py``.
        record: The run's record.
        target: Folder of the repetition; it holds no run yet.

    Returns:
        ``differences``; after a repetition also ``work_dir``, ``losses``, ``weights`` (None where the run's are not
        there any more) and ``same``: whether all that could be compared is the same bit for bit.

    Raises:
        InputError: The data or the weights that the run began with have changed, or its settings are not understood
            any more.
    """
    console = Console(quiet=not running.is_first_process(args.launcher))
    with tempfile.TemporaryDirectory() as scratch:
        repeat = prepare_repeat(record, target, scratch, args.data_root)
        differences, lines = list_differences(repeat, args)
    print_differences(console, differences)
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if record.hardware.devices and not (record.settings.get("randomness") or {}).get("deterministic"):
        console.print(GPU_CAVEAT, soft_wrap=True)
    if args.check:
        return {"differences": differences}
    if not args.anyway:
        _refuse_other_data(differences)
    logged = read_logged(args.run)
    run_again(prepare_repeat(record, target, target / "split", args.data_root), args)
    losses = compare_logged(logged, read_logged(target))
    weights = compare_last_weights(args.run, target, args.trust_checkpoint)
    for line in [*verdict(losses, weights), f"run folder: {target}"]:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    same = losses.first is None and not (weights and weights.different) and bool(losses.compared or weights)
    results = {"work_dir": str(target), "losses": losses, "weights": weights, "same": same}
    return {"differences": differences, **results}


def list_differences(repeat: Repeat, args: argparse.Namespace) -> tuple[list[Difference], list[str]]:
    """List what is not as it was when a run was trained.

    Args:
        repeat: The run, prepared to be repeated.
        args: Options of ``tools/reproduce.py``; unless they only ask for a check, weights that the run began with
            are downloaded where they are not here any more.

    Returns:
        The differences, and lines on weights that are still to be downloaded.

    Raises:
        InputError: Weights can't be downloaded.
    """
    cfg = started(repeat.prepared)
    if not args.check:
        resolve_pretrained(cfg)
    now = _as_now(repeat, cfg, args.launcher)
    files = differing_files(repeat.record.git, args.run)
    return [*find_differences(repeat.record, now, files), *of_hidden(repeat.hidden)], missing_lines(cfg)


def _as_now(repeat: Repeat, cfg: Config, launcher: str) -> RunRecord:
    """Describe the run as it would be started now; what is still to be downloaded counts as it was."""
    processes = processes_of(launcher, os.environ)
    now = with_conditions(repeat.prepared.record(), cfg, repeat.record.seed, processes)
    to_come = {want.file.place for want in find_wants(cfg) if not want.file.here}
    parents = {key: file for key, file in repeat.record.parent_checkpoint.items() if key in to_come}
    return replace(now, git=read_code()[0], parent_checkpoint={**now.parent_checkpoint, **parents})


def _refuse_other_data(differences: list[Difference]) -> None:
    remedy = "restore it, name its place with --data-root, or repeat the run on what there is now with --anyway"
    changed = [item for item in differences if item.of_data]
    problems = [Problem(item.what, f"was {item.then}, is now {item.now}") for item in changed]
    if problems:
        raise InputError([*problems[:-1], replace(problems[-1], remedy=remedy)])


def run_again(repeat: Repeat, args: argparse.Namespace) -> None:
    """Train a prepared run in its new folder."""
    prepared = repeat.prepared
    record = prepared.record()
    prepared.start.apply(prepared.cfg)
    prepared.cfg.launcher = args.launcher
    running.run_training(prepared.cfg, record, prepared.lines, args.trust_checkpoint)


def compare_last_weights(run: Path, target: Path, trust: bool) -> WeightComparison | None:
    """Compare the last checkpoint of a repetition with the run's of the same name; None where that can't be read."""
    try:
        last = find_resume(target)
        return compare_checkpoints(run / last.name, last, trust)
    except InputError:
        return None


def verdict(losses: LossComparison, weights: WeightComparison | None) -> list[str]:
    """Say in words how far a run and its repetition are the same."""
    lines = []
    if losses.first is not None:
        place, name, then, now = losses.first
        lines.append(f"The logged numbers first differ at {place}: {name} was {then!r}, is {now!r}.")
    elif losses.compared:
        lines.append(f"The {losses.compared:,} losses and scores that both logged are the same bit for bit.")
    else:
        lines.append("The run's log is not there: losses were not compared.")
    if weights is None:
        lines.append("The run's last checkpoint is not there, or can't be read: weights were not compared.")
    elif weights.different:
        count = f"{len(weights.different):,} of {weights.tensors:,} tensors differ, by {weights.largest:.3g} at most"
        lines.append(f"The final weights: {count}; the first is {weights.different[0]}.")
    else:
        lines.append(f"The final weights, {weights.tensors:,} tensors, are the same bit for bit.")
    return lines
