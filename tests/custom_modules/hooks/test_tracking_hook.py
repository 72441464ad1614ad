"""The tracking hook tells trackers what happened, in a real training, and can't stop it."""

import json
import logging

import pytest
from fact_cases import validation

torch = pytest.importorskip("torch")

from mmengine.config import Config  # noqa: E402
from mmengine.registry import VISBACKENDS  # noqa: E402

from custom_modules.hooks import AtomicCheckpointHook, TrackingHook, tracking_hook  # noqa: E402
from sortline.errors import InputError  # noqa: E402
from sortline.runs.run_record import RunRecord  # noqa: E402
from sortline.tracking.tracker_backend import TrackerBackend  # noqa: E402
from sortline.tracking.validation_facts import CONFUSION, CURVES, PHOTOS  # noqa: E402

pytestmark = pytest.mark.mm


class Recorder(TrackerBackend):
    """Keeps what it is told."""

    name = "recorder"
    got: list = []  # noqa: RUF012

    def _start(self):
        return self

    def _put_config(self, content):
        pass

    def _put_scalars(self, row, step):
        pass

    def _put_image(self, name, rgb, step):
        pass

    def _put_fact(self, name, fact, step):
        self.got.append((name, step))

    def _put_note(self, note):
        self.got.append((note.level, note.title))

    def _put_files(self, files):
        self.got.append((files.kind, files.aliases, files.used))

    def _end(self, status):
        self.got.append((status,))


@pytest.fixture
def got(monkeypatch):
    monkeypatch.setattr(Recorder, "got", [])
    VISBACKENDS.register_module(module=Recorder, force=True)
    yield Recorder.got
    VISBACKENDS.module_dict.pop("Recorder")


@pytest.fixture
def train(make_runner, make_dataset, tmp_path, monkeypatch, got):
    """Train the toy model, whose validation seems to have found the boxes of :func:`fact_cases.validation`."""
    data = make_dataset(images=6)
    monkeypatch.setattr(tracking_hook, "last_evaluated", lambda evaluator: validation())
    folder = tmp_path / "run"
    folder.mkdir()
    files = {"train": {"path": str(data / "train.json"), "sha256": "0"}}
    RunRecord("configs/x/toy_1x_recycle.py", {}, files).write(folder)

    def run(image_root=str(data), resume=False, epochs=2, **settings):
        runner = make_runner(
            epochs=epochs,
            resume=resume,
            cfg=Config({"work_dir": str(folder), "resume": resume}),
            default_hooks={"checkpoint": {"type": AtomicCheckpointHook, "interval": 1, "save_best": "contest/mAP50"}},
            custom_hooks=[TrackingHook(photos=2, photo_side=32, **settings)],
            visualizer={"type": "Visualizer", "vis_backends": [{"type": "Recorder"}]},
        )
        dataset = runner.val_dataloader.dataset if not isinstance(runner._val_dataloader, dict) else None
        dataset.ann_file, dataset.data_prefix = str(data / "train.json"), {"img": image_root}
        runner.train()
        return runner

    run.folder = folder
    return run


def test_a_training_is_told_from_start_to_end(train, got):
    train()
    facts = [(name, step) for step in (4, 8) for name in (CONFUSION, CURVES, PHOTOS)]
    assert got == [
        ("dataset", ("latest",), True),
        ("run", ("latest",), False),
        *facts,
        ("model", ("best", "latest"), False),
        ("run", ("latest",), False),
        ("INFO", "finished: run"),
        ("finished",),
    ]


def test_settings_bound_what_is_told(train, got):
    train(interval=2, checkpoint=False)
    assert [name for name, *_ in got] == ["dataset", "run", CONFUSION, CURVES, PHOTOS, "run", "INFO", "finished"]


def test_a_resumed_training_shows_the_same_photos(train):
    train(epochs=1)
    choice = train.folder / "tracked_photos.json"
    kept = json.loads(choice.read_text())
    kept["best"].reverse()
    choice.write_text(json.dumps(kept))
    train(epochs=2, resume=True)
    assert json.loads(choice.read_text()) == kept


def test_a_photo_that_is_gone_costs_a_warning_only(train, got, caplog):
    with caplog.at_level(logging.WARNING):
        runner = train(image_root="/nowhere")
    assert runner.epoch == 2
    assert PHOTOS not in [name for name, *_ in got]
    assert got[-1] == ("finished",)


def test_numbers_out_of_range_are_refused_together():
    with pytest.raises(InputError) as caught:
        TrackingHook(photos=-1, photo_side=0, max_boxes="many", score_thr=30, interval=0)
    assert [problem.where.rpartition(".")[2] for problem in caught.value.problems] == [
        *("photos", "photo_side", "max_boxes", "interval", "score_thr")
    ]
