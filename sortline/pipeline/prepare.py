"""The way of a run: compose its config, edit it as asked, bind it to its data, check it, and freeze it."""

from __future__ import annotations

import copy
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn

from mmengine.config import Config, ConfigDict

from sortline.errors import InputError, Problem
from sortline.pipeline import edit as edits
from sortline.pipeline.bind import PARTS, annotation_path, bind, leaf_datasets
from sortline.pipeline.check import check, check_kinds
from sortline.pipeline.check.training import unseeded_lines
from sortline.pipeline.compose import load_config, read_overrides
from sortline.pipeline.inference import point_at_source
from sortline.pipeline.initial_weights import InitialWeights, find_initial_weights
from sortline.pipeline.request import RunRequest
from sortline.pipeline.tta import tta_folder, tta_record, use_tta
from sortline.pipeline.validation_part import choose_validation, follow_folds
from sortline.runs.checkpoints import find_checkpoint, find_resume
from sortline.runs.recorded_settings import record_settings, settings_hash
from sortline.runs.run_folder import run_identity
from sortline.runs.run_record import RunRecord, describe_files, read_record
from sortline.tracking.trackers import give_identity
from sortline.weights.fetch_pretrained import resolve_pretrained
from sortline.weights.pretrained import drop_pretrained

#: What takes the place of mmengine's loops.
RESUMABLE = {"EpochBasedTrainLoop": "ResumableEpochLoop", "IterBasedTrainLoop": "ResumableIterLoop"}


@dataclass
class Draft:
    """A config composed and edited as asked: it names its run folder, and nothing is written yet.

    Attributes:
        request: What is asked for; a run that was to be resumed if possible now is, or starts anew.
        cfg: The config, its values of the right kinds.
    """

    request: RunRequest
    cfg: Config


@dataclass
class CheckedRun:
    """A config that is bound to its data and has passed every check.

    Attributes:
        request: What is asked for.
        cfg: The config with all that decides the run's results.
        lines: What was set, and from where, for the log.
        weights: Weights of other runs that training begins with, if any.
    """

    request: RunRequest
    cfg: Config
    lines: list[str] = field(default_factory=list)
    weights: InitialWeights | None = None

    def record(self) -> RunRecord:
        """Describe the run that this config starts, before anything that only says where to continue is set."""
        cfg = self.cfg
        settings, types = record_settings(cfg._cfg_dict.to_dict())
        return RunRecord(
            str(cfg.filename),
            settings,
            describe_annotations(cfg),
            cfg.get("fold"),
            settings_sha256=settings_hash(settings),
            settings_types=types,
            held_out_from=held_out_from(cfg),
        )


@dataclass(frozen=True)
class ReadyRun:
    """A run about to happen: all is decided.

    Attributes:
        request: What was asked for.
        cfg: The frozen config; the Runner works on a copy.
        record: What to keep of the run in its folder.
        lines: What was set, and from where, for the log.
        warnings: What the log should warn of.
    """

    request: RunRequest
    cfg: Config
    record: RunRecord
    lines: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def draft_run(request: RunRequest, choose_data: Callable[[Config], None] | None = None) -> Draft:
    """Compose a config and edit it; nothing is written, so that its run folder can be held first.

    Args:
        request: What is asked for.
        choose_data: What decides on the data in place of the request's ``data_root``.

    Raises:
        InputError: The config can't be read, or holds values of a wrong kind, or there is nothing to resume.
    """
    cfg = load_config(request.config, request.cfg_options)
    if problems := check_kinds(cfg):
        raise InputError(problems)  # nothing that follows could read such a config
    edits.edit(cfg, request, choose_data)
    if request.resume is not None:
        try:
            find_resume(cfg.work_dir, None if request.resume == "auto" else request.resume)
        except InputError:
            if not request.resume_or_start:
                raise
            request = replace(request, resume=None)
    return Draft(replace(request, resume_or_start=False), cfg)


def check_run(draft: Draft, parts: Sequence[str] = PARTS, split_dir: str | Path | None = None) -> CheckedRun:
    """Choose the validation images, bind and check a drafted config; torch is not needed for it.

    Args:
        draft: Taken over, its config changed in place.
        parts: Loaders whose files are checked.
        split_dir: Where a held-out validation part is written; the run folder's ``split`` unless given.

    Raises:
        InputError: All problems of keys, types, data files and schedule together.
    """
    request, cfg = draft.request, draft.cfg
    edited = copy.deepcopy(cfg)
    lines: list[str] = []
    split_problems: list[Problem] = []
    try:
        lines += choose_validation(cfg, request.fold, split_dir or f"{cfg.work_dir}/split")
    except InputError as error:
        split_problems = error.problems
        parts = [part for part in parts if part != "val"]
    lines += bind(cfg) + unseeded_lines(cfg)
    problems = check(edited, cfg, parts, list(read_overrides(request.cfg_options)))
    problems += [problem for problem in split_problems if problem not in problems]
    if problems:
        raise InputError(problems)
    if request.smoke:
        edits.use_smoke(cfg)
    return CheckedRun(request, cfg, lines)


@contextmanager
def no_split_of_a_refused_run(work_dir: str) -> Iterator[Path]:
    """Yield the folder where a run's held-out validation part belongs; it is removed if the run is refused.

    A folder that was there before stays.
    """
    split_dir = Path(work_dir, "split")
    was_there = split_dir.exists()
    try:
        yield split_dir
    except InputError:
        if not was_there:
            shutil.rmtree(split_dir, ignore_errors=True)
        raise


def check_training_run(draft: Draft, parts: Sequence[str] = PARTS, split_dir: str | Path | None = None) -> CheckedRun:
    """Check a drafted config as :func:`check_run` does, then do what its request says of training.

    Raises:
        InputError: As for :func:`check_run`; no base batch size to scale the learning rate from; runs to start from
            or to go by are not there.
    """
    run = check_run(draft, parts, split_dir)
    request, cfg = run.request, run.cfg
    if request.auto_scale_lr:
        edits.use_auto_scale_lr(cfg)
    run.lines += edits.count_accumulation(cfg)
    if request.amp:
        edits.use_amp(cfg, request.amp)
    if not request.smoke:
        if cfg.get("all_data"):
            run.lines += follow_folds(cfg, request.epochs_from)
        if cfg.get("start_from") or cfg.get("teacher_from"):
            run.weights = find_initial_weights(cfg, resumes=request.resume is not None)
            run.lines += run.weights.lines
    if request.auto_batch:
        run.lines += _choose_batch(run)
    return run


def _choose_batch(run: CheckedRun) -> list[str]:
    """Set the batch that ``--auto-batch`` asks for and return lines that say so."""
    if run.request.smoke:
        return ["auto-batch: not tried in a smoke run, whose batches hold two images"]
    record = read_record(run.cfg.work_dir) if run.request.resume is not None else None
    if record is not None:
        return edits.use_batch_of(run.cfg, record.settings)
    from sortline.pipeline.auto_batch import use_auto_batch  # needs torch

    return use_auto_batch(run.cfg, run.request.launcher)


def ready_to_train(run: CheckedRun) -> ReadyRun:
    """Decide what is left: the weights to begin with or the checkpoint to go on from, tracking, processes.

    Raises:
        InputError: There is nothing to resume, weights can't be had, or the device can't train as asked.
    """
    request, cfg, lines = run.request, run.cfg, list(run.lines)
    record = run.record()
    if run.weights is not None:
        run.weights.apply(cfg)
    if request.resume is not None:
        checkpoint = find_resume(cfg.work_dir, None if request.resume == "auto" else request.resume)
        cfg.resume, cfg.load_from = True, str(checkpoint)
        lines += [f"resuming from {checkpoint}", *edits.ignored_on_resume(cfg, read_record(cfg.work_dir))]
    if problem := edits.amp_problem(cfg, device_type()):
        raise InputError(problem)
    warnings = resolve_pretrained(cfg, request.from_scratch)
    loop = cfg.get("train_cfg")
    if loop and "by_epoch" in loop:
        loop.type = "EpochBasedTrainLoop" if loop.pop("by_epoch") else "IterBasedTrainLoop"
    if loop:
        loop.type = RESUMABLE.get(loop.type, loop.type)
    return _ready(run, record, lines, warnings, "train")


def ready_to_test(request: RunRequest, checkpoint: str | None = None) -> ReadyRun:
    """Check a config and make it score a checkpoint on the validation images, then predict the test images.

    Args:
        request: What is asked for.
        checkpoint: Weights; the run folder's best unless given, else its last.

    Raises:
        InputError: The config is not sound, or there is no such checkpoint.
    """
    draft = draft_run(request)
    folder = draft.cfg.work_dir
    weights = find_checkpoint(folder, checkpoint)
    with no_split_of_a_refused_run(folder) as split_dir:
        run = check_run(draft, ("val", "test"), split_dir)
    if request.tta:
        run.lines += use_tta(run.cfg)
    record = run.record()
    if request.tta:
        record = tta_record(record, read_record(folder))
    submission = (run.cfg.get("default_hooks") or {}).get("submission")
    if submission:
        submission.val = True
    return ready_with_weights(run, record, weights)


def ready_to_predict(request: RunRequest, source: str, out: Path | None, checkpoint: str | None = None) -> ReadyRun:
    """Check a config and make it predict photos that belong to no dataset; nothing is tracked.

    Args:
        request: What is asked for; ``data_root`` is the folder of the images that a COCO json lists.
        source: Photo, folder of photos, or COCO json.
        out: Folder for the results; ``predict/<source>`` in the run folder unless given. It becomes ``work_dir``.
        checkpoint: Weights; the run folder's best unless given, else its last.

    Raises:
        InputError: The config is not sound, the photos can't be read, or there is no such checkpoint.
    """
    folder = ""

    def choose_data(cfg: Config) -> None:
        nonlocal folder, out
        folder = cfg.work_dir
        below = tta_folder(folder, request.fold) if request.tta else folder
        out = out or Path(below, "predict", Path(source).stem)
        point_at_source(cfg, source, request.data_root, out)

    run = check_run(draft_run(request, choose_data), ("test",))
    weights = find_checkpoint(folder, checkpoint)
    if request.tta:
        run.lines += use_tta(run.cfg)
    run.cfg.work_dir = str(out)
    run.cfg.visualizer.vis_backends = [dict(type="LocalVisBackend")]
    return ready_with_weights(run, run.record(), weights)


def ready_with_weights(run: CheckedRun, record: RunRecord, weights: Path) -> ReadyRun:
    """Start from a checkpoint, whose weights replace all pretrained ones."""
    cfg = run.cfg
    cfg.load_from, cfg.resume = str(weights), False
    drop_pretrained(cfg.get("model"))
    warnings = resolve_pretrained(cfg)  # what is left is no start but a part, such as a teacher
    cfg.default_hooks.checkpoint = None  # validation outside of training would save a new best checkpoint
    return _ready(run, record, run.lines, warnings, "test")


def _ready(run: CheckedRun, record: RunRecord, lines: list[str], warnings: list[str], job_type: str) -> ReadyRun:
    """Say who the run is to trackers and what starts its processes, then freeze its config."""
    request, cfg = run.request, run.cfg
    cfg.launcher = request.launcher
    identity = run_identity(cfg.filename, cfg.work_dir, job_type, cfg.get("fold"))
    give_identity((cfg.get("visualizer") or {}).get("vis_backends") or [], identity)
    if request.launcher == "pytorch" and device_type() == "cpu":
        # mmengine would want a CUDA device for each process (wrap_model in mmengine/runner/runner.py).
        unused = bool(cfg.get("find_unused_parameters", False))
        wrapper = {"type": "ProcessesOnCPU", "broadcast_buffers": False, "find_unused_parameters": unused}
        cfg.setdefault("model_wrapper_cfg", wrapper)
    return ReadyRun(request, freeze(cfg), record, tuple(lines), tuple(warnings))


def device_type() -> str:
    """Say which kind of device training uses here."""
    import torch  # here, since checking a config needs none of it

    return "cuda" if torch.cuda.is_available() else "cpu"


def freeze(cfg: Config) -> Config:
    """Return a config that can be read and not changed; a deep copy of it, such as the Runner makes, can be.

    Args:
        cfg: A config; not changed.
    """
    return Config(_frozen(cfg._cfg_dict), cfg_text=cfg.text, filename=cfg.filename)


def _refuse(*_: Any, **__: Any) -> NoReturn:
    raise TypeError("the config is frozen: it was checked as it is, so decide on it before the check")


class FrozenDict(ConfigDict):
    """A dict of a frozen config. A deep copy is an ordinary one."""

    __setitem__ = __setattr__ = __delitem__ = __delattr__ = _refuse
    update = setdefault = pop = popitem = clear = merge = _refuse

    def __deepcopy__(self, memo: dict[int, Any]) -> ConfigDict:
        items: dict[Any, Any] = self
        return ConfigDict({key: copy.deepcopy(dict.__getitem__(items, key), memo) for key in dict.keys(items)})


class FrozenList(list[Any]):
    """A list of a frozen config. A deep copy is an ordinary one."""

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = extend = insert = pop = remove = clear = sort = reverse = _refuse

    def __deepcopy__(self, memo: dict[int, Any]) -> list[Any]:
        return [copy.deepcopy(value, memo) for value in self]


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        frozen = FrozenDict()
        plain: dict[Any, Any] = value
        for key in dict.keys(plain):  # not items(), which would build what is lazy
            dict.__setitem__(frozen, key, _frozen(dict.__getitem__(plain, key)))
        return frozen
    if isinstance(value, list):
        return FrozenList(_frozen(item) for item in value)
    return tuple(_frozen(item) for item in value) if type(value) is tuple else value


def datasets_by_part(cfg: Config) -> dict[str, ConfigDict]:
    """List the datasets that read files: ``"train"``, ``"val"``, ``"test"``, and ``"train_1"`` of a second source."""
    found = {}
    for part in PARTS:
        datasets = leaf_datasets(cfg[f"{part}_dataloader"].dataset) if cfg.get(f"{part}_dataloader") else ()
        for index, dataset in enumerate(datasets):
            found[f"{part}_{index}" if index else part] = dataset
    return found


def describe_annotations(cfg: Config) -> dict[str, dict[str, str]]:
    """Name the annotation files by place and content."""
    return describe_files({part: annotation_path(dataset) for part, dataset in datasets_by_part(cfg).items()})


def held_out_from(cfg: Config) -> dict[str, str]:
    """Name the file of which the validation part was held out by place and content; nothing where none was."""
    name = (cfg.get("ann_files") or {}).get("held_out_from")
    if not name:
        return {}
    return describe_files({"source": os.path.join(cfg.get("data_root") or "", name)}).get("source", {})
