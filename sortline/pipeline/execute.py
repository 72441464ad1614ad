"""Train and test with mmengine's Runner: what the tools do once a config is prepared."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import master_only
from mmengine.runner import Runner

from sortline.errors import RunStopped
from sortline.pipeline.registering import register
from sortline.pipeline.run_keeping import describe_run, kept_record
from sortline.pipeline.upstream import cache_formatting
from sortline.runs.checkpoints import is_best
from sortline.runs.run_folder import run_identity, sole_user
from sortline.runs.run_record import SUBMISSION, TEST_PREDICTIONS, RunRecord, read_record
from sortline.runs.score import best_in_training
from sortline.runs.validated import doubt_about_test
from sortline.tracking.trackers import breaks_tracked, give_identity
from sortline.weights.checkpoint_loading import install_safe_loading
from sortline.weights.fetch_pretrained import resolve_pretrained
from sortline.weights.pretrained import drop_pretrained

#: Where each launcher says which of its processes this is.
RANKS = {"pytorch": "RANK", "slurm": "SLURM_PROCID", "mpi": "OMPI_COMM_WORLD_RANK"}

#: What takes the place of mmengine's loops.
RESUMABLE = {"EpochBasedTrainLoop": "ResumableEpochLoop", "IterBasedTrainLoop": "ResumableIterLoop"}


def device_type() -> str:
    """Say which kind of device training uses here."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def build_runner(cfg: Config, lines: Sequence[str], job_type: str, trust_checkpoint: bool = False) -> Runner:
    """Build a Runner with tracking, safe checkpoint loading and a log of what was bound.

    Args:
        cfg: A prepared config.
        lines: What binding has set, for the log.
        job_type: ``"train"`` or ``"test"``, for tracking.
        trust_checkpoint: Load checkpoint files that can run code when they are read.
    """
    register(cfg)
    install_safe_loading(trust_checkpoint)
    cache_formatting()
    _set_tracking(cfg, job_type)
    _use_resumable_loop(cfg)
    if cfg.get("launcher") == "pytorch" and device_type() == "cpu":
        _use_processes_without_gpus(cfg)
    runner = Runner.from_cfg(cfg)
    for line in lines:
        runner.logger.info(f"bound: {line}")
    return runner


def _set_tracking(cfg: Config, job_type: str) -> None:
    identity = run_identity(cfg.filename, cfg.work_dir, job_type, cfg.get("fold"))
    give_identity((cfg.get("visualizer") or {}).get("vis_backends") or [], identity)


def _use_processes_without_gpus(cfg: Config) -> None:
    """Let several processes train on a CPU, for which mmengine would want a CUDA device each.

    See ``_init_dist_pytorch`` in mmengine/dist/utils.py and ``wrap_model`` in mmengine/runner/runner.py.
    """
    if not torch.distributed.is_initialized():
        torch.distributed.init_process_group("gloo")
    unused = bool(cfg.get("find_unused_parameters", False))
    wrapper = {"type": "ProcessesOnCPU", "broadcast_buffers": False, "find_unused_parameters": unused}
    cfg.setdefault("model_wrapper_cfg", wrapper)


def _use_resumable_loop(cfg: Config) -> None:
    """Train with loops that can be resumed anywhere where the config names mmengine's."""
    loop = cfg.get("train_cfg")
    if not loop:
        return
    if "by_epoch" in loop:
        loop.type = "EpochBasedTrainLoop" if loop.pop("by_epoch") else "IterBasedTrainLoop"
    loop.type = RESUMABLE.get(loop.type, loop.type)


def run_training(
    cfg: Config,
    record: RunRecord,
    lines: Sequence[str] = (),
    trust_checkpoint: bool = False,
    from_scratch: bool = False,
) -> dict[str, Any]:
    """Train a prepared config.

    Args:
        cfg: A prepared config.
        record: What to keep of the run in its folder.
        lines: What binding has set, for the log.
        trust_checkpoint: Load checkpoint files that can run code when they are read.
        from_scratch: Start from random weights where pretrained ones can't be had.

    Returns:
        ``work_dir``, ``best_checkpoint`` and ``best_score`` (None where nothing was validated),
        ``last_checkpoint``; of a run that a signal has stopped ``work_dir`` and ``stopped``, which says when.

    Raises:
        InputError: Weights to start from can't be had, a checkpoint to start or resume from can't be used, or another
            process trains in the folder.
        RunFailed: The loss is no longer finite, or the GPU has too little memory.
    """
    warnings = resolve_pretrained(cfg, from_scratch)
    with sole_user(cfg.work_dir) if is_first_process(cfg.get("launcher", "none")) else nullcontext():
        runner = build_runner(cfg, lines, "train", trust_checkpoint)
        for warning in warnings:
            runner.logger.warning(warning)
        try:
            with kept_record(runner, record), breaks_tracked(runner.visualizer, Path(cfg.work_dir).name):
                runner.train()
        except RunStopped as stop:
            return {"work_dir": cfg.work_dir, "stopped": str(stop)}
        hub = runner.message_hub
    return {
        "work_dir": cfg.work_dir,
        "best_checkpoint": hub.get_info("best_ckpt", None),
        "best_score": best_in_training(hub.runtime_info, record.settings),
        "last_checkpoint": hub.get_info("last_ckpt", None),
    }


def is_first_process(launcher: str) -> bool:
    """Tell whether this is the process that writes files, before the processes know of each other."""
    return int(os.environ.get(RANKS.get(launcher, ""), 0)) == 0


@master_only
def _keep(record: RunRecord, work_dir: str) -> None:
    record.write(work_dir)


@master_only
def write_card(work_dir: str) -> None:
    """Write the page of a tested run and say where it is; what goes wrong with it ends in one line."""
    # Here, as training needs none of the libraries that draw charts.
    from sortline.runs.card.card import write_card_or_say_why

    print(write_card_or_say_why(work_dir))


def run_test(
    cfg: Config,
    record: RunRecord,
    checkpoint: Path,
    lines: Sequence[str] = (),
    trust_checkpoint: bool = False,
    replace_record: bool = False,
) -> dict[str, Any]:
    """Score a checkpoint on the validation images, then predict the test images.

    Args:
        cfg: A prepared config.
        record: What to keep of the run where its folder has no record yet.
        checkpoint: Weights.
        lines: What binding has set, for the log.
        trust_checkpoint: Load a file that can run code when it is read.
        replace_record: Keep ``record`` in any case: the folder's own is of an earlier test, of other settings.

    Returns:
        ``metrics`` of the validation images, ``score``, the one of them that decides, or None; and the paths
        ``checkpoint``, ``predictions``, ``submission``. The predictions of the validation images are beside those of
        the test images.

    Raises:
        InputError: The checkpoint can't be read or doesn't fit the config.
    """
    hooks = cfg.get("default_hooks") or {}
    if hooks.get("submission"):
        hooks.submission.val = True
    runner = _runner_with_weights(cfg, checkpoint, lines, trust_checkpoint)
    with breaks_tracked(runner.visualizer, Path(cfg.work_dir).name):
        metrics, images = _run_loops(runner)
    folder = Path(cfg.work_dir)
    found = None if replace_record else read_record(folder)
    record = found or describe_run(record, runner)
    record = record.tested(checkpoint, images, metrics)
    _keep(record, cfg.work_dir)
    if is_best(checkpoint) and not replace_record and (doubt := doubt_about_test(record)):
        runner.logger.warning(doubt)
    return {
        "metrics": metrics,
        "score": record.score if record.deciding_name in metrics else None,
        "checkpoint": str(checkpoint),
        "predictions": str(folder / TEST_PREDICTIONS),
        "submission": str(folder / SUBMISSION),
    }


def run_prediction(
    cfg: Config, checkpoint: Path, out: Path, lines: Sequence[str] = (), trust_checkpoint: bool = False
) -> dict[str, Any]:
    """Predict the images of a config's test loader into a folder of their own; nothing is tracked.

    Args:
        cfg: A config prepared by :func:`sortline.pipeline.inference.point_at_source`.
        checkpoint: Weights.
        out: Folder for the predictions.
        lines: What binding has set, for the log.
        trust_checkpoint: Load a file that can run code when it is read.

    Returns:
        The paths ``checkpoint`` and ``predictions``.

    Raises:
        InputError: The checkpoint can't be read or doesn't fit the config.
    """
    cfg.work_dir = str(out)
    cfg.visualizer.vis_backends = [dict(type="LocalVisBackend")]
    _run_loops(_runner_with_weights(cfg, checkpoint, lines, trust_checkpoint))
    return {"checkpoint": str(checkpoint), "predictions": str(out / TEST_PREDICTIONS)}


def _runner_with_weights(cfg: Config, checkpoint: Path, lines: Sequence[str], trust_checkpoint: bool) -> Runner:
    """Build a Runner that starts from a checkpoint which fits the model."""
    cfg.load_from, cfg.resume = str(checkpoint), False
    drop_pretrained(cfg.get("model"))  # the checkpoint's weights replace them
    resolve_pretrained(cfg)  # what is left is no start but a part, such as a teacher
    cfg.default_hooks.checkpoint = None  # validation outside of training would save a new best checkpoint
    return build_runner(cfg, lines, "test", trust_checkpoint)


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
