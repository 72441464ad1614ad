"""A run's record is true at every moment: at the start, after an epoch, and however the run ends."""

from types import SimpleNamespace

import pytest
from mmengine.config import Config

from sortline.runs.named_score import Score
from sortline.runs.run_record import FAILED, STOPPED, TRAINED, TRAINING, RunRecord, read_record

pytestmark = pytest.mark.mm

RECORD = RunRecord("x.py", {"lr": 0.1}, {}, settings_sha256="1")


@pytest.fixture
def make_runner(tmp_path):
    """A stand-in for a Runner that is in an epoch of its training."""
    from mmengine.logging import MessageHub
    from mmengine.runner import EpochBasedTrainLoop

    def make(epoch=0, **cfg):
        hooks = []
        loop = object.__new__(EpochBasedTrainLoop)
        return SimpleNamespace(
            cfg=Config(dict(work_dir=str(tmp_path), **cfg)),
            work_dir=str(tmp_path),
            seed=5,
            epoch=epoch,
            train_loop=loop,
            _train_loop=loop,
            message_hub=MessageHub("test"),
            hooks=hooks,
            register_hook=hooks.append,
        )

    return make


def test_the_record_is_there_from_the_start_and_complete_at_the_end(make_runner, tmp_path):
    from sortline.pipeline.run_keeping import kept_record

    runner = make_runner()
    with kept_record(runner, RECORD):
        begun = read_record(tmp_path)
        assert (begun.status, begun.finished, begun.seed) == (TRAINING, "", 5)
        assert begun.versions["torch"]
        assert begun.hardware.threads > 0
        for key, value in (("best_score", 0.25), ("best_metric", "coco/bbox_mAP")):
            runner.message_hub.update_info(key, value)
        runner.hooks[0].after_train_epoch(runner)
        during = read_record(tmp_path)
        assert (during.status, during.epochs_done, during.best_score) == (TRAINING, 1, Score("coco/bbox_mAP", 0.25))
        runner.epoch = 1
        runner.hooks[0].after_train(runner)
    ended = read_record(tmp_path)
    assert (ended.status, ended.epochs_done, ended.best_score, ended.reason) == (TRAINED, 1, during.best_score, "")
    assert ended.finished >= ended.started
    assert ended.seconds == ended.starts[0].seconds >= 0
    assert ended.peak_memory_mib > 0


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (KeyboardInterrupt(), STOPPED, ""),
        (SystemExit(0), STOPPED, ""),
        (ValueError("no such url https://me:s3cret@host"), FAILED, "ValueError: no such url https://(hidden)@host"),
    ],
)
def test_a_run_that_breaks_off_says_so(make_runner, tmp_path, error, status, reason):
    from sortline.pipeline.run_keeping import kept_record

    with pytest.raises(type(error)), kept_record(make_runner(), RECORD):
        raise error
    ended = read_record(tmp_path)
    assert (ended.status, ended.reason) == (status, reason)
    assert ended.finished


def test_a_full_disk_does_not_hide_the_error(make_runner, tmp_path, monkeypatch):
    from sortline.pipeline.run_keeping import kept_record

    def full(record, folder):
        raise OSError(28, "No space left on device")

    def break_off():
        with kept_record(make_runner(), RECORD):
            monkeypatch.setattr(RunRecord, "write", full)
            raise ValueError("the error")

    with pytest.raises(ValueError, match="the error"):
        break_off()
    assert read_record(tmp_path).status == TRAINING


def test_a_score_that_is_no_number_leaves_a_record(make_runner, tmp_path):
    from sortline.pipeline.run_keeping import kept_record

    runner = make_runner()
    with kept_record(runner, RECORD):
        runner.message_hub.update_info("best_score", float("nan"))
        runner.hooks[0].after_train(runner)
    assert read_record(tmp_path).best_score is None


def test_a_resumed_run_goes_on_with_its_record(make_runner, tmp_path):
    from sortline.pipeline.run_keeping import kept_record

    with pytest.raises(KeyboardInterrupt), kept_record(make_runner(epoch=2), RECORD):
        raise KeyboardInterrupt
    first = read_record(tmp_path)
    resumed = make_runner(epoch=3, resume=True, load_from="epoch_2.pth")
    with kept_record(resumed, RECORD):
        during = read_record(tmp_path)
        assert (during.status, during.epochs_done, during.started) == (TRAINING, 2, first.started)
        resumed.hooks[0].after_train(resumed)
    ended = read_record(tmp_path)
    assert [start.resumed_from for start in ended.starts] == ["", "epoch_2.pth"]
    assert ended.epochs_done == 3


def test_a_resumed_run_does_without_a_record_that_can_not_be_read(make_runner, tmp_path):
    from sortline.pipeline.run_keeping import kept_record

    (tmp_path / "run.json").write_text("{}")
    with kept_record(make_runner(resume=True, load_from="epoch_2.pth"), RECORD):
        assert read_record(tmp_path).config == RECORD.config


def test_loops_that_count_iterations_have_their_epochs_counted():
    from sortline.pipeline.run_keeping import epochs_done

    assert epochs_done(SimpleNamespace(_train_loop={})) == 0
    runner = SimpleNamespace(_train_loop=object(), iter=25, train_dataloader=range(10))
    assert epochs_done(runner) == 25 // 10
