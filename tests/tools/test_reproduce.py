"""A run is repeated from its run.json alone, bit for bit; what changed since is listed, changed data refused."""

import json
import shutil

import pytest
from helpers import refusal

#: Augmentation that draws random numbers, values that JSON has no type for.
EXTRA = """
train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations", with_bbox=True),
    dict(type="RandomChoiceResize", scales=[(64, 64), (48, 48)], keep_ratio=False),
    dict(type="RandomFlip", prob=0.5),
    dict(type="PackDetInputs"),
]
default_hooks = dict(logger=dict(interval=1))
"""


def rows(output):
    """Return the cells of the tables in a tool's output."""
    return [[cell.strip() for cell in line.split("│")[1:-1]] for line in output.splitlines() if "│" in line]


@pytest.fixture
def trained(run_tool, make_dataset, make_config, tmp_path):
    """A fold's run, whose config file is gone and whose torch was another one."""
    data = make_dataset()
    assert run_tool("make_folds", data / "train.json", "--folds", 2).returncode == 0
    config = make_config(data, EXTRA)
    options = ("--fold", 0, "--work-dir", tmp_path / "run", "--seed", 3)
    result = run_tool("train", config, *options, WANDB_MODE="disabled")
    assert result.returncode == 0, result.stderr
    config.unlink()
    run = tmp_path / "run/fold_0"
    record = json.loads((run / "run.json").read_text())
    assert (record["status"], record["epochs_done"], record["seed"]) == ("trained", 1, 3)
    (run / "run.json").write_text(json.dumps({**record, "versions": {**record["versions"], "torch": "1.13.0"}}))
    return run


@pytest.mark.mm
@pytest.mark.slow
def test_a_run_is_repeated_bit_for_bit(run_tool, trained, tmp_path):
    moved = tmp_path / "moved"
    shutil.move(tmp_path / "data", moved)
    refused = refusal(run_tool("reproduce", trained, WANDB_MODE="disabled"))
    assert "train annotations: was SHA-256" in refused
    assert "is now (absent)" in refused

    result = run_tool("reproduce", trained, "--data-root", moved, WANDB_MODE="disabled")
    assert result.returncode == 0, result.stdout + result.stderr
    found = {row[0]: row[1:] for row in rows(result.stdout) if len(row) == 4}
    assert found["version of torch"][0] == "1.13.0"
    assert found["version of torch"][-1] == "may change them"
    assert "losses and scores that both logged are the same bit for bit" in result.stdout
    assert "tensors, are the same bit for bit" in result.stdout
    again = json.loads((tmp_path / "run_repeated/fold_0/run.json").read_text())
    assert (again["fold"], again["seed"], again["status"]) == (0, 3, "trained")
    assert "holds a run already" in refusal(run_tool("reproduce", trained, "--data-root", moved))


@pytest.mark.mm
@pytest.mark.slow
def test_changed_data_is_refused_unless_asked_for(run_tool, trained, tmp_path):
    path = tmp_path / "data/folds/fold_0_train.json"
    content = json.loads(path.read_text())
    for box in content["annotations"]:
        box["bbox"][2] /= 2
    path.write_text(json.dumps(content))
    message = refusal(run_tool("reproduce", trained, WANDB_MODE="disabled"))
    assert "train annotations: was SHA-256" in message
    assert "--anyway" in message
    checked = run_tool("reproduce", trained, "--check", WANDB_MODE="disabled")
    assert checked.returncode == 0, checked.stderr
    assert "changes the numbers" in checked.stdout
    assert not (tmp_path / "run_repeated").exists()
    result = run_tool("reproduce", trained, "--anyway", "--work-dir", tmp_path / "other", WANDB_MODE="disabled")
    assert result.returncode == 0, result.stderr
    assert "The logged numbers first differ at iteration 1" in result.stdout
    assert "tensors differ" in result.stdout


def test_a_folder_without_a_run_is_refused(run_tool, tmp_path):
    assert "holds no run.json" in refusal(run_tool("reproduce", tmp_path, "--check"))
    (tmp_path / "run.json").write_text(json.dumps({"config": "x.py"}))
    assert "is not a run's record" in refusal(run_tool("reproduce", tmp_path))
