"""A training that is killed or asked to stop goes on to the weights that the whole training ends with."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers import ROOT

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.mm

EPOCHS = 8
# Random numbers in workers and in the main process, normalisation, averaged weights, accumulated gradients, a size
# that is drawn for several iterations.
NOISY = f"""
train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations", with_bbox=True),
    dict(type="RandomResize", scale=(64, 64), ratio_range=(0.8, 1.2), keep_ratio=True),
    dict(type="RandomFlip", prob=0.5),
    dict(type="PhotoMetricDistortion"),
    dict(type="PackDetInputs"),
]
train_dataloader = dict(num_workers=2, persistent_workers=True)
model["data_preprocessor"] = dict(
    pad_size_divisor=32,
    batch_augments=[dict(type="BatchSyncRandomResize", random_size_range=(32, 96), size_divisor=32, interval=3)],
)
train_cfg = dict(_delete_=True, type="EpochBasedTrainLoop", max_epochs={EPOCHS})
optim_wrapper = dict(accumulative_counts=3)
custom_hooks = [dict(type="EMAHook", momentum=0.1, priority=49)]
"""


def command(config, run, *options):
    return [sys.executable, "tools/train.py", str(config), "--work-dir", str(run), *options]


def start(arguments, log):
    """Start a training whose output goes to a file: nobody reads it while it runs."""
    with log.open("w") as output:
        return subprocess.Popen(
            arguments, cwd=ROOT, env={**os.environ, "WANDB_MODE": "disabled"}, stdout=output, stderr=output
        )


def end(process, log):
    assert process.wait(timeout=300) == 0, log.read_text()[-3000:]
    return log.read_text()


def wait_for(path, process, log):
    while not path.exists():
        assert process.poll() is None, log.read_text()[-3000:]
        time.sleep(0.002)


def weights(run):
    from sortline.weights.checkpoint_loading import load_checkpoint_safely

    checkpoint = load_checkpoint_safely(run / f"epoch_{EPOCHS}.pth")
    return {**checkpoint["state_dict"], **checkpoint["ema_state_dict"]}


def check_same(run, whole):
    ours, theirs = weights(run), weights(whole)
    assert [name for name in theirs if not torch.equal(ours[name], theirs[name])] == []


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture
def config(make_dataset, make_config):
    return make_config(make_dataset(), NOISY)


@pytest.fixture
def whole(config, folders):
    """Train once without interruption and without workers, which changes nothing."""
    run = folders / "whole"
    if not run.exists():
        options = ["train_dataloader.num_workers=0", "train_dataloader.persistent_workers=False"]
        end(start(command(config, run, "--cfg-options", *options), folders / "log"), folders / "log")
    return run


def test_a_killed_run_goes_on_to_the_same_weights(config, whole, tmp_path):
    run, log = tmp_path / "run", tmp_path / "log"
    arguments = command(config, run, "--resume-or-start")
    for epoch in (2, 5):  # twice, so that a run that was resumed is killed, too
        process = start(arguments, log)
        wait_for(run / f"epoch_{epoch}.pth", process, log)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert "resuming from" in end(start(arguments, log), log)
    check_same(run, whole)


def test_a_stopped_run_says_how_to_go_on(config, whole, tmp_path):
    run, log = tmp_path / "run", tmp_path / "log"
    process = start(command(config, run), log)
    wait_for(run / "epoch_3.pth", process, log)
    process.send_signal(signal.SIGTERM)
    output = end(process, log)
    assert re.search(r"stopped by SIGTERM after \d+ of \d+ iterations: everything is saved", output)
    (line,) = re.findall("go on with: (.*)", output)
    assert shlex.split(line) == ["python", *command(config, run, "--resume")[1:]]
    # In the midst of an epoch it saves; in a validation the epoch's checkpoint is there already.
    saved = Path((run / "last_checkpoint").read_text())
    assert saved.name in ("stopped.pth", *(f"epoch_{epoch}.pth" for epoch in range(3, EPOCHS)))
    again = start([sys.executable, *shlex.split(line)[1:]], log)
    assert f"resuming from {saved}" in end(again, log)
    assert not (run / "stopped.pth").exists()
    check_same(run, whole)


@pytest.mark.slow
def test_several_processes_stop_together_and_go_on(config, tmp_path):
    """A signal to the first of two processes stops both after the same iteration."""
    log = tmp_path / "log"
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]

    def distributed(run, *options):
        return start([*torchrun, *command(config, run, "--launcher", "pytorch", *options)[1:]], log)

    end(distributed(tmp_path / "whole"), log)
    run = tmp_path / "run"
    process = distributed(run)
    wait_for(run / "epoch_3.pth", process, log)
    os.kill(int((run / ".lock").read_text()), signal.SIGTERM)
    assert "stopped by SIGTERM" in end(process, log)
    assert "resuming from" in end(distributed(run, "--resume"), log)
    check_same(run, tmp_path / "whole")
