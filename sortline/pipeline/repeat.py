"""Repeating a run from its record: the settings as they were, on the data as it is now, in a folder of its own."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config

from sortline.errors import InputError, Problem
from sortline.pipeline.check.keys import check_values
from sortline.pipeline.check.kinds import check_kinds
from sortline.pipeline.holdout import hold_out_validation
from sortline.pipeline.initial_weights import find_start
from sortline.pipeline.prepare import Prepared
from sortline.pipeline.registering import own_imports
from sortline.pipeline.signatures import load_schema
from sortline.runs.recorded_settings import restore_settings, without_hidden
from sortline.runs.run_record import NAME, RunRecord
from sortline.weights.pretrained import find_wants


@dataclass(frozen=True)
class Repeat:
    """A run about to be repeated.

    Attributes:
        record: The run's record.
        prepared: Its config, ready for the Runner.
        hidden: Settings that are left out, since the record hides their values.
    """

    record: RunRecord
    prepared: Prepared
    hidden: list[str] = field(default_factory=list)


def prepare_repeat(
    record: RunRecord, work_dir: str | os.PathLike[str], split_dir: str | os.PathLike[str], data_root: str | None = None
) -> Repeat:
    """Make a recorded run ready to run again.

    Args:
        record: The run's record.
        work_dir: Run folder of the repetition.
        split_dir: Where a held-out validation part is written again.
        data_root: Where the data is now; where it was, unless given.

    Raises:
        InputError: The record's settings were changed, are not understood by the code any more, or weights of
            another run that it started from are not there.
    """
    try:
        settings = restore_settings(record.settings, record.settings_types)
    except (KeyError, IndexError, ValueError, TypeError):
        raise InputError(Problem(NAME, "its settings have been changed by hand", "restore the file")) from None
    settings, hidden = without_hidden(settings)
    if kinds := check_kinds(Config(settings, cfg_text=f"# {NAME}", filename=NAME)):
        raise InputError(kinds)  # nothing that follows could read such settings
    settings["randomness"] = {**(settings.get("randomness") or {}), "seed": record.seed}
    if data_root is not None:
        settings = _on_other_data(settings, os.path.expanduser(data_root))
    lines: list[str] = []
    settings = _with_parts(settings, Path(split_dir), lines)
    settings["work_dir"] = str(work_dir)
    cfg = Config(settings, cfg_text=f"# repeated from {NAME}", filename=record.config)
    # The schema also imports the modules of the user's own that the run used.
    if problems := check_values(cfg, load_schema(own_imports(cfg))):
        raise InputError(problems)
    _start_as_then(cfg, record)
    return Repeat(record, Prepared(cfg, lines, find_start(cfg)), hidden)


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


def started(prepared: Prepared) -> Config:
    """Return a copy of a config with the weights of other runs in place."""
    cfg = copy.deepcopy(prepared.cfg)
    prepared.start.apply(cfg)
    return cfg
