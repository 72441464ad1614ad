"""wandb gets every number at its true step, keeps no secret, and can't stop a run."""

import json
import logging
import os
import sys
from pathlib import Path
from unittest.mock import MagicMock

import pytest

torch = pytest.importorskip("torch")
wandb = pytest.importorskip("wandb")

import numpy as np  # noqa: E402
from mmengine.config import Config  # noqa: E402
from mmengine.logging import MessageHub  # noqa: E402

from custom_modules.hooks import AtomicCheckpointHook  # noqa: E402
from custom_modules.visualization import SortlineWandbBackend  # noqa: E402
from custom_modules.visualization import sortline_wandb_backend as backend_module  # noqa: E402
from sortline.secrets import HIDDEN  # noqa: E402
from sortline.tracking import tracker_backend  # noqa: E402
from sortline.tracking.tracker_backend import iterations_done, plain  # noqa: E402
from sortline.tracking.wandb_files import read_records, row_of  # noqa: E402
from sortline.tracking.wandb_run import RUN_ID_FILE  # noqa: E402

pytestmark = pytest.mark.mm

KEY = "0123456789" * 4
IDENTITY = {"name": "x/fold_0", "group": "x", "job_type": "train", "tags": ["family", "recycle", "fold_0"]}


@pytest.fixture(autouse=True)
def machine_without_login(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setattr(sys, "argv", ["train.py"])
    monkeypatch.setattr(MessageHub, "_instance_dict", {})
    monkeypatch.setenv("WANDB_DATA_DIR", str(tmp_path / "data"))


@pytest.fixture
def fake_wandb(monkeypatch):
    """Replace wandb by a mock that counts what it is asked to do."""
    module = MagicMock()
    module.errors.Error = type("Error", (Exception,), {})
    module.init.return_value.settings.sync_dir = "/tmp/run"
    monkeypatch.setitem(sys.modules, "wandb", module)
    return module


@pytest.fixture
def log(monkeypatch):
    """Collect what the user is told, warnings marked."""
    lines = []
    for module in (backend_module, tracker_backend):
        monkeypatch.setattr(
            module,
            "print_log",
            lambda text, logger, level=logging.INFO: lines.append(f"{logging.getLevelName(level)} {text}"),
        )
    return lines


def make_backend(folder, **kwargs):
    return SortlineWandbBackend(str(folder / "vis"), **{"init_kwargs": IDENTITY, **kwargs})


def make_config(folder, **kwargs):
    return Config({"work_dir": str(folder), "model": {"type": "RTMDet"}, **kwargs})


def wait_for_files():
    """Let wandb end as it does with the process: a run that is finished may still be on its way to the disk."""
    wandb.teardown()


def records_of(work_dir, kind):
    """Return all records of a kind, of all runs tracked offline in a folder, oldest first."""
    wait_for_files()
    files = sorted(Path(work_dir).glob("wandb/offline-run-*/*.wandb"), key=lambda path: path.stat().st_mtime_ns)
    return [getattr(record, kind) for path in files for record in read_records(path) if record.HasField(kind)]


def test_a_training_is_tracked_offline_and_resumed(make_runner, tmp_path, log):
    """Two epochs of four batches, logged after every second one, then one more epoch in a resumed run."""
    hooks = {
        "logger": {"type": "LoggerHook", "interval": 2},
        "checkpoint": {"type": AtomicCheckpointHook, "interval": 1},
    }
    folder = tmp_path / "run"

    def train(epochs, resume):
        backend = {"type": "SortlineWandbBackend", "init_kwargs": dict(IDENTITY)}
        visualizer = {"type": "Visualizer", "vis_backends": [backend]}
        config = make_config(folder, resume=resume, storage={"password": "hunter2"})
        make_runner(
            epochs=epochs, default_hooks=hooks, visualizer=visualizer, cfg=config, resume=resume, log_level="INFO"
        ).train()

    train(epochs=2, resume=False)
    run_id = (folder / RUN_ID_FILE).read_text().strip()
    train(epochs=3, resume=True)
    assert (folder / RUN_ID_FILE).read_text().strip() == run_id

    runs = records_of(folder, "run")
    assert [(run.run_id, run.resume) for run in runs] == [(run_id, False), (run_id, True)]
    for run in runs:
        assert (run.display_name, run.run_group, run.job_type) == ("x/fold_0", "x", "train")
        assert (list(run.tags), run.project) == (["family", "recycle", "fold_0"], "sortline")

    rows = [row_of(record) for record in records_of(folder, "history")]
    losses = [row["global_step"] for row in rows if "loss" in row]
    scores = [(row["global_step"], row["contest/mAP50"]) for row in rows if "contest/mAP50" in row]
    assert losses == [2, 4, 4 + 2, 4 + 4, 8 + 2, 8 + 4]
    # The metric gives its scores from the first one on to each of the two runners.
    assert scores == [(4, 0.1), (8, 0.2), (12, 0.1)]
    assert len(rows) == len(losses) + len(scores), "nothing is dropped"

    globs = {(metric.glob_name, metric.step_metric) for metric in records_of(folder, "metric")}
    assert ("*", "global_step") in globs
    config = {item.key: json.loads(item.value_json) for item in records_of(folder, "config")[0].update}
    assert config["storage"] == {"password": HIDDEN}
    assert config["model"] == {"type": "RTMDet"}
    assert ["tracking offline in" in line for line in log] == [True, False, True, False]
    assert ["wandb sync" in line for line in log] == [False, True, False, True]


def test_no_secret_is_written(tmp_path, monkeypatch, log):
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setattr(sys, "argv", ["train.py", "--cfg-options", "storage.password=hunter2"])
    backend = make_backend(tmp_path)
    backend.add_config(make_config(tmp_path, storage={"password": "hunter2"}, url="https://me:hunter3@host/data"))
    backend.add_scalars({"loss": 1.0}, step=1)
    backend.close()
    wait_for_files()
    (record_file,) = tmp_path.glob("wandb/offline-run-*/*.wandb")
    assert b"RTMDet" in record_file.read_bytes(), "texts are stored as they are, so that a search finds them"
    for path in tmp_path.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not [secret for secret in (KEY, "hunter2", "hunter3") if secret.encode() in content], path


def test_a_server_that_does_not_answer_means_offline(tmp_path, monkeypatch, log):
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    backend = make_backend(tmp_path, init_kwargs={**IDENTITY, "settings": {"init_timeout": 1}})
    backend.add_config(make_config(tmp_path))
    backend.add_scalar("loss", 1.0, step=1)
    backend.close()
    (row,) = [row_of(record) for record in records_of(tmp_path, "history")]
    assert (row["loss"], row["global_step"]) == (1.0, 1)
    assert "going on offline" in log[0]
    assert "wandb sync" in log[-1]


@pytest.mark.parametrize("done", [0, 49])
def test_step_is_the_number_of_iterations_done(done):
    hub = MessageHub.get_instance("test")
    assert iterations_done(step=3) == 3, "outside of training there is nothing better"
    hub.update_info("iter", done)
    assert iterations_done(step=3) == done + 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [(torch.tensor(2.5), 2.5), (torch.tensor([2]), 2), (np.float32(0.5), 0.5), (np.array([[3]]), 3), (7, 7)],
)
def test_numbers_are_taken_out_of_their_arrays(value, expected):
    assert plain(value) == expected
    assert type(plain(value)) is type(expected)


def test_images_and_further_metrics(tmp_path, fake_wandb):
    backend = make_backend(tmp_path, define_metric_cfg={"contest/mAP50": "max"})
    MessageHub.get_instance("test").update_info("iter", 9)
    backend.add_image("photo", np.zeros((2, 2, 3), np.uint8), step=1)
    backend.close()
    run = fake_wandb.init.return_value
    assert run.log.call_args.args[0] == {"photo": fake_wandb.Image.return_value, "global_step": 10}
    defined = [call.kwargs for call in run.define_metric.call_args_list]
    assert {"name": "contest/mAP50", "summary": "max", "step_metric": "global_step"} in defined


def test_the_configs_arguments_win(tmp_path, fake_wandb):
    given = {**IDENTITY, "mode": "shared", "project": "mine", "id": "abc", "settings": {"console": "wrap"}}
    backend = make_backend(tmp_path, init_kwargs=given)
    backend.add_config(make_config(tmp_path))
    used = fake_wandb.init.call_args.kwargs
    assert {key: used[key] for key in ("mode", "project", "id")} == {"mode": "shared", "project": "mine", "id": "abc"}
    assert used["settings"]["console"] == "wrap"
    assert used["settings"]["reinit"] == "finish_previous", "the others stay"
    assert not (tmp_path / RUN_ID_FILE).exists()


def test_the_environments_settings_win(tmp_path, monkeypatch, fake_wandb):
    monkeypatch.setenv("WANDB_PROJECT", "mine")
    monkeypatch.setenv("WANDB_INIT_TIMEOUT", "300")
    make_backend(tmp_path).add_config(make_config(tmp_path))
    used = fake_wandb.init.call_args.kwargs
    assert used["project"] == "mine"
    assert "init_timeout" not in used["settings"]


def test_a_sweeps_run_has_the_agents_id_and_keeps_it(tmp_path, monkeypatch, fake_wandb):
    monkeypatch.setenv("WANDB_RUN_ID", "a1b2c3d4")
    make_backend(tmp_path).add_config(make_config(tmp_path))
    assert fake_wandb.init.call_args.kwargs["id"] == "a1b2c3d4"
    assert (tmp_path / RUN_ID_FILE).read_text().strip() == "a1b2c3d4", "for a later --resume"


def test_a_test_in_the_folder_of_a_training_is_a_run_of_its_own(tmp_path, fake_wandb):
    (tmp_path / RUN_ID_FILE).write_text("training")
    backend = make_backend(tmp_path, init_kwargs={**IDENTITY, "job_type": "test"})
    backend.add_config(make_config(tmp_path, resume=True))
    assert fake_wandb.init.call_args.kwargs["id"] != "training"
    assert "resume" not in fake_wandb.init.call_args.kwargs
    assert (tmp_path / RUN_ID_FILE).read_text() == "training"


def test_disabled_needs_no_wandb(tmp_path, monkeypatch, log):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    monkeypatch.setitem(sys.modules, "wandb", None)
    backend = make_backend(tmp_path)
    backend.add_config(make_config(tmp_path))
    backend.add_scalar("loss", 1.0)
    backend.close()
    assert backend.experiment is None
    assert log == []
    assert list(tmp_path.iterdir()) == []


def use_everything(backend, folder):
    backend.add_config(make_config(folder))
    backend.add_scalar("loss", 1.0, step=1)
    backend.add_scalars({"loss": 1.0}, step=2)
    backend.add_image("photo", np.zeros((2, 2, 3), np.uint8))
    backend.add_graph(torch.nn.Linear(1, 1), [])
    backend.close()
    backend.close()


def test_without_wandb_there_is_one_warning(tmp_path, monkeypatch, log):
    monkeypatch.setitem(sys.modules, "wandb", None)
    use_everything(make_backend(tmp_path), tmp_path)
    (line,) = log
    assert "pip install wandb" in line


@pytest.mark.parametrize("broken", ["init", "config.update", "log", "define_metric", "finish"])
def test_any_failure_is_one_warning(tmp_path, fake_wandb, log, broken):
    failing = fake_wandb if broken == "init" else fake_wandb.init.return_value
    for part in broken.split("."):
        failing = getattr(failing, part)
    failing.side_effect = RuntimeError("wandb is broken\nin two lines")
    use_everything(make_backend(tmp_path), tmp_path)
    warnings = [line for line in log if "WARNING" in line]
    assert len(warnings) == 1
    assert "RuntimeError: wandb is broken" in warnings[0]


def test_a_full_disk_ends_the_tracking_only(tmp_path, monkeypatch, fake_wandb, log):
    full = MagicMock(side_effect=OSError(28, "No space left on device"))
    monkeypatch.setattr(backend_module, "run_id_to_use", full)
    use_everything(make_backend(tmp_path), tmp_path)
    (line,) = log
    assert "No space left on device" in line


def test_ctrl_c_is_not_swallowed(tmp_path, fake_wandb):
    fake_wandb.init.side_effect = KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        make_backend(tmp_path).add_scalar("loss", 1.0)
