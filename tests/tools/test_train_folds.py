"""Folds through their command lines: train what is missing, skip what is done, collect what was predicted."""

import json
import re

import pytest
from helpers import refusal

pytestmark = pytest.mark.mm


def test_folds_are_trained_once_and_collected(run_tool, make_dataset, make_config, tmp_path):
    data = make_dataset()
    assert run_tool("make_folds", data / "train.json", "--folds", 2).returncode == 0
    config, run = make_config(data), tmp_path / "run"
    trained = run_tool("train", config, "--fold", 0, "--work-dir", run)
    assert trained.returncode == 0, trained.stderr
    assert "fold 0: 3 images to train on, 3 to validate on" in trained.stdout + trained.stderr
    assert "--fold 0" in trained.stdout.splitlines()[-1]
    # as if it had been killed after its last checkpoint
    record = json.loads((run / "fold_0/run.json").read_text())
    (run / "fold_0/run.json").write_text(json.dumps({**record, "status": "training"}))

    result = run_tool("train_folds", config, "--work-dir", run, "--jobs", 2)
    assert result.returncode == 0, result.stdout + result.stderr
    rows = [line.split()[:3] for line in result.stdout.splitlines() if re.match(r"fold \d ", line)]
    assert rows == [["fold", "0", "resumed"], ["fold", "1", "trained"]]
    assert "mean of 2" in result.stdout
    assert (run / "fold_1/submission.csv").exists()
    assert "best mAP50 in training" in (run / "fold_1/card.html").read_text()
    again = run_tool("train_folds", config, "--work-dir", run)
    assert again.stdout.count("was done") == 2, again.stdout + again.stderr

    predicted = run_tool("predict", config, data / "train/0000.jpg", "--work-dir", run, "--fold", 1)
    assert predicted.returncode == 0, predicted.stderr
    assert (run / "fold_1/predict/0000/predictions/test.bbox.json").exists()

    collected = run_tool("collect_oof", run, "--ann", data / "train.json")
    assert collected.returncode == 0, collected.stderr
    assert "fold 1: 3 images, mAP50" in collected.stdout
    assert isinstance(json.loads((run / "predictions/oof.bbox.json").read_text()), list)
    changed = run_tool("train_folds", config, "--work-dir", run, "--folds", 1, "--seed", 5)
    assert changed.returncode == 2
    assert "was trained with randomness.seed = 0, now it is 5" in changed.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "there are no folds of"),
        (("--folds", 3), "fold_3_train.json: no such fold file"),
        (("--fold", 3), "here it is --folds 3"),
        (("--jobs", 0), "--jobs must be at least 1"),
        (("--lr", 1), "unrecognized arguments: --lr 1"),
    ],
)
def test_what_can_not_be_run_is_refused_before_anything_starts(
    run_tool, make_dataset, make_config, tmp_path, options, message
):
    result = run_tool("train_folds", make_config(make_dataset()), "--work-dir", tmp_path / "run", *options)
    assert message in refusal(result)
    assert not (tmp_path / "run").exists()


def test_absent_predictions_are_refused(run_tool, make_dataset, tmp_path):
    data = make_dataset()
    (tmp_path / "run/fold_0").mkdir(parents=True)
    message = refusal(run_tool("collect_oof", tmp_path / "run", "--ann", data / "train.json"))
    assert "fold_0: has no predictions of its validation images" in message
    assert not (tmp_path / "run/predictions").exists()


def test_out_of_fold_predictions_do_not_replace_the_annotations(run_tool, make_dataset, tmp_path):
    path = make_dataset() / "train.json"
    message = refusal(run_tool("collect_oof", tmp_path, "--ann", path, "--out", path))
    assert "would overwrite what is read" in message
