"""The trackers of a run, and what they are told when it breaks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from mmengine.dist import is_main_process

from sortline.tracking.facts import Ending
from sortline.tracking.tracker_backend import TrackerBackend

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
        identity: As :func:`~sortline.tracking.identity.run_identity` makes it.
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
