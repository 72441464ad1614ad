"""The trackers of a run: who it is to them, what they are told when it breaks, and the mean of several folds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.dist import is_main_process
from mmengine.registry import VISBACKENDS

from sortline.runs.planned_runs import mean_and_deviation
from sortline.runs.run_folder import run_identity
from sortline.runs.run_record import RunRecord
from sortline.tracking.facts import Ending, Note
from sortline.tracking.tracker_backend import TrackerBackend

#: Job type of the run that tracks the mean of the folds.
FOLDS_JOB = "folds"
#: Argument of each tracker that takes a run's name, group, job type and tags.
IDENTITY_KEYS = {
    "SortlineWandbBackend": "init_kwargs",
    "SortlineMLflowBackend": "identity",
    "SortlineTensorboardBackend": "identity",
}


def give_identity(backends: Sequence[Any], identity: Mapping[str, Any]) -> None:
    """Write who a run is into the configs of its trackers; what they say themselves wins.

    Args:
        backends: The visualizer's ``vis_backends``; changed in place.
        identity: As :func:`~sortline.runs.run_folder.run_identity` makes it.
    """
    for backend in backends:
        key = IDENTITY_KEYS.get(backend.type)
        if key:
            backend[key] = {**identity, **(backend.get(key) or {})}


def trackers_of(visualizer: Any) -> list[TrackerBackend]:
    """Return those of a visualizer's backends that take facts, files and notes."""
    return [backend for backend in visualizer._vis_backends.values() if isinstance(backend, TrackerBackend)]


@contextmanager
def breaks_tracked(visualizer: Any, run: str) -> Iterator[None]:
    """Tell the trackers of a run about an exception that leaves the block, and close them.

    mmengine closes them at the end of a run that succeeds, and leaves those of one that fails to the end of the
    process, where they would count it as a success.

    Args:
        visualizer: The runner's.
        run: The run's name.
    """
    try:
        yield
    except BaseException as error:
        if is_main_process():
            for tracker in trackers_of(visualizer):
                tracker.interrupt(Ending.of(error, run))
        raise


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
    row, name = summary_row(metrics), record.deciding_name
    for tracker in _trackers(config, record.config, folder):
        tracker.add_config(config)
        tracker.add_scalars(row)
        score = f"{name} {row[name]:.4f} ± {row[f'{name}_std']:.4f}" if name in row else "no score"
        tracker.note(Note(f"{len(metrics)} folds finished: {folder.name}"[:64], score))
        tracker.close()


def _trackers(config: Config, config_path: str, folder: Path) -> list[TrackerBackend]:
    """Build the trackers that a config names, for a run of another kind than a training."""
    backends: list[Any] = [
        ConfigDict({**backend, "save_dir": str(folder)})
        for backend in (config.get("visualizer") or {}).get("vis_backends") or ()
    ]
    give_identity(backends, run_identity(config_path, folder, FOLDS_JOB))
    return [VISBACKENDS.build(backend) for backend in backends if is_tracker(backend.type)]


def is_tracker(name: str) -> bool:
    """Tell whether a registered backend is a tracker."""
    found = VISBACKENDS.get(name)
    return isinstance(found, type) and issubclass(found, TrackerBackend)
