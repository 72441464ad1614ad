"""TensorBoard gets the same facts, read back with its own reader; a resumed run repeats no step."""

import pytest
from fact_cases import draw_up

pytest.importorskip("torch")
pytest.importorskip("tensorboard")

from mmengine.config import Config
from mmengine.logging import MessageHub

from custom_modules.visualization import SortlineTensorboardBackend
from custom_modules.visualization.sortline_tensorboard_backend import steps_in_events
from sortline.tracking.facts import Files, Note

pytestmark = pytest.mark.mm


@pytest.fixture(autouse=True)
def hub(monkeypatch):
    monkeypatch.setattr(MessageHub, "_instance_dict", {})
    return MessageHub.get_instance("test")


def started(folder, resume=False, job_type="train"):
    backend = SortlineTensorboardBackend(str(folder / "vis"), identity={"job_type": job_type})
    backend.add_config(Config({"work_dir": str(folder), "resume": resume, "password": "hunter2"}))
    return backend


def log_steps(backend, hub, steps):
    for step in steps:
        hub.update_info("iter", step - 1)
        backend.add_scalars({"loss": 1 / step, "note": "no number"})


def read(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    accumulator = EventAccumulator(str(folder), size_guidance={"images": 0, "scalars": 0, "tensors": 0})
    accumulator.Reload()
    return accumulator


def test_numbers_pictures_files_and_notes(tmp_path, make_dataset, hub):
    data = make_dataset(images=6)
    backend = started(tmp_path)
    log_steps(backend, hub, [10])
    for name, fact in draw_up(tmp_path, data).items():
        backend.track(name, fact)
    backend.track_files(Files("x-model", "model", {"train.json": data / "train.json"}, ("best",)))
    for title in ("one", "two"):
        backend.note(Note(title, "text"))
    backend.close()
    found = read(tmp_path / "tensorboard/train")
    assert [(event.step, event.value) for event in found.Scalars("loss")] == [(10, pytest.approx(1 / 10))]
    photos = [f"val/photos/{group}_{number}" for group in ("worst", "best", "random") for number in (1, 2)]
    assert sorted(found.Tags()["images"]) == sorted(["val/confusion", "val/pr_curves", *photos])
    (photo,) = found.Images("val/photos/best_1")
    assert (photo.step, photo.width, photo.height) == (10, 2 * 32, 24), "annotations beside detections"
    texts = {
        tag: [event.tensor_proto.string_val[0].decode() for event in found.Tensors(tag)]
        for tag in found.Tags()["tensors"]
    }
    assert texts["notes/text_summary"] == ["**one** text", "**two** text"]
    assert "train.json" in texts["files/x-model/text_summary"][0]
    assert "hunter2" not in texts["config/text_summary"][0]


def test_a_resumed_run_repeats_no_step_and_fills_the_gap(tmp_path, hub):
    killed = started(tmp_path)
    log_steps(killed, hub, range(1, 9))
    killed.close()
    (events,) = (tmp_path / "tensorboard/train").iterdir()
    events.write_bytes(events.read_bytes()[:-70])  # as a kill may leave it
    assert steps_in_events(events.parent)["loss"] < 8
    resumed = started(tmp_path, resume=True)
    log_steps(resumed, hub, range(6, 12))
    resumed.close()
    found = read(tmp_path / "tensorboard/train")
    assert [event.step for event in found.Scalars("loss")] == list(range(1, 12))


def test_a_test_has_curves_of_its_own(tmp_path, hub):
    backend = started(tmp_path, job_type="test")
    backend.add_scalar("loss", 0.5)
    backend.close()
    assert read(tmp_path / "tensorboard/test").Tags()["scalars"] == ["loss"]
    assert not (tmp_path / "tensorboard/train").exists()
