"""A score of the user's own choice decides from training to the leaderboard: COCO's mAP, through the command lines."""

import csv
import json
import shutil
from types import SimpleNamespace

import pytest
from helpers import ROOT
from tiny_runs import write_config, write_dataset

pytestmark = pytest.mark.mm

NAME = "coco/bbox_mAP"
#: No score rises on photos of noise: with patience 1 each run stops after the second of many epochs. Boxes of any score
#: count as found: of nothing found CocoMetric reports nothing.
BY_COCO = (
    (ROOT / "configs/_base_/recipes/early_stopping.py").read_text()
    + f"""
recipe_early_stopping["hook"]["patience"] = 1
train_cfg = dict(max_epochs=50)
model["test_cfg"] = dict(score_thr=0.0)
val_evaluator = [dict(type="ContestMetric"), dict(type="CocoMetric", metric="bbox")]
test_evaluator = val_evaluator
deciding_score = "{NAME}"
"""
)
UNTRACKED = {"WANDB_MODE": "disabled"}


@pytest.fixture(scope="module")
def trained(tmp_path_factory, run_tool):
    """An ablation of one config and one seed, which is a training and its test, and the same config on a fold."""
    folder = tmp_path_factory.mktemp("by_coco")
    data = write_dataset(folder / "data")
    config = write_config(folder / "tiny.py", data, BY_COCO)
    assert run_tool("make_folds", data / "train.json", "--folds", 2).returncode == 0
    work = folder / "work"
    ablation = run_tool(
        "ablation", config, "--seeds", 0, "--work-dir", work, "--markdown", folder / "table.md", **UNTRACKED
    )
    assert ablation.returncode == 0, ablation.stdout + ablation.stderr
    folds = run_tool("train_folds", config, "--work-dir", work / "folds", "--folds", 0, **UNTRACKED)
    assert folds.returncode == 0, folds.stdout + folds.stderr
    run = work / "tiny/seed_0"
    return SimpleNamespace(folder=folder, data=data, work=work, run=run, ablation=ablation, folds=folds)


def test_it_chooses_the_best_checkpoint_and_stops_the_training(trained):
    record = json.loads((trained.run / "run.json").read_text())
    assert record["best_score"] == {"name": NAME, "value": record["metrics"][NAME]}
    assert record["epochs_done"] == 2
    settings = record["settings"]
    assert (settings["deciding_score"], settings["default_hooks"]["checkpoint"]["save_best"]) == (NAME, NAME)
    (best,) = trained.run.glob("best_*.pth")
    assert best.name == "best_coco_bbox_mAP_epoch_1.pth"
    assert f"{best} ({NAME} " in trained.ablation.stdout
    assert f"validation {NAME}: " in trained.ablation.stdout


def test_ablation_and_folds_show_it(trained):
    assert f"{NAME} of each seed" in (trained.folder / "table.md").read_text()
    assert NAME in trained.folds.stdout.split("minutes")[0]
    assert "mean of 1" in trained.folds.stdout


def test_the_card_begins_with_it(trained):
    page = (trained.run / "card.html").read_text()
    assert f"{NAME} of 2 validation images" in page
    assert f"best {NAME} in training, at epoch 1" in page


def test_the_leaderboard_ranks_it_apart_from_map50(trained, run_tool):
    other = trained.work / "by_map50"
    other.mkdir()
    before = json.loads((trained.run / "run.json").read_text())
    before["settings"]["default_hooks"]["checkpoint"]["save_best"] = "contest/mAP50"
    before |= {"best_score": 0.9, "metrics": {}}
    (other / "run.json").write_text(json.dumps(before))  # as an earlier version wrote it
    result = run_tool("leaderboard", trained.work, "--csv", trained.folder / "runs.csv")
    assert result.returncode == 0, result.stderr
    rows = {row["name"]: row for row in csv.DictReader((trained.folder / "runs.csv").open())}
    assert [row["score"] for row in rows.values()] == [NAME, NAME, "contest/mAP50"]
    assert rows["by_map50"]["cv"] == "0.9"
    assert f"decided by {NAME}" in result.stdout


def test_comparison_goes_by_it(trained, run_tool):
    shutil.copytree(trained.run, trained.folder / "copy")
    compared = run_tool("compare_runs", trained.run, trained.folder / "copy", "--bootstrap", 100)
    assert compared.returncode == 0, compared.stderr
    assert f"+0.000 {NAME}" in compared.stdout
