"""Who the trackers of a run are, what they are told when it breaks, and the mean of the folds in their group."""

import os
import sys
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest

pytest.importorskip("torch")
wandb = pytest.importorskip("wandb")

from mmengine.config import ConfigDict  # noqa: E402
from mmengine.logging import MessageHub  # noqa: E402

from custom_modules.visualization import SortlineTensorboardBackend  # noqa: E402
from sortline.runs.run_record import RunRecord  # noqa: E402
from sortline.tracking.facts import FAILED, INTERRUPTED  # noqa: E402
from sortline.tracking.trackers import breaks_tracked, give_identity, summary_row, track_folds, trackers_of  # noqa: E402
from sortline.tracking.wandb_files import read_records, row_of  # noqa: E402

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


def test_mean_and_deviation_of_what_all_folds_have():
    row = summary_row([{"a": 0.5, "b": 1.0}, {"a": 0.7}])
    assert row == {"a": 0.6, "a_std": pytest.approx((2 * 0.1**2 / 1) ** 0.5), "folds": 2}
    assert summary_row([]) == {"folds": 0}


def test_the_summary_stands_in_the_group_of_the_folds(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["train_folds.py"])
    monkeypatch.setattr(MessageHub, "_instance_dict", {})
    backends = [{"type": "LocalVisBackend"}, {"type": "SortlineWandbBackend"}]
    settings = {"visualizer": {"vis_backends": backends}, "work_dir": "elsewhere", "deciding_score": "contest/mAP50"}
    record = RunRecord("configs/rtmdet/rtmdet_s_1x_recycle.py", settings, {}, fold=0)
    folder = tmp_path / "rtmdet_s_1x_recycle"
    track_folds(record, folder, [{"contest/mAP50": 0.5}, {"contest/mAP50": 0.7}])
    wandb.teardown()
    (path,) = folder.glob("wandb/offline-run-*/*.wandb")
    found = list(read_records(path))
    (run,) = [record.run for record in found if record.HasField("run")]
    assert (run.run_group, run.job_type, run.display_name) == ("rtmdet_s_1x_recycle", "folds", "rtmdet_s_1x_recycle")
    (row,) = [row_of(record.history) for record in found if record.HasField("history")]
    assert (row["contest/mAP50"], row["folds"]) == (0.6, 2)
    (alert,) = [record.alert for record in found if record.HasField("alert")]
    assert alert.text == f"contest/mAP50 0.6000 ± {0.02**0.5:.4f}"
    assert not (folder / "wandb_run_id").exists(), "the folder's own training keeps its id"
