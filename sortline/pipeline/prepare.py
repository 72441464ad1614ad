"""From a config file and command-line options to a config that is complete, checked and ready to run."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from mmengine.config import Config

from sortline.errors import InputError, Problem
from sortline.pipeline import edit as edits
from sortline.pipeline.all_data import follow_folds, train_on_all, use_all_data_folder
from sortline.pipeline.bind import PARTS, bind
from sortline.pipeline.check.data import check_data, check_schedule
from sortline.pipeline.check.keys import check_keys
from sortline.pipeline.check.kinds import check_kinds
from sortline.pipeline.check.secrets import check_secrets
from sortline.pipeline.check.training import check_training
from sortline.pipeline.compose import load_config
from sortline.pipeline.folds import use_fold
from sortline.pipeline.holdout import hold_out_validation
from sortline.pipeline.initial_weights import Start, find_start
from sortline.pipeline.registering import own_imports
from sortline.pipeline.run_inputs import describe_annotations, held_out_from
from sortline.pipeline.signatures import load_schema
from sortline.pipeline.tta import check_tta
from sortline.pipeline.unseeded import unseeded_lines
from sortline.runs.recorded_settings import record_settings, settings_hash
from sortline.runs.run_record import RunRecord


@dataclass
class Prepared:
    """A config that passed every check.

    Attributes:
        cfg: Bound and ready for mmengine's Runner.
        lines: What was set, and from where, for the log.
        start: Weights of other runs that training begins with.
    """

    cfg: Config
    lines: list[str] = field(default_factory=list)
    start: Start = field(default_factory=Start)

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


def prepare(
    args: argparse.Namespace,
    parts: tuple[str, ...] = PARTS,
    split_dir: str | Path | None = None,
    edit: Callable[[Config], None] | None = None,
) -> Prepared:
    """Read, edit, bind and check a config; torch is not needed for it.

    Args:
        args: Options of :func:`sortline.pipeline.options.add_config_arguments`.
        parts: Loaders whose files are checked.
        split_dir: Where a held-out validation part is written; the run folder's ``split`` unless given.
        edit: What decides on the data in place of ``--data-root``; called before the config is bound.

    Raises:
        InputError: All problems of keys, types, data files and schedule together.
    """
    cfg = load_config(args.config, args.cfg_options)
    edits.use_work_dir(cfg, args.work_dir, args.smoke, args.fold)
    use_all_data_folder(cfg, args)
    if edit is not None:
        edit(cfg)
    elif args.data_root is not None:
        edits.use_data_root(cfg, args.data_root)
    if args.seed is not None:
        edits.use_seed(cfg, args.seed)
    if kinds := check_kinds(cfg):
        raise InputError(kinds)  # nothing that follows could read such a config
    problems = check_keys(cfg, load_schema(own_imports(cfg)), tuple(args.cfg_options))
    problems += check_schedule(cfg) + check_tta(cfg) + check_training(cfg) + check_secrets(cfg)
    lines: list[str] = []
    split_problems = _collect(lambda: lines.extend(_choose_validation(cfg, args.fold, split_dir)))
    lines += bind(cfg) + unseeded_lines(cfg)
    data_problems = check_data(cfg, tuple(part for part in parts if part != "val" or not split_problems))
    problems += data_problems + [problem for problem in split_problems if problem not in data_problems]
    if problems:
        raise InputError(problems)
    if args.smoke:
        edits.use_smoke(cfg)
    return Prepared(cfg, lines)


def prepare_training(
    args: argparse.Namespace, parts: tuple[str, ...] = PARTS, split_dir: str | Path | None = None
) -> Prepared:
    """Prepare a config as :func:`prepare` does, then follow the options of :func:`add_training_arguments`.

    Raises:
        InputError: As for :func:`prepare`; no base batch size to scale the learning rate from; runs to start from
            or to go by are not there.
    """
    prepared = prepare(args, parts, split_dir)
    cfg = prepared.cfg
    if args.auto_scale_lr:
        edits.use_auto_scale_lr(cfg)
    prepared.lines += edits.count_accumulation(cfg)
    if args.amp:
        edits.use_amp(cfg, args.amp)
    if args.smoke:
        return prepared
    if cfg.get("all_data"):
        prepared.lines += follow_folds(cfg, getattr(args, "epochs_from", None))
    prepared.start = find_start(cfg, resumes=getattr(args, "resume", None) is not None)
    prepared.lines += prepared.start.lines
    return prepared


def _choose_validation(cfg: Config, fold: int | None, split_dir: str | Path | None) -> list[str]:
    """Point the config at a fold's files, or at a held-out part where it names no validation file.

    A config that neither trains nor validates, as for prediction, needs none of them.
    """
    if not cfg.get("train_dataloader") and not cfg.get("val_dataloader"):
        return []
    if cfg.get("all_data"):
        return train_on_all(cfg)
    if fold is not None:
        return use_fold(cfg, fold)
    return hold_out_validation(cfg, split_dir or f"{cfg.work_dir}/split")


def _collect(step: Callable[[], None]) -> list[Problem]:
    """Run a step and return the problems that it raises, so that they are reported with all others."""
    try:
        step()
    except InputError as error:
        return error.problems
    return []
