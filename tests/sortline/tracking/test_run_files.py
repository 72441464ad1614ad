"""Files of a run: the names by which a training and its test are linked."""

from dataclasses import replace
from pathlib import Path

from sortline.runs.git_state import GitState
from sortline.runs.run_record import RunRecord
from sortline.tracking import run_files

RUN = "rtmdet_s_1x_recycle/fold_2"


def test_a_test_names_its_model_as_the_training_did():
    checkpoint = Path("work_dirs/x/best_epoch_3.pth")
    made, used = run_files.model_files(RUN, checkpoint, is_best=True), run_files.used_model(RUN, checkpoint)
    assert (made.name, made.kind, dict(made.paths)) == (used.name, used.kind, dict(used.paths))
    assert (made.name, made.aliases, made.used) == ("rtmdet_s_1x_recycle-fold_2-model", ("best", "latest"), False)
    assert used.used
    assert run_files.model_files(RUN, checkpoint, is_best=False).aliases == ("latest",)


def test_experiments_on_the_same_fold_share_its_annotations():
    files = {part: {"path": f"data/{part}.json", "sha256": "0"} for part in ("train", "val")}
    records = [RunRecord(f"configs/x/{name}_1x_recycle.py", {}, files, fold=2) for name in ("a", "b")]
    one, other = map(run_files.data_files, records)
    assert one == other
    assert (one.name, one.used) == ("recycle-fold_2-annotations", True)
    assert dict(one.paths) == {"train.json": Path("data/train.json"), "val.json": Path("data/val.json")}


def test_a_record_comes_with_the_patch_of_its_code():
    clean = RunRecord("x.py", {}, {}, git=GitState("c0ffee", dirty=False))
    changed = replace(clean, git=GitState("c0ffee", dirty=True, diff_file="code_1.diff"))
    found = [run_files.record_files(RUN, Path("run"), record) for record in (clean, changed)]
    assert [sorted(files.paths) for files in found] == [["run.json"], ["code_1.diff", "run.json"]]
    assert found[0].name == found[1].name == "rtmdet_s_1x_recycle-fold_2-run"


def test_a_test_leaves_predictions_and_a_submission():
    predictions, submission = run_files.tested_files(RUN, Path("run"))
    assert sorted(predictions.paths) == ["test.bbox.json", "val.bbox.json"]
    assert predictions.name == run_files.validation_files(RUN, Path("run")).name
    assert (predictions.aliases, submission.aliases) == (("latest",), ("latest",))
    assert dict(submission.paths) == {"submission.csv": Path("run/submission.csv")}
