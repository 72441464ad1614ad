"""What all trackers share: order, one axis, no row twice or lost, and no way to stop a run."""

import logging
import threading
import time

import numpy as np
import pytest

pytest.importorskip("mmengine")

from mmengine.config import Config
from mmengine.logging import MessageHub

from sortline.tracking import tracker_backend
from sortline.tracking.facts import Ending, Files, Note
from sortline.tracking.tracker_backend import TrackerBackend

pytestmark = pytest.mark.mm


class Recorder(TrackerBackend):
    """Keeps what it is given, of which a kill may take the end."""

    name = "recorder"

    def __init__(self, save_dir, on_record=None, broken="", is_training=True):
        super().__init__(save_dir)
        self.on_record, self.broken, self.training = on_record or {}, broken, is_training
        self.got = []

    def take(self, kind, *content):
        if kind == self.broken:
            raise ConnectionError("no route to host\nsecond line")
        self.got.append((kind, *content))

    def _is_training(self):
        return self.training

    def _last_step(self, key):
        return self.on_record.get(key, -1)

    def _start(self):
        self.take("start")
        return self

    def _begin(self):
        self.take("begin")

    def _put_config(self, content):
        self.take("config", content)

    def _put_scalars(self, row, step):
        self.take("row", dict(row), step)

    def _put_image(self, name, rgb, step):
        self.take("image", name, step)

    def _put_fact(self, name, fact, step):
        self.take("fact", name, fact, step)

    def _put_note(self, note):
        self.take("note", note)

    def _put_files(self, files):
        self.take("files", files)

    def _end(self, status):
        self.take("end", status)


@pytest.fixture(autouse=True)
def hub(monkeypatch):
    monkeypatch.setattr(MessageHub, "_instance_dict", {})
    return MessageHub.get_instance("test")


@pytest.fixture
def warnings(monkeypatch):
    lines = []
    monkeypatch.setattr(
        tracker_backend,
        "print_log",
        lambda text, logger, level=logging.INFO: lines.append(text) if level == logging.WARNING else None,
    )
    return lines


def started(folder, resume=False, **kwargs):
    backend = Recorder(str(folder / "vis"), **kwargs)
    backend.add_config(Config({"work_dir": str(folder), "resume": resume, "password": "hunter2"}))
    return backend


def rows(backend):
    return [content for kind, *content in backend.got if kind == "row"]


def log_steps(backend, hub, steps):
    for step in steps:
        hub.update_info("iter", step - 1)
        backend.add_scalars({"loss": 1 / step})


def test_everything_arrives_in_order(tmp_path, hub):
    backend = started(tmp_path)
    hub.update_info("iter", 9)
    backend.add_scalar("loss", np.float32(0.5))
    backend.add_image("photo", np.zeros((2, 2, 3), np.uint8))
    backend.track("val/confusion", "a fact")
    note, files = Note("title", "text"), Files("a", "run", {"x": tmp_path / "x"})
    (tmp_path / "x").touch()
    backend.note(note)
    backend.track_files(files)
    backend.track_files(Files("absent", "run", {"y": tmp_path / "y"}))
    backend.close()
    config = {"work_dir": str(tmp_path), "resume": False, "password": "(hidden)"}
    assert backend.got == [
        *(("start",), ("begin",), ("config", config), ("row", {"loss": 0.5}, 10), ("image", "photo", 10)),
        *(("fact", "val/confusion", "a fact", 10), ("note", note), ("files", files), ("end", "finished")),
    ]


@pytest.mark.parametrize("arrived", [0, 3, 6, 8])
def test_a_killed_run_is_continued_without_a_gap_and_without_a_step_twice(tmp_path, hub, arrived):
    """Killed after step 8 with a checkpoint of step 5; the tracker's own record ends anywhere."""
    killed = started(tmp_path)
    log_steps(killed, hub, range(1, 9))
    resumed = started(tmp_path, resume=True, on_record={"loss": arrived})
    log_steps(resumed, hub, range(6, 11))
    resumed.close()
    assert rows(resumed) == [[{"loss": 1 / step}, step] for step in range(arrived + 1, 11)]


def test_a_tracker_that_broke_down_gets_what_it_missed_when_the_run_is_resumed(tmp_path, hub, warnings):
    broken = started(tmp_path, broken="row")
    log_steps(broken, hub, range(1, 5))
    broken.close()
    assert rows(broken) == []
    resumed = started(tmp_path, resume=True)
    log_steps(resumed, hub, range(5, 7))
    resumed.close()
    assert [step for _, step in rows(resumed)] == [1, 2, 3, 4, 5, 6]


def test_pictures_that_are_on_record_are_not_repeated(tmp_path, hub):
    backend = started(tmp_path, resume=True, on_record={"val/photos": 20})
    for step in (20, 30):
        hub.update_info("iter", step - 1)
        backend.track("val/photos", "photos")
        backend.track("val/confusion", "matrix")
    backend.close()
    facts = [(name, step) for kind, name, _, step in (row for row in backend.got if row[0] == "fact")]
    assert facts == [("val/confusion", 20), ("val/photos", 30), ("val/confusion", 30)]


def test_a_test_leaves_the_trainings_journal_alone(tmp_path, hub):
    training = started(tmp_path)
    log_steps(training, hub, [1])
    training.close()
    test = started(tmp_path, is_training=False)
    log_steps(test, hub, [7])
    test.close()
    resumed = started(tmp_path, resume=True)
    resumed.close()
    assert [step for _, step in rows(resumed)] == [1]


@pytest.mark.parametrize("part", ["start", "begin", "config", "row", "image", "note", "files", "end"])
def test_whatever_breaks_is_one_warning(tmp_path, hub, warnings, part):
    backend = started(tmp_path, broken=part)
    backend.add_scalar("loss", 0.5)
    backend.add_image("photo", np.zeros((2, 2, 3), np.uint8))
    backend.note(Note("title", "text"))
    (tmp_path / "x").touch()
    backend.track_files(Files("a", "run", {"x": tmp_path / "x"}))
    backend.close()
    backend.close()
    assert warnings == ["recorder: not tracking from here on: ConnectionError: no route to host"]
    kinds = [kind for kind, *_ in backend.got]
    assert part not in kinds
    assert part == "end" or "end" not in kinds


def test_a_call_that_hangs_stops_neither_the_steps_nor_the_end(tmp_path, hub, warnings, monkeypatch):
    monkeypatch.setattr(tracker_backend, "FINISH_SECONDS", 0.2)
    release = threading.Event()
    backend = started(tmp_path)
    monkeypatch.setattr(backend, "_put_scalars", lambda row, step: release.wait())
    start = time.monotonic()
    log_steps(backend, hub, range(1, 2001))  # more than may wait
    backend.close()
    assert time.monotonic() - start < 60, "each step would wait for ever"
    assert "stopped taking what is sent" in warnings[0]
    release.set()


def test_a_full_disk_ends_the_tracking_only(tmp_path, hub, warnings, monkeypatch):
    backend = started(tmp_path)

    def full(step, row):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backend._journal, "add", full)
    log_steps(backend, hub, [1, 2])
    backend.close()
    assert warnings == ["recorder: not tracking from here on: OSError: [Errno 28] No space left on device"]


def test_an_interrupted_run_is_told_and_closed(tmp_path):
    backend = started(tmp_path)
    ending = Ending.of(KeyboardInterrupt(), "x")
    backend.interrupt(ending)
    assert backend.got[-2:] == [("note", ending.note), ("end", "interrupted")]
    untouched = Recorder(str(tmp_path))
    untouched.interrupt(ending)
    assert untouched.got == [], "a run that was never tracked does not start now"
