"""A training, its resumption and its test through their command lines, as the trackers see them."""

import json
from pathlib import Path

import pytest
from helpers import ROOT

pytest.importorskip("wandb")

from sortline.runs.run_folder import VAL_PREDICTIONS
from sortline.tracking.wandb_files import read_records, row_of

pytestmark = [pytest.mark.mm, pytest.mark.slow]

RECIPES = "".join(f"\n{(ROOT / f'configs/_base_/recipes/{name}.py').read_text()}" for name in ("mlflow", "tensorboard"))
EXTRA = "\ntrain_cfg = dict(max_epochs=2, val_interval=1)\ndefault_hooks = dict(logger=dict(interval=2))\n"


def runs_of(folder):
    """Return wandb's records of each start of a run, oldest first."""
    paths = sorted(folder.glob("wandb/offline-run-*/*.wandb"), key=lambda path: path.parent.name)
    return [list(read_records(path)) for path in paths]


def artifacts_of(records):
    found = [record.artifact for record in records if record.HasField("artifact")]
    return {artifact.name: artifact for artifact in found if artifact.type != "run_table"}


def record_kept_in(records):
    """Return run.json as the trackers were handed it last."""
    entry = next(entry for entry in artifacts_of(records)["tiny-run"].manifest.contents if entry.path == "run.json")
    return json.loads(Path(entry.local_path).read_text())


def test_a_run_is_followed_from_training_to_submission(run_tool, make_dataset, make_config, tmp_path):
    config, run = make_config(make_dataset(images=12), RECIPES + EXTRA), tmp_path / "tiny"
    database = {"MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db"}
    options = (config, "--work-dir", run)
    trained = run_tool("train", *options, **database)
    assert trained.returncode == 0, trained.stderr
    longer = ("--cfg-options", "train_cfg.max_epochs=3", "--resume")
    assert run_tool("train", *options, *longer, **database).returncode == 0
    tested = run_tool("test", *options, **database)
    assert tested.returncode == 0, tested.stderr
    assert "not track" not in trained.stderr + tested.stderr

    first, resumed, test = runs_of(run)
    rows = [row_of(record.history) for record in first + resumed if record.HasField("history")]
    # 12 images less a third, two a batch: four steps an epoch, of which every second is logged.
    losses = [row["global_step"] for row in rows if "loss" in row]
    assert losses == [2, 4, 6, 8, 10, 12]
    assert all("grad_norm" in row and "lr" in row for row in rows if "loss" in row)
    for name in ("contest/mAP50", "val/photos", "val/confusion_table", "val/pr_curves_table"):
        assert [row["global_step"] for row in rows if name in row] == [4, 8, 12], name

    made, used = artifacts_of(resumed)["tiny-model"], artifacts_of(test)["tiny-model"]
    assert (sorted(made.aliases), made.use_after_commit, used.use_after_commit) == (["best", "latest"], False, True)
    assert made.digest == used.digest, "one version on the server: the test's lineage"
    assert record_kept_in(first)["status"] == record_kept_in(resumed)["status"] == "trained"
    assert {"tiny-predictions", "tiny-submission"} <= artifacts_of(test).keys()
    assert isinstance(json.loads((run / VAL_PREDICTIONS).read_text()), list)
    assert (run / "mlflow_run_id").exists()
    assert {path.name for path in (run / "tensorboard").iterdir()} == {"train", "test"}


def test_a_run_that_fails_is_told(run_tool, make_dataset, make_config, tmp_path):
    diverging = "\noptim_wrapper = dict(optimizer=dict(lr=1e30))\n"
    config, run = make_config(make_dataset(), diverging), tmp_path / "tiny"
    assert run_tool("train", config, "--work-dir", run).returncode != 0
    (records,) = runs_of(run)
    (alert,) = [record.alert for record in records if record.HasField("alert")]
    assert (alert.title, alert.level) == ("failed: tiny", "ERROR")
    assert [record.exit.exit_code for record in records if record.HasField("exit")] == [1]
