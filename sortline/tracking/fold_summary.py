"""One tracked run for all folds of an experiment: mean and deviation of what they scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.registry import VISBACKENDS

from sortline.runs.planned_runs import mean_and_deviation
from sortline.runs.run_folder import run_identity
from sortline.runs.run_record import SCORE, RunRecord
from sortline.tracking.facts import Note
from sortline.tracking.tracker_backend import TrackerBackend
from sortline.tracking.trackers import give_identity

JOB_TYPE = "folds"


def summary_row(metrics: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return mean (under its own name), ``<name>_std`` and number of values of each metric that all folds have.

    >>> summary_row([{"mAP": 0.5}, {"mAP": 0.7}])
    {'mAP': 0.6, 'mAP_std': 0.141421356237, 'folds': 2}

    Args:
        metrics: What each fold scored.
    """
    shared = set.intersection(*(set(row) for row in metrics)) if metrics else set()
    row: dict[str, float] = {}
    for name in [name for name in (metrics[0] if metrics else ()) if name in shared]:
        row[name], row[f"{name}_std"] = mean_and_deviation([fold[name] for fold in metrics])
    return row | {"folds": len(metrics)}


def track_folds(record: RunRecord, folder: Path, metrics: Sequence[Mapping[str, float]]) -> None:
    """Track the mean of the folds with the trackers of their config, in the group of their runs.

    Args:
        record: Of one of the folds.
        folder: Run folder that holds theirs.
        metrics: What each fold scored.
    """
    config = Config({**record.settings, "work_dir": str(folder), "resume": False, "fold": None})
    row = summary_row(metrics)
    for tracker in _trackers(config, record.config, folder):
        tracker.add_config(config)
        tracker.add_scalars(row)
        score = f"{SCORE} {row[SCORE]:.4f} ± {row[f'{SCORE}_std']:.4f}" if SCORE in row else "no score"
        tracker.note(Note(f"{len(metrics)} folds finished: {folder.name}"[:64], score))
        tracker.close()


def _trackers(config: Config, config_path: str, folder: Path) -> list[TrackerBackend]:
    """Build the trackers that a config names, for a run of another kind than a training."""
    backends: list[Any] = [
        ConfigDict({**backend, "save_dir": str(folder)})
        for backend in (config.get("visualizer") or {}).get("vis_backends") or ()
    ]
    give_identity(backends, run_identity(config_path, folder, JOB_TYPE))
    return [VISBACKENDS.build(backend) for backend in backends if is_tracker(backend.type)]


def is_tracker(name: str) -> bool:
    """Tell whether a registered backend is a tracker."""
    found = VISBACKENDS.get(name)
    return isinstance(found, type) and issubclass(found, TrackerBackend)
