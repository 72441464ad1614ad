"""What an offline run of wandb holds, read from its own files: all that ``wandb sync`` has to upload."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from fact_cases import draw_up
from helpers import ROOT

pytest.importorskip("torch")
wandb = pytest.importorskip("wandb")

from mmengine.config import Config  # noqa: E402
from mmengine.logging import MessageHub  # noqa: E402

from custom_modules.visualization import SortlineWandbBackend  # noqa: E402
from sortline.tracking.facts import FAILED, INTERRUPTED, Files, Note  # noqa: E402
from sortline.tracking.validation_facts import PHOTOS  # noqa: E402
from sortline.tracking.wandb_files import read_records, row_of, run_files  # noqa: E402

pytestmark = pytest.mark.mm

SCRIPT = Path(__file__).parent / "run_tracked.py"


@pytest.fixture(autouse=True)
def offline(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("WANDB_MODE", "offline")
    # The backend chooses a folder of its own for it, and a process has one.
    monkeypatch.setenv("WANDB_DATA_DIR", str(tmp_path / "run/wandb"))
    monkeypatch.setattr(sys, "argv", ["train.py"])
    monkeypatch.setattr(MessageHub, "_instance_dict", {})


def records(folder):
    (run_id,) = {path.parent.name[-8:] for path in (folder / "wandb").glob("*run-*/run-*.wandb")}
    return [record for path in run_files(folder, run_id) for record in read_records(path)]


def of_kind(found, kind):
    return [getattr(record, kind) for record in found if record.HasField(kind)]


@pytest.fixture
def tracked(make_dataset, tmp_path):
    """Track one of everything and return the run folder and wandb's records."""
    data, folder = make_dataset(images=6), tmp_path / "run"
    backend = SortlineWandbBackend(str(folder / "vis"))
    backend.add_config(Config({"work_dir": str(folder), "model": {"type": "RTMDet"}}))
    MessageHub.get_instance("test").update_info("iter", 9)
    facts = draw_up(folder, data)
    for name, fact in facts.items():
        backend.track(name, fact)
    checkpoint = folder / "best_epoch_1.pth"
    checkpoint.write_bytes(b"weights")
    backend.track_files(Files("recycle-annotations", "dataset", {"train.json": data / "train.json"}, used=True))
    backend.track_files(Files("x-model", "model", {checkpoint.name: checkpoint}, ("best", "latest")))
    backend.track_files(Files("x-submission", "submission", {"a": folder / "absent.csv"}))
    backend.note(Note("finished: x", "3 epochs"))
    backend.close()
    wandb.teardown()  # a run that is finished may still be on its way to the disk
    return folder, records(folder), facts


def test_facts_files_and_notes_are_there(tracked):
    folder, found, _ = tracked
    rows = {name: row for history in of_kind(found, "history") for row in [row_of(history)] for name in row}
    assert {row["global_step"] for row in rows.values()} == {10}
    assert rows["val/confusion_table"]["val/confusion_table"]["nrows"] == 11 * 11, "ten classes and the background"
    assert rows["val/pr_curves_table"]["val/pr_curves_table"]["nrows"] == 3 * 101, "three classes have ground truth"
    assert rows["val/photos"]["val/photos"]["nrows"] == 6
    charts = [item for config in of_kind(found, "config") for item in config.update if item.nested_key]
    assert any("wandb/confusion_matrix/v1" in item.value_json for item in charts)

    artifacts = {artifact.name: artifact for artifact in of_kind(found, "artifact")}
    model, data = artifacts["x-model"], artifacts["recycle-annotations"]
    assert (model.type, sorted(model.aliases), model.use_after_commit) == ("model", ["best", "latest"], False)
    assert data.use_after_commit, "lineage: the run starts from it"
    assert "x-submission" not in artifacts, "there was no such file"
    ((name, path),) = [(entry.path, entry.local_path) for entry in model.manifest.contents]
    assert (name, path) == ("best_epoch_1.pth", str(folder / "best_epoch_1.pth")), "a checkpoint is not copied"
    for artifact in artifacts.values():
        for entry in artifact.manifest.contents:
            assert Path(entry.local_path).is_file(), "wandb sync needs it"
            assert Path(entry.local_path).is_relative_to(folder), "and the run folder holds it"
    (alert,) = of_kind(found, "alert")
    assert (alert.title, alert.text, alert.level) == ("finished: x", "3 epochs", "INFO")
    (end,) = of_kind(found, "exit")
    assert end.exit_code == 0


def test_photos_are_wandbs_own_images_with_boxes(tracked):
    _, found, facts = tracked
    (artifact,) = [made for made in of_kind(found, "artifact") if "photos" in made.name]
    files = {entry.path: Path(entry.local_path) for entry in artifact.manifest.contents}
    table = json.loads(files["val/photos.table.json"].read_text())
    assert table["columns"] == ["photo", "group", "image", "annotated", "found"]
    for row, photo in zip(table["data"], facts[PHOTOS].photos, strict=True):
        assert row[:2] == [photo.name, photo.group]
        image = row[2]
        assert (image["width"], image["height"], image["format"]) == (32, 24, "jpg")
        assert files[image["path"]].read_bytes()[:2] == b"\xff\xd8", "JPEG"
        (box,), (predicted,) = (image["boxes"][layer] for layer in ("truth", "predictions"))
        left, top, right, bottom = photo.truth.boxes_xyxy[0]
        assert box["position"] == {"minX": left, "maxX": right, "minY": top, "maxY": bottom}
        assert (box["domain"], box["class_id"]) == ("pixel", photo.truth.labels[0])
        assert predicted["scores"]["score"] == photo.found.scores[0]


@pytest.mark.parametrize(("status", "is_preempted"), [(FAILED, False), (INTERRUPTED, True)])
def test_a_run_that_did_not_finish_is_no_success(tmp_path, status, is_preempted):
    backend = SortlineWandbBackend(str(tmp_path / "run/vis"))
    backend.add_config(Config({"work_dir": str(tmp_path / "run")}))
    backend.close(status)
    wandb.teardown()
    found = records(tmp_path / "run")
    assert [end.exit_code for end in of_kind(found, "exit")] == [1]
    assert bool(of_kind(found, "preempting")) == is_preempted


def start(folder, *arguments):
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), str(folder), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "WANDB_DATA_DIR": str(folder / "wandb")},
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_kill_9_and_resume_leave_no_gap_and_no_step_twice(tmp_path):
    """Twice killed at a step that is no checkpoint; what wandb's buffers held then is handed over again."""
    steps, resumed_from = 24, 0
    for killed_at in (8, 17):
        process = start(tmp_path, steps, resumed_from)
        for line in process.stdout:
            if line.strip() == str(killed_at):
                process.send_signal(signal.SIGKILL)
                break
        process.wait()
        resumed_from = int((tmp_path / "checkpoint").read_text())
        assert resumed_from == killed_at // 5 * 5
    assert start(tmp_path, steps, resumed_from).wait() == 0

    found = records(tmp_path)
    assert [(run.run_id, run.resume) for run in of_kind(found, "run")] == [
        ((tmp_path / "wandb_run_id").read_text().strip(), resumed) for resumed in (False, True, True)
    ]
    rows = [row_of(history) for history in of_kind(found, "history")]
    assert [(row["global_step"], row["loss"]) for row in rows if "loss" in row] == [
        (step + 1, 1 / (step + 1)) for step in range(steps)
    ]
    assert [row["global_step"] for row in rows if "contest/mAP50" in row] == [5, 10, 15, 20]


@pytest.mark.slow
def test_the_death_of_wandbs_service_stops_no_training(tmp_path):
    process = start(tmp_path, 12)
    for line in process.stdout:
        if line.strip() == "4":
            os.kill(service_of(process.pid), signal.SIGKILL)
            break
    rest = process.stdout.read().split()
    assert process.wait() == 0
    assert [word for word in rest if word in ("10", "11")] == ["10", "11"], "all steps are done"


def service_of(pid):
    """Return the id of the service that this very process has started."""
    children = [word for file in Path(f"/proc/{pid}/task").glob("*/children") for word in file.read_text().split()]
    (service,) = [int(child) for child in children if b"wandb-core" in Path(f"/proc/{child}/cmdline").read_bytes()]
    return service
