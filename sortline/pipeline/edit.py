"""What a request does to a config: each option a plain function, so that none needs a config file of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict

from sortline.errors import InputError, Problem
from sortline.pipeline.bind import OWN_SAMPLERS, PARTS, leaf_datasets
from sortline.pipeline.request import RunRequest
from sortline.pipeline.validation_part import use_all_data_folder
from sortline.runs.run_folder import fold_folder
from sortline.runs.run_record import RunRecord
from sortline.runs.settings import difference
from sortline.secrets import without_secrets
from sortline.tracking.wandb_run import sweep_folder
from sortline.weights.pretrained import drop_pretrained

SMOKE_ITERATIONS = 2
#: What a checkpoint holds the state of, settings included.
FROM_CHECKPOINT = ("optim_wrapper", "param_scheduler")


def edit(cfg: Config, request: RunRequest, choose_data: Callable[[Config], None] | None = None) -> None:
    """Do what a request asks for before the config is bound: run folder, data and seed.

    Args:
        cfg: A composed config; changed in place.
        request: What is asked for.
        choose_data: What decides on the data in place of the request's ``data_root``.

    Raises:
        InputError: The run folder's name is empty, or the config's data can't be replaced.
    """
    use_work_dir(cfg, request.work_dir, request.smoke, request.fold)
    use_all_data_folder(cfg, request.all_data)
    if choose_data is not None:
        choose_data(cfg)
    elif request.data_root is not None:
        use_data_root(cfg, request.data_root)
    if request.seed is not None:
        use_seed(cfg, request.seed)


def use_data_root(cfg: Config, data_root: str) -> None:
    """Read the data from another folder.

    Raises:
        InputError: The config takes its paths from somewhere else, so that this would change nothing.
    """
    if "ann_files" not in cfg:
        remedy = "inherit from a file in configs/_base_/datasets"
        raise InputError(Problem("--data-root", "this config names no ann_files that it could serve", remedy))
    cfg.data_root = os.path.expanduser(data_root)


def amp_problem(cfg: Config, device: str) -> Problem | None:
    """Say why the mixed precision that a config or an option asks for can't be used on this kind of device."""
    if device == "cuda" or (cfg.get("optim_wrapper") or {}).get("type") != "AmpOptimWrapper":
        return None
    what = "mixed precision in float16 needs a GPU, and there is none here"
    remedy = "train in float32, or in bfloat16 (--amp bf16), which few CPUs are faster in"
    return Problem("--amp or optim_wrapper.type", what, remedy)


def use_amp(cfg: Config, precision: str) -> None:
    """Train in automatic mixed precision.

    Args:
        cfg: Changed in place.
        precision: ``"fp16"``: float16 with loss scaling; ``"bf16"``: bfloat16, which needs none.
    """
    wrapper = cfg.optim_wrapper
    for key in ("loss_scale", "dtype"):
        wrapper.pop(key, None)
    if precision == "bf16":
        wrapper.type = "BFloat16OptimWrapper"
    else:
        wrapper.update(type="AmpOptimWrapper", dtype="float16", loss_scale="dynamic")


def use_auto_scale_lr(cfg: Config) -> None:
    """Scale the learning rate to the total batch size.

    Raises:
        InputError: The config does not say for which batch size its rate was chosen.
    """
    if "base_batch_size" not in (cfg.get("auto_scale_lr") or {}):
        remedy = "add auto_scale_lr = dict(enable=False, base_batch_size=16) to its schedule"
        raise InputError(Problem("--auto-scale-lr", "the config has no auto_scale_lr.base_batch_size", remedy))
    cfg.auto_scale_lr.enable = True


def count_accumulation(cfg: Config) -> list[str]:
    """Let the scaled learning rate count all images of a step, where gradients of several batches are put together.

    mmengine scales by the images of one batch (``Runner.scale_lr``); the base batch size is divided instead.

    Returns:
        A line for the log, or none when there was nothing to do.
    """
    batches = (cfg.get("optim_wrapper") or {}).get("accumulative_counts", 1)
    scaling: Any = cfg.get("auto_scale_lr") or {}
    if batches <= 1 or not scaling.get("enable"):
        return []
    base = scaling.base_batch_size
    scaling.base_batch_size = base / batches
    return [f"auto_scale_lr.base_batch_size = {base} / {batches}: gradients of {batches} batches make a step"]


def use_batch_of(cfg: Config, settings: Mapping[str, Any]) -> list[str]:
    """Take over the batch size and learning rate of a run that goes on, whichever GPU it goes on with.

    Args:
        cfg: Changed in place.
        settings: The run's resolved config.

    Returns:
        A line that says what was set.
    """
    batch_size = settings["train_dataloader"]["batch_size"]
    rate = settings["optim_wrapper"]["optimizer"]["lr"]
    cfg.train_dataloader.batch_size, cfg.optim_wrapper.optimizer.lr = batch_size, rate
    return [f"auto-batch: {batch_size} images a step at learning rate {rate:.3g}, as the resumed run began"]


def use_seed(cfg: Config, seed: int) -> None:
    """Fix the seed of weights, shuffling and augmentation."""
    cfg.setdefault("randomness", ConfigDict())
    cfg.randomness.seed = seed


def ignored_on_resume(cfg: Config, earlier: RunRecord | None) -> list[str]:
    """Warn of settings that a resumed run does not follow: the checkpoint brings optimizer and schedule of its own.

    Args:
        cfg: The config that the run goes on with.
        earlier: The record of the run so far, if there is one.

    Returns:
        Lines for the log.
    """
    if earlier is None:
        return []
    ours = without_secrets(cfg._cfg_dict.to_dict())
    pairs = ({key: settings.get(key) for key in FROM_CHECKPOINT} for settings in (earlier.settings, ours))
    lines = [
        f"warning: --resume: {key} = {new!r} has no effect: the checkpoint goes on with {old!r}; to train with other "
        f"rates, start a run of its own from it: --work-dir DIR --cfg-options load_from={cfg.load_from}"
        for key, old, new in difference(*pairs)
    ]
    for key in ("max_epochs", "max_iters"):
        then, now = ((settings.get("train_cfg") or {}).get(key) for settings in (earlier.settings, ours))
        if then and now and now > then:
            lines.append(
                f"warning: --resume: train_cfg.{key} was {then} and is {now}: the learning rate was planned for {then} "
                f"and stays from there on what it ended with"
            )
    return lines


def use_work_dir(cfg: Config, work_dir: str | None, smoke: bool = False, fold: int | None = None) -> None:
    """Choose the run folder: the option's, else the config's, with a folder of its own for a smoke run.

    A run of a wandb sweep has a folder of its own, unless the option names one: it shares its config with the others.
    A fold's run folder lies below that; an option that already names the fold's own folder is taken as it is.

    Raises:
        InputError: The option is empty.
    """
    if work_dir == "":
        raise InputError(Problem("--work-dir", "is empty", "leave it out for work_dirs/<name of the config>"))
    if work_dir is not None:
        cfg.work_dir = os.path.expanduser(work_dir)
    else:
        cfg.work_dir = str(Path(cfg.work_dir, sweep_folder(os.environ), "smoke" if smoke else ""))
    if fold is not None and Path(cfg.work_dir).name != fold_folder(fold):
        cfg.work_dir = str(Path(cfg.work_dir) / fold_folder(fold))


def use_smoke(cfg: Config) -> None:
    """Shorten a bound config to two iterations of everything: train, validation, test, checkpoint, submission.

    No weights are fetched, no worker processes are started. The images keep their size, so that memory and
    operators are those of the real run.
    """
    for part in PARTS:
        loader = cfg.get(f"{part}_dataloader")
        if loader is not None:
            _shorten_loader(loader)
    _shorten_loop(cfg)
    drop_pretrained(cfg.get("model"))
    cfg.load_from = None
    hooks: Any = cfg.get("default_hooks") or {}
    if "logger" in hooks:
        hooks.logger.interval = 1
    if "submission" in hooks:
        hooks.submission.allow_missing = True


def _shorten_loader(loader: ConfigDict) -> None:
    loader.batch_size = min(loader.get("batch_size", 1), 2)
    loader.num_workers = 0
    loader.persistent_workers = False
    loader.pop("prefetch_factor", None)
    # Pairs of landscape or portrait images only fill up over many images: plain batches do for two steps.
    loader.batch_sampler = None
    for dataset in leaf_datasets(loader.dataset):
        dataset.indices = SMOKE_ITERATIONS * loader.batch_size
    if (loader.get("sampler") or {}).get("type") in OWN_SAMPLERS:
        loader.sampler.epoch_size = SMOKE_ITERATIONS * loader.batch_size


def _shorten_loop(cfg: Config) -> None:
    loop = cfg.get("train_cfg")
    if not loop:
        return
    if loop.get("type") == "IterBasedTrainLoop" or loop.get("by_epoch") is False:
        loop.max_iters = loop.val_interval = SMOKE_ITERATIONS
    else:
        loop.max_epochs = loop.val_interval = 1
    loop.val_begin = 1
    loop.pop("dynamic_intervals", None)
    checkpoint = (cfg.get("default_hooks") or {}).get("checkpoint")
    if checkpoint:
        checkpoint.interval = loop.val_interval
