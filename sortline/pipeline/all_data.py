"""Training on all images, without validation, for as long as the folds found best."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict

from sortline.errors import InputError, Problem, counted
from sortline.runs.best_epochs import BestEpochs, best_epochs
from sortline.runs.run_folder import fold_folders
from sortline.runs.settings import difference
from sortline.secrets import without_secrets

FOLDER = "all_data"
#: Hooks that need a validation score.
SCORE_HOOKS = ("EarlyStoppingHook", "ResumableEarlyStoppingHook")
#: Keys of hooks that count epochs back from the end of the run.
FROM_THE_END = ("last_epochs", "num_last_epochs")
#: What decides at which rate an epoch is trained.
SCHEDULE = ("train_cfg", "param_scheduler")


def use_all_data_folder(cfg: Config, all_data: bool) -> None:
    """Choose ``all_data`` below the run folder where a run on all data is asked for, or where the folder is one.

    A test of such a folder is thus without validation too: a score on images that were trained on says nothing.

    Args:
        cfg: A config with its ``work_dir`` chosen; ``all_data`` is set in it.
        all_data: Whether it is asked for.
    """
    is_there = Path(cfg.work_dir).name == FOLDER
    if not is_there and not all_data:
        return
    cfg.all_data = True
    if not is_there:
        cfg.work_dir = str(Path(cfg.work_dir) / FOLDER)


def train_on_all(cfg: Config) -> list[str]:
    """Drop the validation, and train on a validation file of its own as well.

    Args:
        cfg: An unbound config; changed in place.

    Returns:
        What was changed, for the log.
    """
    lines = ["all data: no validation part is held out"]
    cfg.val_dataloader = cfg.val_cfg = cfg.val_evaluator = None
    ann_files = cfg.get("ann_files") or ConfigDict()
    if ann_files.get("val"):
        cfg.train_sources = [*(cfg.get("train_sources") or []), ConfigDict(name="val", ann_file=ann_files.val)]
        lines.append(f"all data: {ann_files.val} is trained on as well")
        ann_files.val = None
    hooks: Any = cfg.get("default_hooks") or {}
    if hooks.get("checkpoint"):
        hooks.checkpoint.pop("save_best", None)
        lines.append("all data: the last checkpoint is the result, no best one is kept (save_best)")
    dropped = [name for name, hook in hooks.items() if hook and hook.get("type") in SCORE_HOOKS]
    for name in dropped:
        hooks[name] = None
    kept = [hook for hook in cfg.get("custom_hooks") or [] if hook.get("type") not in SCORE_HOOKS]
    if dropped or len(kept) < len(cfg.get("custom_hooks") or []):
        lines.append("all data: early stopping is off, it needs a validation score")
        cfg.custom_hooks = kept
    return lines


def follow_folds(cfg: Config, folder: str | None) -> list[str]:
    """Train for the epochs after which the folds were best.

    The run goes the way that the folds went, and stops where they were best: learning rates, steps and hooks stay at
    their epochs, none is stretched. An image is seen as often as in the folds; with k folds that is k / (k - 1) times
    as many steps, since there are as many times more images.

    Args:
        cfg: A bound config for all data; changed in place.
        folder: Run folder that holds the folds', or None for the config's own, where there need be none.

    Returns:
        A line for the log.

    Raises:
        InputError: The folds are not all trained, were trained on another schedule, or epochs don't decide.
    """
    loop: Any = cfg.get("train_cfg") or {}
    own = Path(cfg.work_dir).parent
    if folder is None and not fold_folders(own):
        length = f"{loop.max_epochs} epochs" if loop.get("max_epochs") else f"{loop.get('max_iters')} iterations"
        return [f"all data: {length} as the config says; there are no folds in {own} to go by"]
    if problems := _uncounted(cfg):
        raise InputError(problems)
    found = best_epochs(folder or own)
    if problems := _other_schedules(cfg, found, Path(folder or own)):
        raise InputError(problems)
    planned, epochs = loop.max_epochs, found.median
    stop_at(cfg, epochs)
    return [f"all data: {epochs} of {planned} epochs, the median of the folds' best in {folder or own} ({found})"]


def _uncounted(cfg: Config) -> list[Problem]:
    """Say why a config can't stop at an epoch."""
    if not (cfg.get("train_cfg") or {}).get("max_epochs"):
        what = "counts iterations; the folds' best epoch can't be followed"
        return [Problem("train_cfg", what, "train by epoch, or set max_iters yourself and move the folds away")]
    schedulers = cfg.get("param_scheduler") or []
    schedulers = schedulers if isinstance(schedulers, list) else [schedulers]
    return [
        Problem(f"param_scheduler.{index}", f"{item.type} needs a validation score", "use a schedule by epoch")
        for index, item in enumerate(schedulers)
        if str(item.get("type")).startswith("ReduceOnPlateau")
    ]


def _other_schedules(cfg: Config, found: BestEpochs, folder: Path) -> list[Problem]:
    """Find folds that took another way, or were best by another score: their best epoch would mean nothing here."""
    ours = without_secrets(cfg._cfg_dict.to_dict())
    problems = []
    for fold, record in found.records.items():
        changes = difference(*({key: settings.get(key) for key in SCHEDULE} for settings in (record.settings, ours)))
        if changes:
            shown = counted([f"{key} = {old!r}, now {new!r}" for key, old, new in changes])
            remedy = "train the folds again, or undo the change"
            problems.append(Problem(str(folder / f"fold_{fold}"), f"was trained on another schedule: {shown}", remedy))
    name, decided = cfg.get("deciding_score"), next(iter(found.records.values())).deciding_name
    if name and decided and name != decided:
        what = f"is {name!r}, while {decided!r} chose the folds' best epochs"
        problems.append(Problem("deciding_score", what, "name the same score, or train the folds again"))
    return problems


def stop_at(cfg: Config, epochs: int) -> None:
    """End a run after some of its planned epochs and change nothing of these.

    Args:
        cfg: A config that counts epochs; changed in place.
        epochs: How many to train; at most as many as planned.
    """
    planned = cfg.train_cfg.max_epochs
    cfg.train_cfg.max_epochs = epochs
    for name, hook in list((cfg.get("default_hooks") or {}).items()):
        if hook:
            cfg.default_hooks[name] = _kept_at_its_epoch(hook, planned, epochs)
    kept = [_kept_at_its_epoch(hook, planned, epochs) for hook in cfg.get("custom_hooks") or []]
    cfg.custom_hooks = [hook for hook in kept if hook is not None]


def _kept_at_its_epoch(hook: ConfigDict, planned: int, epochs: int) -> Any:
    """Let a hook do what it does at the same epoch of a shorter run; None where that is never reached."""
    for key in FROM_THE_END:
        if isinstance(hook.get(key), int) and hook[key]:
            hook[key] -= planned - epochs
            if hook[key] <= 0:
                return None
    if hook.get("type") == "TailAverageHook":
        hook.begin = hook.get("begin", 0.75) * planned / epochs
        if hook.begin >= 1:
            return None
    return hook
