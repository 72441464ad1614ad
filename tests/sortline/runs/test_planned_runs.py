"""Which runs have something to do, and what becomes of those that fail."""

import doctest
import io
import os
import zipfile
from dataclasses import replace

import pytest
from rich.console import Console
from written_runs import trained

from sortline.errors import InputError
from sortline.runs import planned_runs
from sortline.runs.planned_runs import Outcome, PlannedRun, commands_to_do, run_all, visible_gpus
from sortline.runs.run_folder import VAL_PREDICTIONS
from sortline.runs.run_record import RunRecord

FILES = {"train": {"path": "t.json", "sha256": "1"}, "val": {"path": "v.json", "sha256": "2"}}
RECORD = RunRecord("configs/x.py", {"lr": 0.1, "work_dir": "a"}, FILES, fold=0)
TRAIN, TEST = ("train.py", "x.py"), ("test.py", "x.py")


@pytest.fixture
def run(tmp_path):
    return PlannedRun("fold 0", tmp_path / "fold_0", RECORD, TRAIN, TEST)


def checkpoint(folder, name):
    with zipfile.ZipFile(folder / name, "w") as file:
        file.writestr("weights", "1")


def finished(folder, record=RECORD):
    (folder / VAL_PREDICTIONS).parent.mkdir(parents=True)
    (folder / VAL_PREDICTIONS).write_text("[]")
    checkpoint(folder, "epoch_2.pth")
    checkpoint(folder, "best_epoch_1.pth")
    trained(record, 0.5).tested("best_epoch_1.pth", 2, {"contest/mAP50": 0.5}).write(folder)


def test_examples_hold():
    assert doctest.testmod(planned_runs).failed == 0


def test_a_new_fold_is_trained_and_tested(run):
    assert commands_to_do(run) == {"trained": TRAIN, "tested": TEST}


def test_a_finished_fold_has_nothing_to_do(run):
    finished(run.folder)
    assert commands_to_do(run) == {}


def test_an_interrupted_fold_is_resumed_once_it_has_a_checkpoint(run):
    run.folder.mkdir()
    RECORD.write(run.folder)
    assert commands_to_do(run) == {"trained": TRAIN, "tested": TEST}
    checkpoint(run.folder, "epoch_1.pth")
    assert commands_to_do(run) == {"resumed": [*TRAIN, "--resume"], "tested": TEST}


@pytest.mark.parametrize("spoil", ["predictions", "checkpoint"])
def test_a_fold_is_tested_again_when_the_test_was_of_something_else(run, spoil):
    finished(run.folder)
    if spoil == "predictions":
        (run.folder / VAL_PREDICTIONS).unlink()
    else:
        (run.folder / "best_epoch_1.pth").rename(run.folder / "best_epoch_2.pth")
    assert commands_to_do(run) == {"tested": TEST}


def test_another_folder_is_no_other_run(run):
    finished(run.folder, replace(RECORD, settings={"lr": 0.1, "work_dir": "b"}))
    assert commands_to_do(run) == {}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"settings": {"lr": 0.2}}, "was trained with lr = 0.2, now it is 0.1"),
        ({"ann_files": {**FILES, "val": {"path": "v.json", "sha256": "3"}}}, "another val file than v.json is now"),
    ],
)
def test_a_run_of_other_settings_or_data_is_never_taken_for_this_one(run, change, message):
    finished(run.folder, replace(RECORD, **change))
    with pytest.raises(InputError, match=message):
        commands_to_do(run)


def program(text):
    return ["-c", text]


def test_a_failing_fold_does_not_stop_the_others(tmp_path):
    note = "import sys, pathlib; pathlib.Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)"
    runs = [
        PlannedRun(
            f"fold {fold}",
            tmp_path / f"fold_{fold}",
            replace(RECORD, fold=fold),
            program("import sys; print('out of memory'); sys.exit(2)")
            if fold == 1
            else [*program(note), str(tmp_path)],
            program("print('tested')"),
        )
        for fold in range(3)
    ]
    outcomes = run_all(runs, jobs=2)
    assert [(outcome.name, outcome.what, outcome.status) for outcome in outcomes] == [
        ("fold 0", "trained", 0),
        ("fold 1", "failed", 2),
        ("fold 2", "trained", 0),
    ]
    assert "out of memory" in outcomes[1].reason
    assert (tmp_path / "fold_2/output.log").read_text() == "tested\n"


def test_jobs_share_out_devices_and_cores(tmp_path):
    show = program("import os; print(os.environ['CUDA_VISIBLE_DEVICES'], os.environ['OMP_NUM_THREADS'])")
    runs = [PlannedRun(f"fold {fold}", tmp_path / f"fold_{fold}", RECORD, show, program("")) for fold in range(2)]
    run_all(runs, jobs=2, gpus=["4", "7"])
    seen = {(run.folder / "output.log").read_text().strip() for run in runs}
    threads = max(1, len(os.sched_getaffinity(0)) // 2)
    assert seen <= {f"4 {threads}", f"7 {threads}"}


def test_gpus_are_the_users_choice_or_all():
    listing = "GPU 0: A (UUID: 1)\nGPU 1: B (UUID: 2)\n"
    assert visible_gpus({}, lambda: listing) == ["0", "1"]
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": "3, 5"}, lambda: listing) == ["3", "5"]
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": ""}, lambda: listing) == []
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": "-1"}, lambda: listing) == []


def test_the_summary_gives_mean_and_standard_deviation_of_what_is_done():
    text = io.StringIO()
    outcomes = [
        Outcome("fold 0", "trained", 60.0, {"contest/mAP50": 0.5, "contest/coco_mAP": 0.25}, "contest/mAP50"),
        Outcome("fold 1", "was done", 0.0, {"contest/mAP50": 0.6}, "contest/mAP50"),
        Outcome("fold 2", "failed", 6.0, status=2, reason="no [space]"),
    ]
    planned_runs.print_summary(Console(file=text, width=100), outcomes)
    # mean (0.5 + 0.6) / 2, sample deviation sqrt(2 * 0.05^2 / 1)
    assert "0.5500 ± 0.0707" in text.getvalue()
    assert "mean of 2" in text.getvalue()
    assert text.getvalue().split()[:5] == ["run", "what", "mAP50", "coco_mAP", "minutes"]
    assert "fold 2 failed with status 2: no [space]" in text.getvalue()


def test_scores_of_different_names_have_columns_and_means_of_their_own():
    text = io.StringIO()
    metrics = {"contest/mAP50": 0.5, "coco/bbox_mAP": 0.25}
    names = ("contest/mAP50", "coco/bbox_mAP", "coco/bbox_mAP")
    outcomes = [Outcome(f"run {row}", "trained", 60.0, metrics, name) for row, name in enumerate(names)]
    planned_runs.print_summary(Console(file=text, width=100), outcomes)
    lines = [line.split() for line in text.getvalue().splitlines()]
    assert lines[0] == ["run", "what", "mAP50", "coco/bbox_mAP", "minutes"]
    assert ["mean", "of", "1", "0.5000"] in lines
    assert ["mean", "of", "2", "0.2500", "±", "0.0000"] in lines
