"""A run again from its record: what differs now, the settings as they were in a folder of its own, the two compared."""

from __future__ import annotations

import copy
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mmengine.config import Config
from rich.console import Console

from sortline.errors import InputError, Problem
from sortline.pipeline.check import check, check_kinds
from sortline.pipeline.execute import held, is_first_process, run_training
from sortline.pipeline.initial_weights import find_initial_weights
from sortline.pipeline.prepare import CheckedRun, ready_to_train
from sortline.pipeline.registered import load_schema, own_imports
from sortline.pipeline.request import RunRequest
from sortline.pipeline.run_keeping import with_conditions
from sortline.pipeline.validation_part import hold_out_validation
from sortline.runs.checkpoints import find_resume
from sortline.runs.conditions import processes_of
from sortline.runs.git_state import differing_files, read_code
from sortline.runs.logged_scalars import LossComparison, compare_logged, read_logged
from sortline.runs.recorded_settings import restore_settings, without_hidden
from sortline.runs.repeatability import Difference, find_differences, of_hidden, print_differences
from sortline.runs.run_folder import RECORD
from sortline.runs.run_record import RunRecord
from sortline.weights.checkpoint_comparison import WeightComparison, compare_checkpoints
from sortline.weights.fetch_pretrained import missing_lines, resolve_pretrained
from sortline.weights.pretrained import find_wants

GPU_CAVEAT = (
    "This run used a GPU without randomness.deterministic=True: some operations there add up in no fixed order. Even "
    "on the same machine a repetition differs in the last digits at first, and soon in the others."
)


@dataclass(frozen=True)
class RepeatRequest:
    """A run to be repeated, or only to be looked at.

    Attributes:
        run: Run folder that holds a ``run.json``.
        target: Folder of the repetition; it holds no run yet.
        data_root: Where the data is now; where it was, unless given.
        look_only: List the differences and train nothing.
        anyway: Repeat it although its data or weights have changed.
        trust_checkpoint: Load checkpoint files that can run code.
        launcher: What starts several processes.
    """

    run: Path
    target: Path
    data_root: str | None = None
    look_only: bool = False
    anyway: bool = False
    trust_checkpoint: bool = False
    launcher: str = "none"


@dataclass(frozen=True)
class Repeat:
    """A run about to be repeated.

    Attributes:
        record: The run's record.
        checked: Its config, checked again.
        hidden: Settings that are left out, since the record hides their values.
    """

    record: RunRecord
    checked: CheckedRun
    hidden: list[str] = field(default_factory=list)


def reproduce(record: RunRecord, request: RepeatRequest) -> dict[str, Any]:
    """List what differs from a run's conditions, repeat the run and compare the two.

    Args:
        record: The run's record.
        request: What is asked for.

    Returns:
        ``differences``; after a repetition also ``work_dir``, ``losses``, ``weights`` (None where the run's are not
        there any more) and ``same``: whether all that could be compared is the same bit for bit.

    Raises:
        InputError: The data or the weights that the run began with have changed, or its settings are not understood
            any more.
    """
    console = Console(quiet=not is_first_process(request.launcher))
    with tempfile.TemporaryDirectory() as scratch:
        repeat = prepare_repeat(record, request, scratch)
        differences, lines = list_differences(repeat, request)
    print_differences(console, differences)
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if record.hardware.devices and not (record.settings.get("randomness") or {}).get("deterministic"):
        console.print(GPU_CAVEAT, soft_wrap=True)
    if request.look_only:
        return {"differences": differences}
    if not request.anyway:
        _refuse_other_data(differences)
    logged = read_logged(request.run)
    target = request.target
    with held(str(target), request.launcher) as split_dir:
        run_training(ready_to_train(prepare_repeat(record, request, split_dir).checked))
    losses = compare_logged(logged, read_logged(target))
    weights = compare_last_weights(request.run, target, request.trust_checkpoint)
    for line in [*verdict(losses, weights), f"run folder: {target}"]:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    same = losses.first is None and not (weights and weights.different) and bool(losses.compared or weights)
    results = {"work_dir": str(target), "losses": losses, "weights": weights, "same": same}
    return {"differences": differences, **results}


def list_differences(repeat: Repeat, request: RepeatRequest) -> tuple[list[Difference], list[str]]:
    """List what is not as it was when a run was trained.

    Args:
        repeat: The run, prepared to be repeated.
        request: What is asked for; unless that is only to look, weights that the run began with are downloaded where
            they are not here any more.

    Returns:
        The differences, and lines on weights that are still to be downloaded.

    Raises:
        InputError: Weights can't be downloaded.
    """
    cfg = copy.deepcopy(repeat.checked.cfg)
    if repeat.checked.weights is not None:
        repeat.checked.weights.apply(cfg)
    if not request.look_only:
        resolve_pretrained(cfg)
    now = _as_now(repeat, cfg, request.launcher)
    files = differing_files(repeat.record.git, request.run)
    return [*find_differences(repeat.record, now, files), *of_hidden(repeat.hidden)], missing_lines(cfg)


def _as_now(repeat: Repeat, cfg: Config, launcher: str) -> RunRecord:
    """Describe the run as it would be started now; what is still to be downloaded counts as it was."""
    processes = processes_of(launcher, os.environ)
    now = with_conditions(repeat.checked.record(), cfg, repeat.record.seed, processes)
    to_come = {want.file.place for want in find_wants(cfg) if not want.file.here}
    parents = {key: file for key, file in repeat.record.parent_checkpoint.items() if key in to_come}
    return replace(now, git=read_code()[0], parent_checkpoint={**now.parent_checkpoint, **parents})


def _refuse_other_data(differences: list[Difference]) -> None:
    remedy = "restore it, name its place with --data-root, or repeat the run on what there is now with --anyway"
    changed = [item for item in differences if item.of_data]
    problems = [Problem(item.what, f"was {item.then}, is now {item.now}") for item in changed]
    if problems:
        raise InputError([*problems[:-1], replace(problems[-1], remedy=remedy)])


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


def prepare_repeat(record: RunRecord, request: RepeatRequest, split_dir: str | os.PathLike[str]) -> Repeat:
    """Make a recorded run ready to run again.

    Args:
        record: The run's record.
        request: What is asked for.
        split_dir: Where a held-out validation part is written again.

    Raises:
        InputError: The record's settings were changed, are not understood by the code any more, or weights of
            another run that it started from are not there.
    """
    try:
        settings = restore_settings(record.settings, record.settings_types)
    except (KeyError, IndexError, ValueError, TypeError):
        raise InputError(Problem(RECORD, "its settings have been changed by hand", "restore the file")) from None
    settings, hidden = without_hidden(settings)
    if kinds := check_kinds(Config(settings, cfg_text=f"# {RECORD}", filename=RECORD)):
        raise InputError(kinds)  # nothing that follows could read such settings
    settings["randomness"] = {**(settings.get("randomness") or {}), "seed": record.seed}
    if request.data_root is not None:
        settings = _on_other_data(settings, os.path.expanduser(request.data_root))
    lines: list[str] = []
    settings = _with_parts(settings, Path(split_dir), lines)
    settings["work_dir"] = str(request.target)
    cfg = Config(settings, cfg_text=f"# repeated from {RECORD}", filename=record.config)
    # Modules of the user's own that the run used are code: to look at a run imports none of them.
    imports = own_imports(cfg)
    _refuse_code_of_the_run(imports, request.run)
    schema = load_schema([] if request.look_only else imports)
    if not (request.look_only and imports) and (problems := check(cfg, None, schema=schema, recorded=True)):
        raise InputError(problems)
    _start_as_then(cfg, record)
    asked = RunRequest(record.config, trust_checkpoint=request.trust_checkpoint, launcher=request.launcher)
    return Repeat(record, CheckedRun(asked, cfg, lines, find_initial_weights(cfg)), hidden)


def _refuse_code_of_the_run(imports: Sequence[str], run: Path) -> None:
    """Refuse modules that lie in the run folder itself, which may come from elsewhere: a record is data, not code."""
    folder = run.resolve()
    for name in imports:
        path = Path(*name.split(".")).resolve()
        if path.is_relative_to(folder) or folder.name in name.split("."):
            what = f"names {name!r}, a module in the run folder itself"
            raise InputError(Problem("custom_imports of run.json", what, "move it out of the folder, if you trust it"))


def _on_other_data(settings: dict[str, Any], data_root: str) -> dict[str, Any]:
    """Point every path below the data's folder at another one.

    Raises:
        InputError: The run knows of no such folder.
    """
    old = settings.get("data_root")
    if not old or not settings.get("ann_files"):
        raise InputError(Problem("--data-root", "the run names no data_root that it could replace"))
    moved: dict[str, Any] = _moved(settings, str(old), data_root)
    return moved


def _moved(value: Any, old: str, new: str) -> Any:
    """Replace a folder in all paths that it begins."""
    if isinstance(value, str):
        below = Path(value).is_relative_to(old) and (value == old or value.startswith(os.path.join(old, "")))
        return str(Path(new) / Path(value).relative_to(old)) if below else value
    if isinstance(value, Mapping):
        return {key: _moved(item, old, new) for key, item in value.items()}
    return type(value)(_moved(item, old, new) for item in value) if isinstance(value, list | tuple) else value


def _with_parts(settings: dict[str, Any], folder: Path, lines: list[str]) -> dict[str, Any]:
    """Hold out the validation part again where the run did; where the whole file is gone, keep to the run's parts."""
    ann_files = settings.get("ann_files") or {}
    source = ann_files.get("held_out_from")
    if not source or not os.path.isfile(os.path.join(settings.get("data_root") or "", source)):
        return settings
    cfg = Config(
        dict(
            data_root=settings.get("data_root"),
            ann_files=dict(train=source, val=None),
            val_fraction=settings["val_fraction"],
            val_dataloader=settings["val_dataloader"],
        )
    )
    lines += hold_out_validation(cfg, folder)
    moved: dict[str, Any] = _moved(settings, str(Path(ann_files["train"]).parent), str(folder.resolve()))
    return moved


def _start_as_then(cfg: Config, record: RunRecord) -> None:
    """Let parts that began with random weights, for want of a network, begin with such again."""
    for want in find_wants(cfg):
        if want.file.place not in record.parent_checkpoint:
            want.give_up()
