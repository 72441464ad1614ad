"""MLflow gets the same facts, from a real server on this machine and from a file; a resumed run repeats no step."""

import os
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from fact_cases import draw_up

pytest.importorskip("torch")
mlflow = pytest.importorskip("mlflow")

from mmengine.config import Config  # noqa: E402
from mmengine.logging import MessageHub  # noqa: E402

from custom_modules.visualization import SortlineMLflowBackend  # noqa: E402
from custom_modules.visualization.sortline_mlflow_backend import RUN_ID_FILE  # noqa: E402
from sortline.tracking import tracker_backend  # noqa: E402
from sortline.tracking.facts import INTERRUPTED, Files, Note  # noqa: E402

pytestmark = pytest.mark.mm

IDENTITY = {"name": "x/fold_0", "group": "x", "job_type": "train", "tags": ["family", "recycle", "fold_0"]}


@pytest.fixture(autouse=True)
def hub(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr(MessageHub, "_instance_dict", {})
    return MessageHub.get_instance("test")


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """Make MLflow's tables once: that takes seconds."""
    uri = f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db"
    mlflow.MlflowClient(uri).search_experiments()
    return uri


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Start ``mlflow server`` on a free port of this machine, with its own database."""
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    uri = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
    command += ["--artifacts-destination", str(folder / "files"), "--host", "127.0.0.1", "--port", str(port)]
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*command, "--workers", "1"], env=environment, cwd=folder, stdout=log, stderr=log)
    try:
        wait_for(f"{uri}/health", process, folder / "log")
        yield uri
    finally:
        process.terminate()
        process.wait(30)


def wait_for(url, process, log):
    for _ in range(600):
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail(log.read_text())


def started(folder, uri, resume=False, **identity):
    backend = SortlineMLflowBackend(str(folder / "vis"), uri, {**IDENTITY, **identity})
    config = {"work_dir": str(folder), "resume": resume, "model": {"type": "RTMDet"}, "password": "hunter2"}
    backend.add_config(Config(config))
    return backend


def log_steps(backend, hub, steps):
    for step in steps:
        hub.update_info("iter", step - 1)
        backend.add_scalars({"loss": 1 / step, "contest/AP50_Paper & pack": 0.5, "note": "no number"})


def check_everything(uri, folder, data, hub):
    """Track one of everything, be killed, resume, and read it all back."""
    client = mlflow.MlflowClient(uri)
    backend = started(folder, uri)
    log_steps(backend, hub, range(1, 5))
    for name, fact in draw_up(folder, data).items():
        backend.track(name, fact)
    backend.track_files(Files("recycle-annotations", "dataset", {"train.json": data / "train.json"}, used=True))
    backend.close(INTERRUPTED)
    run_id = (folder / RUN_ID_FILE).read_text().strip()
    assert client.get_run(run_id).info.status == "KILLED"

    resumed = started(folder, uri, resume=True)
    log_steps(resumed, hub, range(3, 7))
    (folder / "best.pth").write_bytes(b"weights")
    resumed.track_files(Files("x-model", "model", {"best.pth": folder / "best.pth"}, ("best", "latest")))
    resumed.note(Note("finished: x", "3 epochs"))
    resumed.close()

    run = client.get_run(run_id)
    assert (run.info.status, run.info.run_name) == ("FINISHED", "x/fold_0")
    assert client.get_experiment(run.info.experiment_id).name == "x"
    assert run.data.params["model.type"] == "RTMDet"
    assert "hunter2" not in str(run.data.params)
    for key in ("loss", "contest/AP50_Paper _ pack"):
        assert [metric.step for metric in client.get_metric_history(run_id, key)] == [1, 2, 3, 4, 5, 6]
    tags = run.data.tags
    assert (tags["job_type"], tags["fold_0"]) == ("train", "true")
    assert tags["note.INFO"] == "finished: x: 3 epochs"
    assert (tags["model.best"], tags["model.latest"]) == ("best.pth", "best.pth")
    assert tags["used.recycle-annotations.train.json"].startswith("sha256 ")
    assert tags["last_step.val/confusion"] == "4"
    kept = {
        file.path for part in ("", "model", "dataset", "val/confusion") for file in client.list_artifacts(run_id, part)
    }
    assert kept >= {"config.json", "model/best.pth", "dataset/train.json", "val/confusion/step_00000004.json"}
    images = [file.path for file in client.list_artifacts(run_id, "images") if file.path.endswith(".png")]
    assert len(images) == 1 + 1 + 6, "confusion, curves and six photos, once each"
    return run_id


def test_everything_in_a_file(database, tmp_path, make_dataset, hub):
    run_id = check_everything(database, tmp_path / "run", make_dataset(images=6), hub)
    test = started(tmp_path / "run", database, job_type="test", name="x/fold_0")
    test.add_scalar("contest/mAP50", 0.5)
    test.close()
    client = mlflow.MlflowClient(database)
    (child,) = client.search_runs(
        [client.get_run(run_id).info.experiment_id], f"tags.`mlflow.parentRunId` = '{run_id}'"
    )
    assert child.data.metrics == {"contest/mAP50": 0.5}
    assert (tmp_path / "run" / RUN_ID_FILE).read_text().strip() == run_id, "a test is no run to resume"


@pytest.mark.slow
def test_everything_on_a_server(server, tmp_path, make_dataset, hub):
    check_everything(server, tmp_path / "run", make_dataset(images=6), hub)


def test_the_environment_names_the_server_and_the_config_wins(monkeypatch, tmp_path):
    assert SortlineMLflowBackend(str(tmp_path))._uri == "sqlite:///work_dirs/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://one")
    assert SortlineMLflowBackend(str(tmp_path))._uri == "http://one"
    assert SortlineMLflowBackend(str(tmp_path), "http://other")._uri == "http://other"


def test_a_server_that_does_not_answer_holds_up_no_step(monkeypatch, tmp_path, hub):
    monkeypatch.setattr(tracker_backend, "FINISH_SECONDS", 0.5)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    with socket.socket() as silent:  # takes the connection and says nothing
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        backend = started(tmp_path, f"http://127.0.0.1:{silent.getsockname()[1]}")
        start = time.monotonic()
        log_steps(backend, hub, range(1, 200))
        backend.close()
        assert time.monotonic() - start < 60, "one request alone waits for two minutes"


def test_without_the_package_there_is_one_warning(monkeypatch, tmp_path, hub):
    lines = []
    monkeypatch.setitem(sys.modules, "mlflow", None)
    monkeypatch.setattr(tracker_backend, "print_log", lambda text, *_: lines.append(text))
    backend = started(tmp_path, "http://127.0.0.1:9")
    log_steps(backend, hub, [1, 2])
    backend.close()
    (line,) = lines
    assert "pip install mlflow" in line
