"""Runs are found by their records, of any version; what can't be read is told and left out."""

import json

import pytest

from sortline.errors import InputError
from sortline.runs.conditions import Hardware
from sortline.runs.git_state import GitState
from sortline.runs.leaderboard.found_runs import find_runs, read_run, runs_beside
from sortline.runs.run_record import RunRecord

RECORD = {
    "config": "configs/rtmdet/rtmdet_s_1x_recycle.py",
    "settings": {
        "train_cfg": {"max_epochs": 12},
        "randomness": {"seed": 3},
        "default_hooks": {"checkpoint": {"save_best": "contest/mAP50"}},
    },
    "ann_files": {},
    "status": "trained",
    "best_score": 0.5,
    "metrics": {},
}


def write(folder, **changes):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.json").write_text(json.dumps({**RECORD, **changes}))
    return folder


def test_runs_are_found_and_smoke_runs_left_out(tmp_path):
    for name in ("a", "b/fold_0", "b/fold_1", "a/smoke", "a/tta", "a/20260101_120000", "a/wandb/run"):
        write(tmp_path / name)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/run.json").write_text('{"config": ')
    write(tmp_path / "list").joinpath("run.json").write_text("[]")
    runs, problems = find_runs(tmp_path)
    assert [run.folder.relative_to(tmp_path).as_posix() for run in runs] == ["a", "a/tta", "b/fold_0", "b/fold_1"]
    assert [problem.what.partition(":")[0] for problem in problems] == ["is cut short", "is not a run's record"]
    with pytest.raises(InputError, match="no such folder"):
        find_runs(tmp_path / "nowhere")


def test_an_early_record_tells_what_it_can(tmp_path):
    run = read_run(write(tmp_path))
    assert (run.family, run.dataset, run.seed, run.epochs) == ("rtmdet", "recycle", 3, 12)
    assert (run.score, run.deciding_name, run.is_trained, run.is_tested) == (0.5, "contest/mAP50", True, False)
    assert (run.seconds, run.started, run.commit, run.is_dirty, run.device) == (None, "", "", None, "")


def test_a_full_record_tells_all(tmp_path):
    write(
        tmp_path,
        metrics={"contest/mAP50": 0.625},
        git={"commit": "c0ffee", "dirty": True},
        started="2026-03-01T10:00:00Z",
        seconds=5400,
        epochs_done=7,
        hardware={"cpu": "Xeon", "devices": ["NVIDIA L40S", "NVIDIA L40S"]},
    )
    run = read_run(tmp_path)
    assert (run.score, run.is_tested, run.epochs, run.seconds) == (0.625, True, 7, 5400.0)
    assert (run.commit, run.is_dirty, run.device) == ("c0ffee", True, "2 x NVIDIA L40S")
    assert run.started == "2026-03-01T10:00:00Z"


@pytest.mark.parametrize(
    ("hardware", "device"),
    [(Hardware(cpu="Xeon", devices=["L40S"]), "L40S"), (Hardware(cpu="Xeon"), "Xeon"), (Hardware(), "")],
)
def test_a_record_as_runs_write_it_tells_the_device(tmp_path, hardware, device):
    RunRecord("configs/rtmdet/x.py", {}, {}, hardware=hardware, git=GitState("c0ffee", dirty=False)).write(tmp_path)
    run = read_run(tmp_path)
    assert (run.device, run.commit, run.is_dirty) == (device, "c0ffee", False)


def test_values_of_another_kind_count_as_absent(tmp_path):
    write(tmp_path, seconds="long", git="c0ffee", started="yesterday", metrics=[], hardware={"cpu": 7, "devices": "T4"})
    run = read_run(tmp_path)
    assert (run.seconds, run.commit, run.started, run.score, run.device) == (None, "", "", 0.5, "")


def test_an_unfinished_run_has_not_trained_all_epochs(tmp_path):
    assert read_run(write(tmp_path, status="training")).epochs is None


def test_runs_beside_one_are_those_in_the_next_folders_and_their_folds(tmp_path):
    for name in ("a", "b/fold_0", "b/fold_1", "b/other", "c/deep/er"):
        write(tmp_path / name)
    (tmp_path / "a/run.json").write_text("{")
    folders = [run.folder.relative_to(tmp_path).as_posix() for run in runs_beside(tmp_path / "b")]
    assert folders == ["b/fold_0", "b/fold_1"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**400, True, "0.5"])
def test_what_is_no_finite_number_is_no_score_and_no_time(tmp_path, value):
    run = read_run(write(tmp_path, metrics={"contest/mAP50": value}, seconds=value))
    assert (run.score, run.seconds) == (None, None)


def test_linked_run_folders_are_found_and_each_run_once(tmp_path):
    write(tmp_path / "work/b")
    write(tmp_path / "disk/c/fold_0", fold=0)
    (tmp_path / "work/a").symlink_to("b")
    (tmp_path / "work/c").symlink_to(tmp_path / "disk/c")
    (tmp_path / "work/loop").symlink_to(".")
    runs, problems = find_runs(tmp_path / "work")
    assert problems == []
    assert [run.folder.relative_to(tmp_path / "work").as_posix() for run in runs] == ["b", "c/fold_0"]


def test_a_score_of_another_name_is_not_the_runs(tmp_path):
    best = {"name": "coco/bbox_mAP", "value": 0.25}
    run = read_run(write(tmp_path, best_score=best, metrics={"contest/mAP50": 0.625}))
    assert (run.score, run.deciding_name, run.is_tested) == (0.25, "coco/bbox_mAP", True)
    run = read_run(write(tmp_path, best_score=best, metrics={"contest/mAP50": 0.625, "coco/bbox_mAP": 0.2}))
    assert run.score == 0.2
    unnamed = read_run(write(tmp_path, settings={}, metrics={"contest/mAP50": 0.625}))
    assert (unnamed.score, unnamed.deciding_name) == (0.625, "contest/mAP50"), "what its test measured first"
    assert read_run(write(tmp_path, settings={})).score is None
    falling = {"default_hooks": {"checkpoint": {"save_best": "contest/error", "rule": "less"}}}
    assert read_run(write(tmp_path, settings=falling)).falls
