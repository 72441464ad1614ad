"""Runs that build on runs, through their command lines: a second stage, all data, mixed precision."""

import json

import pytest
from helpers import refusal

pytestmark = pytest.mark.mm


@pytest.mark.slow
def test_a_second_stage_and_a_run_on_all_data_follow_the_folds(run_tool, make_dataset, make_config, tmp_path):
    data = make_dataset()
    assert run_tool("make_folds", data / "train.json", "--folds", 2).returncode == 0
    config, first = make_config(data, "train_cfg = dict(max_epochs=2)\n"), tmp_path / "first"
    for fold in (0, 1):
        trained = run_tool("train", config, "--work-dir", first, "--fold", fold)
        assert trained.returncode == 0, trained.stderr

    second = make_config(data, f'start_from = "{first}"\n', name="second")
    result = run_tool("train", second, "--work-dir", tmp_path / "second", "--fold", 1, "--amp", "bf16")
    assert result.returncode == 0, result.stderr
    (best,) = first.glob("fold_1/best_*.pth")
    assert f"start_from = {best}" in result.stdout + result.stderr
    settings = json.loads((tmp_path / "second/fold_1/run.json").read_text())["settings"]
    assert settings["load_from"] is None
    assert settings["optim_wrapper"]["type"] == "BFloat16OptimWrapper"

    result = run_tool("train", config, "--work-dir", first, "--all-data")
    assert result.returncode == 0, result.stderr
    assert "the median of the folds' best" in result.stdout + result.stderr
    assert "last checkpoint:" in result.stdout
    run = first / "all_data"
    assert list(run.glob("epoch_*.pth"))
    assert not list(run.glob("best_*.pth"))
    assert set(json.loads((run / "run.json").read_text())["ann_files"]) == {"train", "test"}
    tested = run_tool("test", config, "--work-dir", run)
    assert tested.returncode == 0, tested.stderr
    assert "validation mAP50" not in tested.stdout
    assert len((run / "submission.csv").read_text().splitlines()) == 1 + 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--all-data", "--fold", 1), "choose one"),
        (("--epochs-from", "x"), "--epochs-from is for --all-data"),
        (("--all-data", "--epochs-from", "nowhere"), "holds no runs of folds"),
        (("--cfg-options", "start_from=nowhere/first"), "nowhere/first holds no run"),
        (("--amp", "fp8"), "invalid choice: 'fp8'"),
    ],
)
def test_what_can_not_be_built_on_is_refused(run_tool, make_dataset, make_config, tmp_path, options, message):
    result = run_tool("train", make_config(make_dataset()), "--work-dir", tmp_path / "run", *options)
    assert message in refusal(result)
    assert not list(tmp_path.rglob("*.pth"))


def test_float16_without_a_gpu_is_refused(run_tool, make_dataset, make_config, tmp_path):
    result = run_tool(
        "train", make_config(make_dataset()), "--work-dir", tmp_path / "run", "--amp", CUDA_VISIBLE_DEVICES=""
    )
    assert "--amp bf16" in refusal(result)
