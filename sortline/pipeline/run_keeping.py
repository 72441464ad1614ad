"""Keeping a run's record while it trains: written at the start, after each epoch and at the end, however it ends."""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config, ConfigDict
from mmengine.dist import get_world_size, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner

from sortline.errors import InputError, RunStopped
from sortline.nested import dicts_below
from sortline.pipeline.bind import annotation_path, as_list
from sortline.pipeline.prepare import datasets_by_part
from sortline.runs.conditions import Hardware, Photos, describe_photos, installed_versions, set_variables, this_machine
from sortline.runs.git_state import keep_code
from sortline.runs.named_score import best_in_training
from sortline.runs.run_record import FAILED, STOPPED, TRAINED, RunRecord, Start, read_record, utc_now
from sortline.secrets import command_line, hide_in_text
from sortline.weights.pretrained import CHECKPOINT_KEYS, find_wants
from sortline.weights.weight_file import known_sha256

BYTES_PER_MIB = 2**20
# Linux counts a process's memory in KiB, macOS in bytes.
RSS_UNIT = 1 if sys.platform == "darwin" else 2**10
#: Characters of an error's message that a record keeps.
MAX_REASON = 500


def hardware(processes: int = 1) -> Hardware:
    """Describe the machine and what torch uses of it.

    Args:
        processes: Number of training processes, each of which uses a GPU where there are any.
    """
    devices = range(min(processes, torch.cuda.device_count())) if torch.cuda.is_available() else range(0)
    memory = torch.cuda.get_device_properties(0).total_memory if devices else 0
    return replace(
        this_machine(),
        cpu_capability=torch.backends.cpu.get_cpu_capability(),
        threads=torch.get_num_threads(),
        devices=[torch.cuda.get_device_name(index) for index in devices],
        device_memory_gib=round(memory / 2**30, 1),
        processes=processes,
    )


def ops_implementation() -> str:
    """Say who serves mmcv.ops: ``"compiled"``, mmcv's own extension, or ``"sortline"``."""
    import mmcv.ops  # finds the extension or what stands in for it, which costs a start that need not know

    return "sortline" if "Sortline" in mmcv.ops.get_compiler_version() else "compiled"


def versions() -> dict[str, str]:
    """Return the versions of what computes: Python, packages, CUDA and cuDNN, and whose operators mmcv uses."""
    found = {**installed_versions(), "torch": torch.__version__, "mmcv.ops": ops_implementation()}
    if torch.cuda.is_available():
        found |= {"cuda": str(torch.version.cuda), "cudnn": str(torch.backends.cudnn.version())}
    return found


def with_conditions(record: RunRecord, cfg: Config, seed: int | None, processes: int = 1) -> RunRecord:
    """Return a record with what the run depends on, but for the state of its code.

    Args:
        record: The run's record.
        cfg: Its config, pretrained weights fetched.
        seed: The seed in use.
        processes: Number of training processes.
    """
    return replace(
        record,
        command=command_line(sys.argv),
        seed=seed,
        versions=versions(),
        variables=set_variables(os.environ),
        hardware=hardware(processes),
        parent_checkpoint=describe_parents(cfg),
        photos=photos_by_part(cfg),
    )


def describe_run(record: RunRecord, runner: Runner) -> RunRecord:
    """Return a record with what a run depends on; its code's patch is written into the run folder."""
    described = with_conditions(record, runner.cfg, runner.seed, get_world_size())
    return replace(described, git=keep_code(runner.work_dir))


def _known(folder: str) -> RunRecord | None:
    """Read the record of a run that goes on; one that can't be read is no reason to stop it."""
    try:
        return read_record(folder)
    except InputError:
        return None


class RunKeeper:
    """Writes the record of a training run into its folder; only the first of several processes does.

    Args:
        runner: The run's.
        record: Its record, with settings and annotation files.
    """

    def __init__(self, runner: Runner, record: RunRecord) -> None:
        self.runner = runner
        self._began = time.monotonic()
        self._record = self._begun(record) if is_main_process() else record

    def _begun(self, record: RunRecord) -> RunRecord:
        cfg = self.runner.cfg
        record = describe_run(record, self.runner)
        resumes = bool(cfg.get("resume"))
        resumed_from = str(cfg.load_from) if resumes else ""
        start = Start(utc_now(), record.command, resumed_from, record.settings_sha256, record.git)
        return record.begun(start, _known(cfg.work_dir) if resumes else None)

    def write(self) -> None:
        """Write the record as it is."""
        if is_main_process():
            self._record.write(self.runner.work_dir)

    def update(self, epochs_done: int) -> None:
        """Write how far the run has come.

        Args:
            epochs_done: Complete epochs behind it.
        """
        best = best_in_training(self.runner.message_hub.runtime_info, self._record.settings)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT / BYTES_PER_MIB
        on_gpu = torch.cuda.max_memory_allocated() / BYTES_PER_MIB if torch.cuda.is_available() else None
        known = self._record
        self._record = replace(
            known.after(time.monotonic() - self._began) if known.starts else known,
            epochs_done=max(epochs_done, known.epochs_done),
            best_score=best or known.best_score,
            peak_memory_mib=max(round(memory, 1), known.peak_memory_mib),
            peak_device_memory_mib=None
            if on_gpu is None
            else max(round(on_gpu, 1), known.peak_device_memory_mib or 0.0),
        )
        self.write()

    def end(self, status: str, reason: str = "") -> None:
        """Write how the run ended."""
        self._record = self._record.ended(status, reason)
        self.update(epochs_done(self.runner))


class RunRecordHook(Hook):
    """Keeps the record up to date, so that a killed run's says how far it came. Made by :func:`kept_record`."""

    # After the checkpoint hook of the same priority, which decides on the best score; before trackers get the record.
    priority = 99

    def __init__(self, keeper: RunKeeper) -> None:
        self.keeper = keeper

    def after_train_epoch(self, runner: Any) -> None:
        """Count the epoch that is complete now."""
        by_epoch = isinstance(runner.train_loop, EpochBasedTrainLoop)
        # The loop counts an epoch after its hooks.
        self.keeper.update(runner.epoch + 1 if by_epoch else epochs_done(runner))

    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Note the best score."""
        self.keeper.update(epochs_done(runner))

    def after_train(self, runner: Any) -> None:
        """Note that the run has come to its end."""
        self.keeper.end(TRAINED)


def epochs_done(runner: Any) -> int:
    """Count the complete passes through the training images."""
    if isinstance(runner._train_loop, EpochBasedTrainLoop):
        return int(runner.epoch)
    if isinstance(runner._train_loop, dict):  # not built yet
        return 0
    return int(runner.iter // len(runner.train_dataloader))


@contextmanager
def kept_record(runner: Runner, record: RunRecord) -> Iterator[None]:
    """Keep a run's record up to date while the body trains, and note how it ended.

    A signal, Ctrl-C and a plain exit count as ``STOPPED``, any other error as ``FAILED``; both are passed on.

    Args:
        runner: Not yet training.
        record: The run's record, with settings and annotation files.

    Raises:
        OSError: The record can't be written.
    """
    keeper = RunKeeper(runner, record)
    keeper.write()
    runner.register_hook(RunRecordHook(keeper))
    try:
        yield
    except BaseException as error:
        stopped = isinstance(error, RunStopped | KeyboardInterrupt | SystemExit)
        reason = "" if stopped else hide_in_text(f"{type(error).__name__}: {error}")[:MAX_REASON]
        with suppress(OSError):  # the disk may be full: the error itself is what counts
            keeper.end(STOPPED if stopped else FAILED, reason)
        raise


def photos_by_part(cfg: Config) -> dict[str, Photos]:
    """Describe the photos of each annotation file that is there."""
    return {
        part: describe_photos(annotation_path(dataset), _photo_folder(dataset))
        for part, dataset in datasets_by_part(cfg).items()
        if Path(annotation_path(dataset)).is_file()
    }


def _photo_folder(dataset: ConfigDict) -> str:
    prefix = (dataset.get("data_prefix") or {}).get("img") or ""
    return os.path.join(dataset.get("data_root") or "", prefix)


def describe_parents(cfg: Config) -> dict[str, dict[str, str]]:
    """Name the weights that a run begins with by place and content, by the config key that wants them.

    Args:
        cfg: A config; downloads that it asks for count where they are in the cache already.
    """
    return {key: {"path": str(path), "sha256": known_sha256(path)} for key, path in _parents(cfg) if path.is_file()}


def _parents(cfg: Config) -> Iterator[tuple[str, Path]]:
    for want in find_wants(cfg):
        yield want.file.place, want.file.find()[1]
    if cfg.get("load_from") and not cfg.get("resume"):
        yield "load_from", Path(cfg.load_from).expanduser()
    for place, node in dicts_below(cfg.get("model"), "model"):
        for key in CHECKPOINT_KEYS:
            if node.get(key):
                yield f"{place}.{key}", Path(str(node[key])).expanduser()
        for entry in as_list(node.get("init_cfg")):
            if isinstance(entry, dict) and entry.get("type") == "Pretrained":
                yield place, Path(str(entry.get("checkpoint"))).expanduser()
        yield from _timm_parent(place, node)


def _timm_parent(place: str, node: Any) -> Iterator[tuple[str, Path]]:
    """Find the file, or the package with a file, that a :class:`TimmBackbone` names."""
    name = node.get("pretrained") if node.get("type") == "TimmBackbone" else None
    if not isinstance(name, str):
        return
    from sortline.weights.timm_weights import find_weights  # torch's, which most callers do without

    try:
        yield place, find_weights(name)
    except InputError:  # building the model says so, better
        return
