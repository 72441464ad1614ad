"""Who the trackers of a run are, and what they are told when it breaks."""

from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest

pytest.importorskip("mmengine")

from mmengine.config import ConfigDict

from custom_modules.visualization import SortlineTensorboardBackend
from sortline.tracking.facts import FAILED, INTERRUPTED
from sortline.tracking.trackers import breaks_tracked, give_identity, trackers_of

pytestmark = pytest.mark.mm


@pytest.fixture
def visualizer(tmp_path):
    backend = SortlineTensorboardBackend(str(tmp_path))
    backend.interrupt = MagicMock()
    return SimpleNamespace(_vis_backends={"local": object(), "board": backend})


def test_other_backends_are_no_trackers(visualizer):
    assert trackers_of(visualizer) == [visualizer._vis_backends["board"]]


@pytest.mark.parametrize(
    ("error", "status"),
    [(RuntimeError("broken"), FAILED), (KeyboardInterrupt(), INTERRUPTED), (SystemExit(0), INTERRUPTED)],
)
def test_what_breaks_a_run_is_told_and_goes_on(visualizer, error, status):
    with pytest.raises(type(error)), breaks_tracked(visualizer, "x"):
        raise error
    (ending,) = visualizer._vis_backends["board"].interrupt.call_args.args
    assert ending.status == status


def test_a_run_that_ends_well_is_left_to_mmengine(visualizer):
    with breaks_tracked(visualizer, "x"):
        pass
    assert not visualizer._vis_backends["board"].interrupt.called


def test_identity_goes_to_each_tracker_and_the_configs_own_words_win():
    backends = [
        ConfigDict(type="LocalVisBackend"),
        ConfigDict(type="SortlineWandbBackend", init_kwargs=dict(name="mine")),
        ConfigDict(type="SortlineMLflowBackend"),
    ]
    give_identity(backends, {"name": "x", "group": "g"})
    assert backends == [
        {"type": "LocalVisBackend"},
        {"type": "SortlineWandbBackend", "init_kwargs": {"name": "mine", "group": "g"}},
        {"type": "SortlineMLflowBackend", "identity": {"name": "x", "group": "g"}},
    ]
