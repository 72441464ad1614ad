"""Doing what was prepared: train, test and predict with mmengine's Runner, which reads the frozen config."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import master_only
from mmengine.runner import Runner
from yapf.yapflib import yapf_api

from sortline.errors import RunStopped
from sortline.pipeline.prepare import (
    ReadyRun,
    check_training_run,
    draft_run,
    no_split_of_a_refused_run,
    ready_to_train,
)
from sortline.pipeline.registered import register
from sortline.pipeline.request import RunRequest
from sortline.pipeline.run_keeping import describe_run, kept_record
from sortline.runs.checkpoints import is_best
from sortline.runs.named_score import best_in_training
from sortline.runs.run_folder import SUBMISSION, TEST_PREDICTIONS, sole_user
from sortline.runs.run_record import RunRecord, read_record
from sortline.runs.validated import doubt_about_test
from sortline.tracking.trackers import breaks_tracked
from sortline.weights.checkpoint_loading import install_safe_loading

#: Where each launcher says which of its processes this is.
RANKS = {"pytorch": "RANK", "slurm": "SLURM_PROCID", "mpi": "OMPI_COMM_WORLD_RANK"}

_format_code = yapf_api.FormatCode


def train(request: RunRequest) -> dict[str, Any]:
    """Train as asked, from the config file to the last checkpoint.

    Returns:
        As :func:`run_training`.

    Raises:
        InputError: The config or its data is not sound, weights to start from can't be had, a checkpoint can't be
            used, or another process trains in the run folder.
        RunFailed: The loss is no longer finite, or the GPU has too little memory.
    """
    draft = draft_run(request)
    with held(draft.cfg.work_dir, draft.request.launcher) as split_dir:
        run = ready_to_train(check_training_run(draft, split_dir=split_dir))
        return run_training(run)


@contextmanager
def held(work_dir: str, launcher: str = "none") -> Iterator[Path]:
    """Hold a run folder from before anything is written to it, in the process that writes files.

    Yields:
        Where a held-out validation part belongs: ``split`` in the run folder, a folder of its own for other
        processes. Where the run is refused, it is not left behind.

    Raises:
        InputError: Another process trains in the folder.
    """
    if not is_first_process(launcher):
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)
        return
    with sole_user(work_dir), no_split_of_a_refused_run(work_dir) as split_dir:
        yield split_dir


def is_first_process(launcher: str) -> bool:
    """Tell whether this is the process that writes files, before the processes know of each other."""
    return int(os.environ.get(RANKS.get(launcher, ""), 0)) == 0


def build_runner(run: ReadyRun) -> Runner:
    """Build a Runner with tracking, safe checkpoint loading and a log of what was set."""
    register(run.cfg)
    install_safe_loading(run.request.trust_checkpoint)
    yapf_api.FormatCode = _format_cached
    on_cpu = run.request.launcher == "pytorch" and not torch.cuda.is_available()
    if on_cpu and not torch.distributed.is_initialized():  # mmengine would want CUDA (mmengine/dist/utils.py)
        torch.distributed.init_process_group("gloo")
    runner = Runner.from_cfg(run.cfg)
    for line in run.lines:
        runner.logger.info(f"bound: {line}")
    for warning in run.warnings:
        runner.logger.warning(warning)
    return runner


def _format_cached(text: str, style_config: dict[str, Any]) -> tuple[str, bool]:
    """Format each config text once.

    ``Config.pretty_text`` runs yapf, half a second or more, whenever it is read: seven times before a short run
    has ended, and again for every checkpoint. Its source imports ``FormatCode`` at each call, so this one in its
    place is found. (mmengine/config/config.py, ``Config.pretty_text``)
    """
    return _format_once(text, tuple(style_config.items()))


@lru_cache(maxsize=8)
def _format_once(text: str, style: tuple[tuple[str, Any], ...]) -> tuple[str, bool]:
    formatted: tuple[str, bool] = _format_code(text, style_config=dict(style))
    return formatted


def run_training(run: ReadyRun) -> dict[str, Any]:
    """Train what is ready; the run folder is held by the caller.

    Returns:
        ``work_dir``, ``best_checkpoint`` and ``best_score`` (None where nothing was validated),
        ``last_checkpoint``; of a run that a signal has stopped ``work_dir`` and ``stopped``, which says when.
    """
    runner = build_runner(run)
    work_dir = runner.work_dir
    try:
        with kept_record(runner, run.record), breaks_tracked(runner.visualizer, Path(work_dir).name):
            runner.train()
    except RunStopped as stop:
        return {"work_dir": run.cfg.work_dir, "stopped": str(stop)}
    hub = runner.message_hub
    return {
        "work_dir": run.cfg.work_dir,
        "best_checkpoint": hub.get_info("best_ckpt", None),
        "best_score": best_in_training(hub.runtime_info, run.record.settings),
        "last_checkpoint": hub.get_info("last_ckpt", None),
    }


def run_test(run: ReadyRun) -> dict[str, Any]:
    """Score a checkpoint on the validation images, then predict the test images.

    The run folder's record is kept; one of a test with several views is of that test, and replaces an earlier one's.

    Returns:
        ``metrics`` of the validation images, ``score``, the one of them that decides, or None; and the paths
        ``checkpoint``, ``predictions``, ``submission``. The predictions of the validation images are beside those of
        the test images.

    Raises:
        InputError: The checkpoint can't be read or doesn't fit the config.
    """
    runner = build_runner(run)
    folder, checkpoint = Path(run.cfg.work_dir), Path(run.cfg.load_from)
    with breaks_tracked(runner.visualizer, folder.name):
        metrics, images = _run_loops(runner)
    found = None if run.request.tta else read_record(folder)
    record = (found or describe_run(run.record, runner)).tested(checkpoint, images, metrics)
    _keep(record, str(folder))
    if is_best(checkpoint) and not run.request.tta and (doubt := doubt_about_test(record)):
        runner.logger.warning(doubt)
    return {
        "metrics": metrics,
        "score": record.score if record.deciding_name in metrics else None,
        "checkpoint": str(checkpoint),
        "predictions": str(folder / TEST_PREDICTIONS),
        "submission": str(folder / SUBMISSION),
    }


def run_prediction(run: ReadyRun) -> dict[str, Any]:
    """Predict the images of a config's test loader into a folder of their own; nothing is tracked.

    Returns:
        The paths ``checkpoint`` and ``predictions``.

    Raises:
        InputError: The checkpoint can't be read or doesn't fit the config.
    """
    _run_loops(build_runner(run))
    return {"checkpoint": run.cfg.load_from, "predictions": str(Path(run.cfg.work_dir, TEST_PREDICTIONS))}


def _run_loops(runner: Runner) -> tuple[dict[str, Any], int]:
    """Validate, then test, between one start and one end: Runner.val() would close the logs that test() needs.

    Returns:
        Metrics of the validation images and how many of these there are; nothing and 0 without validation.
    """
    has_val = runner._val_loop is not None
    if has_val:
        runner._val_loop = runner.build_val_loop(runner._val_loop)
    runner._test_loop = runner.build_test_loop(runner._test_loop)
    runner.call_hook("before_run")
    runner.load_or_resume()
    metrics = runner.val_loop.run() if has_val else {}
    runner.test_loop.run()
    runner.call_hook("after_run")
    return metrics, len(runner.val_dataloader.dataset) if has_val else 0


@master_only
def _keep(record: RunRecord, work_dir: str) -> None:
    record.write(work_dir)


@master_only
def write_card(work_dir: str) -> None:
    """Write the page of a tested run and say where it is; what goes wrong with it ends in one line."""
    # Here, as training needs none of the libraries that draw charts.
    from sortline.runs.card.card import write_card_or_say_why

    print(write_card_or_say_why(work_dir))
