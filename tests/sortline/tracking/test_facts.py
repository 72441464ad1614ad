"""How a run's end is told, and the names of its files by which a training and its test are linked."""

from dataclasses import replace
from pathlib import Path

import pytest

from sortline.errors import RunStopped
from sortline.runs.git_state import GitState
from sortline.runs.run_record import RunRecord
from sortline.tracking import facts
from sortline.tracking.facts import ERROR, FAILED, INTERRUPTED, WARN, Ending

RUN = "rtmdet_s_1x_recycle/fold_2"


@pytest.mark.parametrize(
    ("error", "status", "level", "text"),
    [
        (KeyboardInterrupt(), INTERRUPTED, WARN, "go on with --resume"),
        (RunStopped("SIGTERM"), INTERRUPTED, WARN, "SIGTERM; go on with --resume"),
        (SystemExit(0), INTERRUPTED, WARN, "go on with --resume"),
        (SystemExit(), INTERRUPTED, WARN, "go on with --resume"),
        (SystemExit(1), FAILED, ERROR, "SystemExit: 1"),
        (RuntimeError("CUDA out of memory"), FAILED, ERROR, "RuntimeError: CUDA out of memory"),
        (
            OSError("no answer from https://me:hunter2@host/x"),
            FAILED,
            ERROR,
            "OSError: no answer from https://(hidden)@host/x",
        ),
        (OSError("x" * 5000), FAILED, ERROR, "OSError: " + "x" * (1000 - len("OSError: "))),
    ],
)
def test_an_end_before_its_time(error, status, level, text):
    ending = Ending.of(error, "y" * 100)
    assert (ending.status, ending.note.level, ending.note.text) == (status, level, text)
    assert len(ending.note.title) == 64, "wandb's limit"


def test_a_test_names_its_model_as_the_training_did():
    checkpoint = Path("work_dirs/x/best_epoch_3.pth")
    made, used = facts.model_files(RUN, checkpoint, is_best=True), facts.used_model(RUN, checkpoint)
    assert (made.name, made.kind, dict(made.paths)) == (used.name, used.kind, dict(used.paths))
    assert (made.name, made.aliases, made.used) == ("rtmdet_s_1x_recycle-fold_2-model", ("best", "latest"), False)
    assert used.used
    assert facts.model_files(RUN, checkpoint, is_best=False).aliases == ("latest",)


def test_experiments_on_the_same_fold_share_its_annotations():
    files = {part: {"path": f"data/{part}.json", "sha256": "0"} for part in ("train", "val")}
    records = [RunRecord(f"configs/x/{name}_1x_recycle.py", {}, files, fold=2) for name in ("a", "b")]
    one, other = map(facts.data_files, records)
    assert one == other
    assert (one.name, one.used) == ("recycle-fold_2-annotations", True)
    assert dict(one.paths) == {"train.json": Path("data/train.json"), "val.json": Path("data/val.json")}


def test_a_record_comes_with_the_patch_of_its_code():
    clean = RunRecord("x.py", {}, {}, git=GitState("c0ffee", dirty=False))
    changed = replace(clean, git=GitState("c0ffee", dirty=True, diff_file="code_1.diff"))
    found = [facts.record_files(RUN, Path("run"), record) for record in (clean, changed)]
    assert [sorted(files.paths) for files in found] == [["run.json"], ["code_1.diff", "run.json"]]
    assert found[0].name == found[1].name == "rtmdet_s_1x_recycle-fold_2-run"


def test_a_test_leaves_predictions_and_a_submission():
    predictions, submission = facts.tested_files(RUN, Path("run"))
    assert sorted(predictions.paths) == ["test.bbox.json", "val.bbox.json"]
    assert predictions.name == facts.validation_files(RUN, Path("run")).name
    assert (predictions.aliases, submission.aliases) == (("latest",), ("latest",))
    assert dict(submission.paths) == {"submission.csv": Path("run/submission.csv")}
