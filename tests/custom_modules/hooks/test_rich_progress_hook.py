"""A bar on a terminal that log lines do not tear, sparse lines elsewhere."""

import io
import logging
import sys
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest

pytest.importorskip("torch")

from mmengine.logging import HistoryBuffer

from custom_modules.hooks import RichProgressHook
from custom_modules.hooks import rich_progress_hook as module
from custom_modules.hooks.rich_progress_hook import ProgressBar, Status, pass_status, train_status
from sortline.progress import SparseLines

pytestmark = pytest.mark.mm

SHOW_CURSOR = "\x1b[?25h"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def use_terminal(monkeypatch):
    """Replace both streams by one terminal; in a fixture, pytest's capture would take them back."""
    screen = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setattr(sys, "stderr", screen)
    return screen


@pytest.fixture
def clock(monkeypatch):
    """Let the test say what time it is."""
    now = SimpleNamespace(seconds=1000.0)
    monkeypatch.setattr(module.time, "monotonic", lambda: now.seconds)
    return now


def make_train_runner(done=0, total=100):
    scalars = {"train/loss": HistoryBuffer([3.0, 1.0], [1, 1]), "train/lr": HistoryBuffer([0.01], [1])}
    hub = SimpleNamespace(log_scalars=scalars, runtime_info={"eta": 90.5}, get_info=lambda key: 90.5)
    return MagicMock(
        iter=done,
        max_iters=total,
        epoch=2,
        max_epochs=20,
        message_hub=hub,
        val_dataloader=[0] * 10,
        logger=MagicMock(handlers=[]),
    )


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        pytest.param([(1, 1), (2, 2)], [], id="too-soon"),
        pytest.param([(31, 5)], [], id="too-little-done"),
        pytest.param([(5, 50)], [], id="much-done-too-soon"),
        pytest.param([(30, 10), (59, 20), (60, 20), (90, 30)], [0, 2, 3], id="both-since-the-last-line"),
        pytest.param([(1000, 100)], [0], id="the-end"),
    ],
)
def test_lines_need_time_and_work(steps, expected):
    lines = SparseLines(seconds=30, share=0.1)
    lines.start(now=0)
    assert [index for index, (now, done) in enumerate(steps) if lines.due(now, done, 100)] == expected


def test_a_resumed_run_counts_from_where_it_starts():
    lines = SparseLines(seconds=30, share=0.1)
    lines.start(now=0, done=95)
    assert not lines.due(40, 96, 100)


def test_training_status_says_what_matters():
    text = str(train_status(make_train_runner(done=24)))
    assert text.startswith("train 25/100 (25%)  epoch 3/20")
    assert f"loss {(3.0 + 1.0) / 2:.4g}" in text
    assert "lr 0.01" in text
    assert "eta 0:01:30" in text


def test_status_of_a_pass():
    assert str(pass_status(make_train_runner(), "val", batch_idx=4)).startswith("val 5/10 (50%)  eta")
    assert str(Status("test", 0, 0)) == "test 0/0 (100%)"


def test_sparse_lines_go_to_stderr(capsys, clock):
    hook, runner = RichProgressHook(), make_train_runner()
    hook.before_train(runner)
    for done in range(100):
        clock.seconds += 1
        runner.iter = done
        hook.after_train_iter(runner, done)
    hook.after_train(runner)
    out, err = capsys.readouterr()
    assert out == ""
    # A hundred seconds hold three intervals of thirty.
    assert [line.split()[1] for line in err.splitlines()] == ["30/100", "60/100", "90/100"]


def test_other_processes_are_silent(clock, monkeypatch):
    terminal = use_terminal(monkeypatch)
    monkeypatch.setattr(module, "is_main_process", lambda: False)
    hook, runner = RichProgressHook(min_seconds=0, min_share=0), make_train_runner()
    hook.before_train(runner)
    hook.after_train_iter(runner, 0)
    hook.before_val_epoch(runner)
    hook.after_val_iter(runner, 0)
    hook.after_val_epoch(runner)
    hook.after_train(runner)
    assert terminal.getvalue() == ""


def test_log_lines_stay_whole_above_the_bar(monkeypatch):
    terminal = use_terminal(monkeypatch)
    handler = logging.StreamHandler(sys.stdout)
    bar = ProgressBar([handler], refresh_seconds=0)
    bar.show(Status("train", 1, 10, "loss 1"))
    handler.emit(logging.makeLogRecord({"msg": "Saving checkpoint [3] at /tmp/x"}))
    print("printed")
    bar.show(Status("train", 10, 10, "loss 0.5"))
    assert bar.finish("train")
    screen = terminal.getvalue()
    lines = [line.rpartition("\x1b[2K")[2] for line in screen.split("\n")]
    assert "Saving checkpoint [3] at /tmp/x" in lines, "on a line of its own, untouched by markup"
    assert "printed" in lines
    assert "10/10" in lines[-2] or "10/10" in lines[-1]
    assert SHOW_CURSOR in screen.rpartition("10/10")[2]
    assert sys.stdout is terminal
    assert handler.stream is terminal


def test_what_goes_to_a_file_stays_out_of_the_terminal(monkeypatch):
    terminal = use_terminal(monkeypatch)
    file = io.StringIO()
    monkeypatch.setattr(sys, "stdout", file)
    handler = logging.StreamHandler(file)
    bar = ProgressBar([handler], refresh_seconds=0)
    bar.show(Status("train", 1, 10))
    handler.emit(logging.makeLogRecord({"msg": "logged"}))
    print("printed")
    bar.stop()
    assert file.getvalue() == "logged\nprinted\n"
    assert "logged" not in terminal.getvalue()


def test_validation_has_a_bar_of_its_own_while_training_goes_on(monkeypatch):
    terminal = use_terminal(monkeypatch)
    hook, runner = RichProgressHook(), make_train_runner()
    hook.before_train(runner)
    bar = hook._bar
    hook.before_val_epoch(runner)
    hook.after_val_iter(runner, 4)
    assert hook._bar is bar
    assert set(bar._tasks) == {"train", "val"}
    hook.after_val_epoch(runner)
    assert set(bar._tasks) == {"train"}
    hook.after_train(runner)
    assert hook._bar is None
    assert sys.stderr is terminal


@pytest.mark.parametrize("by_epoch", [True, False])
def test_toy_run(make_runner, capsys, by_epoch):
    hooks = {"progress": {"type": "RichProgressHook", "min_seconds": 0, "min_share": 0.5}}
    make_runner(scores=[0.1] * 4, epochs=4, by_epoch=by_epoch, default_hooks=hooks).train()
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("train")]
    # Four epochs of four batches, or four iterations; a line after each half.
    total = 4 * 4 if by_epoch else 4
    assert [line.split()[1] for line in lines] == [f"{total // 2}/{total}", f"{total}/{total}"]
    assert ("epoch 4/4" in lines[-1]) == by_epoch
    assert "loss" in lines[-1]
    assert "eta 0:00:00" in lines[-1]
