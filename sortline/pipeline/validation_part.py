"""The images that a run validates on: a fold's, a part held out, or none; and whether its files belong together."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict

from sortline.data.annotations import CocoJson, read_annotations
from sortline.data.folding.folds import holdout_split
from sortline.errors import InputError, Problem, counted, tool_command
from sortline.files import file_sha256, read_json, write_json
from sortline.runs.best_epochs import BestEpochs, best_epochs
from sortline.runs.run_folder import fold_folders
from sortline.runs.settings import difference
from sortline.secrets import without_secrets

PARTS = ("train", "val")
#: What the files of one call of make_folds.py say alike of where they are from.
CALL = ("source_sha256", "folds", "seed")
SPLIT_SEED = 0  # not the run's seed: runs of several seeds are compared on the same images


FOLDER = "all_data"
#: Hooks that need a validation score.
SCORE_HOOKS = ("EarlyStoppingHook", "ResumableEarlyStoppingHook")
#: Keys of hooks that count epochs back from the end of the run.
FROM_THE_END = ("last_epochs", "num_last_epochs")
#: What decides at which rate an epoch is trained.
SCHEDULE = ("train_cfg", "param_scheduler")


def choose_validation(cfg: Config, fold: int | None, split_dir: str | Path) -> list[str]:
    """Point a config at a fold's files, or at a held-out part where it names no validation file.

    A config that neither trains nor validates, as for prediction, needs none of them.

    Args:
        cfg: An unbound config; changed in place.
        fold: Number of the fold; None for the config's own files.
        split_dir: Where the two parts are written if one is held out.

    Returns:
        What was chosen, for the log.

    Raises:
        InputError: The train file or the fold's files can't be read, or don't belong together.
    """
    if not cfg.get("train_dataloader") and not cfg.get("val_dataloader"):
        return []
    if cfg.get("all_data"):
        return train_on_all(cfg)
    return use_fold(cfg, fold) if fold is not None else hold_out_validation(cfg, split_dir)


def hold_out_validation(cfg: Config, folder: str | Path) -> list[str]:
    """Split the train file where the dataset config names no validation file.

    The two parts are written to ``folder`` as COCO files, so that every later step reads ordinary files;
    the same train file and fraction always give the same parts, and files that hold them already are left alone.

    Args:
        cfg: An unbound config; its ``ann_files`` are pointed at the parts, and say where these are from.
        folder: Where ``train.json`` and ``val.json`` go.

    Returns:
        A line for the log, or none when there was nothing to do.

    Raises:
        InputError: The train file can't be read.
    """
    ann_files = cfg.get("ann_files")
    if not ann_files or ann_files.get("val") or not ann_files.get("train") or not cfg.get("val_dataloader"):
        return []
    source = os.path.join(cfg.get("data_root") or "", ann_files.train)
    ann_files.held_out_from = ann_files.train
    parts = holdout_split(read_annotations(source), cfg.val_fraction, SPLIT_SEED)
    for name, part in zip(("train", "val"), parts, strict=True):
        path = Path(folder).resolve() / f"{name}.json"
        if not _holds(path, part):
            write_json(path, part)
        ann_files[name] = str(path)
    train, val = (len(part["images"]) for part in parts)
    return [f"{source} split into {train} images to train on and {val} to validate on ({folder})"]


def _holds(path: Path, part: CocoJson) -> bool:
    """Tell whether a file holds a part already: a run that reads it is not disturbed."""
    try:
        return path.is_file() and bool(read_json(path) == part)
    except InputError:
        return False


def use_fold(cfg: Config, fold: int) -> list[str]:
    """Train on a fold's training part and validate on the other.

    Args:
        cfg: An unbound config; its ``ann_files`` are pointed at the parts, ``fold`` is set.
        fold: Number of the fold.

    Returns:
        A line for the log.

    Raises:
        InputError: The config names no ``fold_files``, the fold's are absent, or they were made from another train
            file than the config's; all problems together.
    """
    template = _template(cfg)
    source = os.path.join(cfg.get("data_root") or "", cfg.ann_files.train)
    names = {part: _file_name(template, fold, part) for part in PARTS}
    paths = {part: os.path.join(cfg.get("data_root") or "", name) for part, name in names.items()}
    absent = [path for path in paths.values() if not Path(path).is_file()]
    if absent:
        remedy = _make_them(source, available_folds(cfg))
        raise InputError([Problem(path, "no such fold file", remedy) for path in absent])
    parts = [read_annotations(path) for path in paths.values()]
    problems = _differences(source, paths, parts, fold)
    if problems:
        raise InputError(problems)
    cfg.ann_files.update(names)
    cfg.fold = fold
    train, val = (len(part["images"]) for part in parts)
    return [f"fold {fold}: {train} images to train on, {val} to validate on ({paths['val']})"]


def available_folds(cfg: Config) -> list[int]:
    """List the folds of which both files are there.

    Raises:
        InputError: The config names no ``fold_files``.
    """
    template = _template(cfg)
    root = Path(cfg.get("data_root") or "")
    pattern = re.escape(Path(_file_name(template, "*", "val")).name).replace(r"\*", r"(\d+)")
    folder = root / Path(template).parent
    found = [re.fullmatch(pattern, path.name) for path in folder.iterdir()] if folder.is_dir() else []
    folds = sorted(int(match[1]) for match in found if match)
    return [fold for fold in folds if (root / _file_name(template, fold, "train")).is_file()]


def _template(cfg: Config) -> str:
    template = cfg.get("fold_files")
    if not template or not (cfg.get("ann_files") or {}).get("train"):
        remedy = 'inherit from a file in configs/_base_/datasets, or write fold_files = "folds/fold_{fold}_{part}.json"'
        raise InputError(Problem("--fold", "this config names no fold_files beside its ann_files.train", remedy))
    return str(template)


def _file_name(template: str, fold: int | str, part: str) -> str:
    return template.replace("{fold}", str(fold)).replace("{part}", part)


def _make_them(source: str, folds: Sequence[int]) -> str:
    if folds:
        return f"there are the folds {', '.join(map(str, folds))}"
    return "make them: " + tool_command("tools/make_folds.py", source, "--folds", 5)


def _differences(source: str, paths: dict[str, str], parts: Sequence[CocoJson], fold: int) -> list[Problem]:
    """Compare a fold's two parts with each other and with the train file that the config names."""
    again = "make the folds again: " + tool_command("tools/make_folds.py", source, "--overwrite")
    train, val = ({image["file_name"] for image in part["images"]} for part in parts)
    if both := sorted(train & val):
        what = f"{len(both):,} of its images are in {paths['val']} too: {counted(both)}"
        return [Problem(paths["train"], what, "an image that is trained on can't validate: " + again)]
    whole = read_annotations(source)
    listed = {image["file_name"] for image in whole["images"]}
    problems = []
    for names, what in (
        (listed - train - val, f"of {source} are in neither part of the fold"),
        ((train | val) - listed, f"of the fold are not in {source}"),
    ):
        if names:
            problems.append(Problem(paths["train"], f"{len(names):,} images {what}: {counted(sorted(names))}", again))
    if problems:
        return problems
    ours, theirs = _boxes(whole), sum((_boxes(part) for part in parts), Counter())
    if ours != theirs:
        changed = sorted({name for name, *_ in ((ours - theirs) + (theirs - ours))})
        what = f"has other boxes than {source} on {len(changed):,} images: {counted(changed)}"
        return [Problem(f"{paths['train']} and {paths['val']}", what, again)]
    return _foreign_origins(paths, [origin_of(part) for part in parts], fold, file_sha256(source), again)


def _boxes(annotations: CocoJson) -> Counter[tuple[Any, ...]]:
    """Count the boxes, each known by its photo, class, place and crowd flag, whatever its ids."""
    files = {image["id"]: image["file_name"] for image in annotations["images"]}
    classes = {category["id"]: category["name"] for category in annotations["categories"]}
    return Counter(
        (files[box["image_id"]], classes[box["category_id"]], *box["bbox"], box.get("iscrowd", 0))
        for box in annotations["annotations"]
    )


def origin_of(annotations: CocoJson) -> dict[str, Any]:
    """Return what a file made by make_folds.py says of where it is from; nothing for other files."""
    info = annotations.get("info")
    origin = info.get("sortline") if isinstance(info, dict) else None
    return origin if isinstance(origin, dict) else {}


def _foreign_origins(
    paths: dict[str, str], origins: Sequence[dict[str, Any]], fold: int, source_sha256: str, remedy: str
) -> list[Problem]:
    """Find parts that were made as another fold, from other content, or by two calls of make_folds.py."""
    if not any(origins):
        return []
    expected = {"source_sha256": source_sha256, "fold": fold}
    problems = [
        Problem(paths[part], f"was not made as this part of this fold from this train file: {_shown(origin)}", remedy)
        for part, origin in zip(PARTS, origins, strict=True)
        if {**origin, **expected, "part": part} != origin
    ]
    calls = [{key: origin.get(key) for key in CALL} for origin in origins]
    if not problems and calls[0] != calls[1]:
        what = f"and {paths['val']} were made by two calls of make_folds.py: {calls[0]} and {calls[1]}"
        problems.append(Problem(paths["train"], what, remedy))
    return problems


def _shown(origin: dict[str, Any]) -> str:
    """Say briefly where a part is from."""
    if not origin:
        return "it says nothing of where it is from"
    digest = str(origin.get("source_sha256"))[:12]
    return f"it is the {origin.get('part')} part of fold {origin.get('fold')} of a file with SHA-256 {digest}..."


def check_together(cfg: Config, folds: Sequence[int]) -> None:
    """Make sure that folds were made together: each image validates in one of them.

    Args:
        cfg: An unbound config.
        folds: Their numbers; their files exist.

    Raises:
        InputError: An image validates twice, or the folds were made by several calls of make_folds.py.
    """
    template, root = _template(cfg), cfg.get("data_root") or ""
    paths = {fold: os.path.join(root, _file_name(template, fold, "val")) for fold in folds}
    parts = {fold: read_annotations(path) for fold, path in paths.items() if Path(path).is_file()}
    times = Counter(image["file_name"] for part in parts.values() for image in part["images"])
    source = os.path.join(root, cfg.ann_files.train)
    remedy = "make all of them again: " + tool_command("tools/make_folds.py", source, "--overwrite")
    if twice := [name for name, number in times.items() if number > 1]:
        what = f"{len(twice):,} images validate in more than one fold: {counted(twice)}"
        raise InputError(Problem(os.path.join(root, template), what, remedy))
    calls = {fold: {key: origin_of(part).get(key) for key in CALL} for fold, part in parts.items()}
    others = [fold for fold, call in calls.items() if call != next(iter(calls.values()))]
    if others:
        what = f"folds {counted(others)} were made by another call of make_folds.py than fold {next(iter(calls))}"
        raise InputError(Problem(os.path.join(root, template), what, remedy))


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
