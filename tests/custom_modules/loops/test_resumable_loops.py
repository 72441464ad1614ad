"""A run that is stopped or killed anywhere and resumed ends as the whole run does, bit for bit."""

import json
import os
import signal
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch")

import noisy_training  # noqa: E402
from mmengine.hooks import Hook  # noqa: E402

from sortline.errors import RunStopped  # noqa: E402
from sortline.weights.checkpoint_loading import load_checkpoint_safely  # noqa: E402

pytestmark = [
    pytest.mark.mm,
    # Toy epochs are shorter than the schedules of learning rates expect.
    pytest.mark.filterwarnings("ignore:Detected call of `scheduler.step"),
]


class At(Hook):
    """Does something before an iteration, after it, or in the validation after it."""

    priority = "VERY_HIGH"

    def __init__(self, iteration, action, stage="after_train_iter"):
        self.iteration = iteration
        self.action = action
        self.stage = stage

    def _act(self, runner, stage):
        counted = runner.iter + 1 if stage == "after_train_iter" else runner.iter
        if stage == self.stage and counted == self.iteration:
            self.action()

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self._act(runner, "after_train_iter")

    def after_val_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self._act(runner, "after_val_iter")

    def after_val_epoch(self, runner, metrics=None):
        self._act(runner, "after_val_epoch")


def send(number):
    return lambda: os.kill(os.getpid(), number)


def interrupt():
    raise KeyboardInterrupt


def train(folder, hook=None, **settings):
    runner = noisy_training.make_runner(folder, **settings)
    if hook:
        runner.register_hook(hook)
    runner.train()


def state(folder, by_epoch=True):
    last = noisy_training.EPOCHS if by_epoch else noisy_training.EPOCHS * noisy_training.ITERATIONS
    return noisy_training.final_state(folder, f"{'epoch' if by_epoch else 'iter'}_{last}.pth")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Final states of uninterrupted runs."""
    folder = tmp_path_factory.mktemp("whole")
    train(folder / "epochs")
    train(folder / "iterations", by_epoch=False)
    return {True: state(folder / "epochs"), False: state(folder / "iterations", by_epoch=False)}


def check_same(folder, whole, by_epoch=True):
    assert noisy_training.differences(state(folder, by_epoch), whole[by_epoch]) == []


def test_two_runs_are_equal_and_another_seed_is_not(tmp_path, whole):
    train(tmp_path / "again", workers=2)
    check_same(tmp_path / "again", whole)
    train(tmp_path / "other", randomness={"seed": 6})
    assert noisy_training.differences(state(tmp_path / "other"), whole[True]) != []


# An epoch has 7 iterations, the optimiser steps after every third: 9 is a step's last, 8 and 10 are not.
@pytest.mark.parametrize("iteration", [1, 7, 8, 9, 10, 14, 27])
@pytest.mark.parametrize("by_epoch", [True, False])
def test_a_signal_stops_after_an_iteration(tmp_path, whole, iteration, by_epoch):
    with pytest.raises(RunStopped, match=f"SIGTERM after {iteration} of 28 iterations"):
        train(tmp_path, At(iteration, send(signal.SIGTERM)), by_epoch=by_epoch)
    saved = load_checkpoint_safely(tmp_path / "stopped.pth")
    assert saved["meta"]["iter"] == iteration
    assert (tmp_path / "last_checkpoint").read_text() == str(tmp_path / "stopped.pth")
    train(tmp_path, by_epoch=by_epoch)
    check_same(tmp_path, whole, by_epoch)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
@pytest.mark.parametrize("stage", ["after_val_iter", "after_val_epoch"])
def test_a_signal_stops_in_a_validation(tmp_path, whole, number, stage):
    with pytest.raises(RunStopped, match=f"{signal.Signals(number).name} after 14 of 28 iterations"):
        train(tmp_path, At(14, send(number), stage))
    train(tmp_path)
    check_same(tmp_path, whole)


def test_a_validation_without_a_checkpoint_before_it_is_ended_first(tmp_path):
    """Checkpoints every second epoch: the one of the first epoch can only be saved after its validation."""
    settings = {"default_hooks": {"checkpoint": {"type": "AtomicCheckpointHook", "interval": 2}}}
    stop = {"stop_signal": {"type": "StopSignalHook"}, "training_state": {"type": "TrainingStateHook"}}
    settings["default_hooks"] |= stop
    with pytest.raises(RunStopped, match="SIGTERM after 7 of 28"):
        train(tmp_path, At(7, send(signal.SIGTERM), "after_val_iter"), **settings)
    assert load_checkpoint_safely(tmp_path / "stopped.pth")["message_hub"]["runtime_info"]["validated_iter"] == 7


@pytest.mark.parametrize("by_epoch", [True, False])
@pytest.mark.parametrize(("iteration", "stage"), [(15, "after_val_iter"), (18, "after_train_iter")])
def test_a_broken_run_is_resumed_from_its_last_checkpoint(tmp_path, whole, by_epoch, iteration, stage):
    iteration = iteration if stage == "after_train_iter" or not by_epoch else 14
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, At(iteration, interrupt, stage), by_epoch=by_epoch)
    train(tmp_path, by_epoch=by_epoch)
    check_same(tmp_path, whole, by_epoch)


def test_signals_have_their_old_meaning_after_a_run(tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    train(tmp_path)
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_best_checkpoint_can_be_resumed(tmp_path, whole):
    train(tmp_path / "whole")
    earliest = min((tmp_path / "whole").glob("best_score_epoch_*.pth"))
    assert earliest.name != "best_score_epoch_4.pth"
    train(tmp_path / "resumed", load_from=str(earliest), resume=True)
    # Its folder holds only what was saved there.
    found = noisy_training.differences(state(tmp_path / "resumed") | {"files": []}, whole[True] | {"files": []})
    assert found == []


def test_accumulated_gradients_are_part_of_a_checkpoint(tmp_path):
    with pytest.raises(RunStopped):
        train(tmp_path, At(8, send(signal.SIGTERM)))
    gradients = load_checkpoint_safely(tmp_path / "stopped.pth")["training_state"]["gradients"]
    assert {name for name, value in gradients.items() if value.abs().sum() > 0} >= {"body.0.weight", "body.3.weight"}


def test_another_epoch_length_begins_the_epoch_anew(tmp_path, monkeypatch):
    with pytest.raises(RunStopped):
        train(tmp_path, At(10, send(signal.SIGTERM)))
    monkeypatch.setattr(noisy_training, "BATCH", 7)  # 2 iterations an epoch
    runner = noisy_training.make_runner(tmp_path, train_dataloader=noisy_training.loader())
    runner.train()
    assert runner.iter == 10 + 3 * 2


def kill_at_random(folder, kills, seed):
    command = [sys.executable, "-W", "ignore", noisy_training.__file__, str(folder), str(kills), str(seed)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-2000:]
    return json.loads(ended.stdout.splitlines()[-1])


def test_a_run_survives_twenty_kills(tmp_path):
    found = kill_at_random(tmp_path, 20, seed=0)
    assert found["kills"] == 20
    assert found["differences"] == []


@pytest.mark.slow
def test_a_run_survives_a_hundred_kills(tmp_path):
    found = kill_at_random(tmp_path, 100, seed=1)
    assert found["kills"] == 100
    assert found["differences"] == []
