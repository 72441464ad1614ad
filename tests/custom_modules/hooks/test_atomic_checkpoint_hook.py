"""Checkpoints are whole at every moment, and what is outdated goes last."""

import errno
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from mmengine.hooks import CheckpointHook, Hook  # noqa: E402

from custom_modules.hooks import AtomicCheckpointHook  # noqa: E402
from custom_modules.hooks import atomic_backend as atomic_backend_module  # noqa: E402
from custom_modules.hooks.atomic_backend import AtomicBackend  # noqa: E402
from sortline.errors import InputError  # noqa: E402
from sortline.runs.checkpoints import find_best, find_resume  # noqa: E402
from sortline.weights.checkpoint_loading import load_checkpoint_safely  # noqa: E402

pytestmark = pytest.mark.mm

ROOT = Path(__file__).resolve().parents[3]


def checkpoint_hook(**kwargs):
    return {"checkpoint": {"type": "AtomicCheckpointHook", "interval": 1, **kwargs}}


def names(folder):
    return sorted(path.name for path in Path(folder).glob("*.pth"))


def hidden_files(folder):
    return [path.name for path in Path(folder).iterdir() if path.name.startswith(".")]


def killed_after(*scores):
    """Yield scores, then end the run in its next validation."""
    yield from scores
    raise KeyboardInterrupt


class KilledAtStart(Hook):
    """Ends a run before its first iteration."""

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        raise RuntimeError("killed")


class FullDisk:
    """Lets some writes pass and then fails as a full disk does, in the midst of the file."""

    def __init__(self, writes):
        self.left = writes

    def __call__(self, path, mode="w", **kwargs):
        self.left -= 1
        context = REAL_WRITE(path, mode, **kwargs)
        return context if self.left >= 0 else _HalfWritten(context)


class _HalfWritten:
    def __init__(self, context):
        self.context = context

    def __enter__(self):
        self.file = self.context.__enter__()
        return self

    def write(self, content):
        self.file.write(content[: len(content) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def __exit__(self, *error):
        return self.context.__exit__(*error)


REAL_WRITE = atomic_backend_module.atomic_write


def test_backend_keeps_the_old_file_and_names_it_when_the_disk_is_full(tmp_path, monkeypatch):
    backend = AtomicBackend()
    backend.put(b"old", tmp_path / "a.pth")
    monkeypatch.setattr(atomic_backend_module, "atomic_write", FullDisk(0))
    with pytest.raises(OSError, match="No space left") as caught:
        backend.put(b"new and longer", tmp_path / "a.pth")
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename == str(tmp_path / "a.pth")
    assert (tmp_path / "a.pth").read_bytes() == b"old"
    assert hidden_files(tmp_path) == []


def test_backend_writes_text(tmp_path):
    AtomicBackend().put_text("Ü", tmp_path / "new" / "a.txt")
    assert (tmp_path / "new" / "a.txt").read_text(encoding="utf-8") == "Ü"


def test_hook_leaves_a_backend_of_the_user_alone():
    assert AtomicCheckpointHook().backend_args == {"backend": "atomic"}
    assert AtomicCheckpointHook(backend_args={"backend": "petrel"}).backend_args == {"backend": "petrel"}
    assert AtomicCheckpointHook(out_dir="s3://bucket/runs").backend_args is None


def test_files_and_content_are_those_of_mmengine(make_runner, tmp_path):
    """The same training with mmengine's own hook ends with the same files holding the same things."""
    contents = {}
    for kind in (CheckpointHook, AtomicCheckpointHook):
        folder = tmp_path / kind.__name__
        hook = {"type": kind.__name__, "interval": 1, "max_keep_ckpts": 2, "save_best": "contest/mAP50"}
        make_runner(scores=(0.2, 0.3, 0.1), work_dir=folder, default_hooks={"checkpoint": hook}).train()
        assert names(folder) == ["best_contest_mAP50_epoch_2.pth", "epoch_2.pth", "epoch_3.pth"]
        assert (folder / "last_checkpoint").read_text() == str(folder / "epoch_3.pth")
        contents[kind] = [load_checkpoint_safely(folder / name) for name in names(folder)]
    for theirs, ours in zip(*contents.values(), strict=True):
        # Best checkpoints, too, hold what a run is resumed from.
        assert ours.keys() == theirs.keys() | {"optimizer", "param_schedulers"}
        assert ours["meta"].keys() == theirs["meta"].keys()
        assert (ours["meta"]["epoch"], ours["meta"]["iter"]) == (theirs["meta"]["epoch"], theirs["meta"]["iter"])
        assert ours["message_hub"]["log_scalars"].keys() == theirs["message_hub"]["log_scalars"].keys()
        for key, value in theirs["state_dict"].items():
            assert torch.equal(ours["state_dict"][key], value)


def test_resume_continues_to_the_same_weights(make_runner, tmp_path):
    hooks = checkpoint_hook(max_keep_ckpts=1, save_best="contest/mAP50")
    whole = make_runner(scores=(0.1, 0.2, 0.3), default_hooks=hooks, work_dir=tmp_path / "whole").train()
    folder = tmp_path / "parts"
    with pytest.raises(KeyboardInterrupt):
        make_runner(scores=killed_after(0.1), default_hooks=hooks, work_dir=folder).train()
    assert names(folder) == ["best_contest_mAP50_epoch_1.pth", "epoch_2.pth"]
    resumed = make_runner(scores=(0.3,), default_hooks=hooks, work_dir=folder, resume=True)
    for ours, theirs in zip(resumed.train().parameters(), whole.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    assert resumed.epoch == 3
    assert names(folder) == ["best_contest_mAP50_epoch_3.pth", "epoch_3.pth"], "the first run's are gone"


def test_iterations_work_as_epochs_do(make_runner, tmp_path):
    hooks = checkpoint_hook(by_epoch=False, interval=2, max_keep_ckpts=1, save_best="contest/mAP50")
    make_runner(scores=(0.4, 0.3, 0.2, 0.1), epochs=4, by_epoch=False, default_hooks=hooks).train()
    assert names(tmp_path / "run") == ["best_contest_mAP50_iter_1.pth", "iter_4.pth"]


@pytest.mark.parametrize(
    ("writes", "expected", "last"),
    [
        # In each epoch: the epoch, and the best one, which replaces the epoch without being written again.
        pytest.param(2, ["best_contest_mAP50_epoch_1.pth", "epoch_1.pth"], "epoch_1.pth", id="second-epoch"),
        pytest.param(3, ["best_contest_mAP50_epoch_1.pth", "epoch_2.pth"], "epoch_2.pth", id="second-best"),
    ],
)
def test_full_disk_leaves_the_previous_checkpoints(make_runner, tmp_path, monkeypatch, writes, expected, last):
    runner = make_runner(default_hooks=checkpoint_hook(max_keep_ckpts=1, save_best="contest/mAP50"))
    monkeypatch.setattr(atomic_backend_module, "atomic_write", FullDisk(writes))
    with pytest.raises(OSError, match="No space left") as caught:
        runner.train()
    folder = tmp_path / "run"
    assert caught.value.errno == errno.ENOSPC
    assert Path(caught.value.filename).parent == folder
    assert names(folder) == expected
    assert (folder / "last_checkpoint").read_text() == str(folder / last)
    assert hidden_files(folder) == []
    for name in expected:
        load_checkpoint_safely(folder / name)


def test_outdated_checkpoint_left_by_a_kill_goes_on_resuming(make_runner, tmp_path, monkeypatch):
    hooks = checkpoint_hook(max_keep_ckpts=1)
    folder = tmp_path / "run"
    with monkeypatch.context() as killed:
        killed.setattr(AtomicCheckpointHook, "_retire", lambda self, runner, steps: None)
        runner = make_runner(epochs=1, scores=(0.1,), default_hooks=hooks)
        runner.train()
        second = make_runner(epochs=2, scores=(0.1,), default_hooks=hooks, resume=True)
        second.train()
    assert names(folder) == ["epoch_1.pth", "epoch_2.pth"]
    make_runner(epochs=3, scores=(0.1,), default_hooks=hooks, resume=True).train()
    assert names(folder) == ["epoch_3.pth"]


def test_a_best_checkpoint_and_its_epochs_are_one_file(make_runner, tmp_path):
    make_runner(scores=(0.1, 0.3, 0.2), default_hooks=checkpoint_hook(save_best="contest/mAP50")).train()
    folder = tmp_path / "run"
    assert (folder / "best_contest_mAP50_epoch_2.pth").samefile(folder / "epoch_2.pth")
    assert load_checkpoint_safely(folder / "epoch_2.pth")["message_hub"]["runtime_info"]["best_score"] == 0.3


def test_without_hard_links_it_is_a_copy(make_runner, tmp_path, monkeypatch):
    def no_links(*args):
        raise OSError(errno.EPERM, "no hard links here")

    monkeypatch.setattr(os, "link", no_links)
    make_runner(scores=(0.1, 0.3, 0.2), default_hooks=checkpoint_hook(save_best="contest/mAP50")).train()
    folder = tmp_path / "run"
    best, epoch = folder / "best_contest_mAP50_epoch_2.pth", folder / "epoch_2.pth"
    assert not best.samefile(epoch)
    assert best.read_bytes() == epoch.read_bytes()


def test_the_best_few_are_kept(make_runner, tmp_path):
    hooks = checkpoint_hook(max_keep_ckpts=1, save_best="contest/mAP50", keep_best=2)
    make_runner(scores=(0.3, 0.1, 0.5, 0.4, 0.2), epochs=5, default_hooks=hooks).train()
    folder = tmp_path / "run"
    assert names(folder) == [*(f"best_contest_mAP50_epoch_{epoch}.pth" for epoch in (3, 4)), "epoch_5.pth"]
    assert find_best(folder).name == "best_contest_mAP50_epoch_3.pth", "the newest is not the best"


def test_several_metrics_each_keep_their_best(make_runner, tmp_path):
    hooks = checkpoint_hook(max_keep_ckpts=1, save_best=["contest/mAP50", "contest/loss"], rule=["greater", "less"])
    runner = make_runner(scores=(0.3, 0.5, 0.4), default_hooks=hooks)
    scores = iter([{"mAP50": 0.3, "loss": 2.0}, {"mAP50": 0.5, "loss": 3.0}, {"mAP50": 0.4, "loss": 1.0}])
    runner._val_evaluator.metrics[0].compute_metrics = lambda results: next(scores)
    runner.train()
    expected = ["best_contest_loss_epoch_3.pth", "best_contest_mAP50_epoch_2.pth", "epoch_3.pth"]
    assert names(tmp_path / "run") == expected
    info = runner.message_hub.runtime_info
    assert (info["best_metric"], info["best_score"]) == ("contest/mAP50", 0.5), "the first one decides"


def test_a_resumed_run_forgets_what_another_metric_chose(make_runner, tmp_path):
    make_runner(scores=(0.4, 0.5), epochs=2, default_hooks=checkpoint_hook(save_best="contest/mAP50")).train()
    runner = make_runner(scores=(0.2,), epochs=3, default_hooks=checkpoint_hook(save_best="contest/other"), resume=True)
    runner._val_evaluator.metrics[0].compute_metrics = lambda results: {"mAP50": 0.2, "other": 0.1}
    runner.train()
    assert find_best(tmp_path / "run").name == "best_contest_other_epoch_3.pth"
    assert runner.message_hub.runtime_info["best_metric"] == "contest/other"


def test_a_validation_that_found_nothing_has_no_best_checkpoint_and_goes_on(make_runner, tmp_path):
    runner = make_runner(scores=(0.1, 0.2, 0.3), epochs=3, default_hooks=checkpoint_hook(save_best="coco/bbox_mAP"))
    runner.cfg.val_evaluator = dict(type="CocoMetric")
    scores = iter([{"other": 1.0}, {"other": 1.0}, {"other": 1.0}])
    found = iter([{}, {"coco/bbox_mAP": 0.25}, {}])
    evaluate = runner.val_loop.evaluator.evaluate
    runner.val_loop.evaluator.evaluate = lambda size: {**evaluate(size), **next(found)}
    runner._val_evaluator.metrics[0].compute_metrics = lambda results: next(scores)
    runner.train()
    assert find_best(tmp_path / "run").name == "best_coco_bbox_mAP_epoch_2.pth"


def test_metrics_rise_unless_they_are_losses():
    rules = [AtomicCheckpointHook(save_best=name).rules for name in ("contest/AP50_Glass", "loss_cls")]
    assert rules == [["greater"], ["less"]]
    assert AtomicCheckpointHook(save_best="contest/AP50_Glass", rule="less").rules == ["less"]


@pytest.mark.parametrize("value", [0, -1, 1.5, "2"])
def test_a_wrong_number_of_best_checkpoints_is_refused(value):
    with pytest.raises(InputError, match="keep_best"):
        AtomicCheckpointHook(keep_best=value)


def test_a_best_checkpoint_left_by_a_kill_goes_on_resuming(make_runner, tmp_path, monkeypatch):
    hooks = checkpoint_hook(save_best="contest/mAP50")
    with monkeypatch.context() as killed:
        killed.setattr(AtomicCheckpointHook, "_remove_outdated", lambda self, runner: None)
        make_runner(scores=(0.1, 0.2), epochs=2, default_hooks=hooks).train()
    folder = tmp_path / "run"
    assert len(list(folder.glob("best_*.pth"))) == 2
    make_runner(scores=(0.1,), epochs=3, default_hooks=hooks, resume=True).train()
    assert [path.name for path in folder.glob("best_*.pth")] == ["best_contest_mAP50_epoch_2.pth"]


def test_remains_of_a_killed_write_are_cleared(make_runner, tmp_path):
    (tmp_path / "run").mkdir()
    for name in ("epoch_1.pth", "last_checkpoint", "best_checkpoint", "run.json"):
        (tmp_path / "run" / f".{name}.abc123.tmp").write_bytes(b"half")
    make_runner(default_hooks=checkpoint_hook()).train()
    assert hidden_files(tmp_path / "run") == []


def test_save_best_of_an_unknown_metric_is_explained(make_runner):
    runner = make_runner(default_hooks=checkpoint_hook(save_best="contest/map50"))
    with pytest.raises(InputError, match="no such metric: contest/mAP50") as caught:
        runner.train()
    assert "did you mean 'contest/mAP50'?" in str(caught.value)


def test_published_copy_lacks_the_optimiser(make_runner, tmp_path):
    hooks = checkpoint_hook(interval=3, published_keys=["meta", "state_dict"])
    make_runner(default_hooks=hooks).train()
    (published,) = [name for name in names(tmp_path / "run") if "-" in name]
    assert load_checkpoint_safely(tmp_path / "run" / published).keys() == {"meta", "state_dict"}


def test_averaged_weights_and_early_stopping_go_along(make_runner, tmp_path):
    hooks = checkpoint_hook(max_keep_ckpts=1, save_best="contest/mAP50")
    extra = [
        {"type": "EMAHook", "ema_type": "ExponentialMovingAverage", "momentum": 0.5, "update_buffers": True},
        {"type": "EarlyStoppingHook", "monitor": "contest/mAP50", "patience": 2, "min_delta": 0.001},
    ]
    # The second score is the best; two epochs without a better one end the training.
    runner = make_runner(scores=(0.1, 0.5, 0.5, 0.4, 0.9), epochs=5, default_hooks=hooks, custom_hooks=extra)
    runner.train()
    assert runner.epoch == 2 + 2
    folder = tmp_path / "run"
    assert names(folder) == ["best_contest_mAP50_epoch_2.pth", "epoch_4.pth"]
    last = load_checkpoint_safely(folder / "epoch_4.pth")
    assert not torch.equal(last["state_dict"]["layer.weight"], last["ema_state_dict"]["module.layer.weight"])
    resumed = make_runner(scores=(0.6,), epochs=5, default_hooks=hooks, custom_hooks=extra, resume=True)
    resumed.train()
    assert names(folder) == ["best_contest_mAP50_epoch_5.pth", "epoch_5.pth"]


KILLED_LOOP = """
import sys, torch
from mmengine.runner import save_checkpoint
import custom_modules.hooks.atomic_backend
state = {"state_dict": {"weight": torch.zeros(300_000)}}
print("ready", flush=True)
for number in range(10**9):
    save_checkpoint(state, f"{sys.argv[1]}/epoch_{number % 3}.pth", backend_args={"backend": "atomic"})
"""


@pytest.mark.slow
def test_a_kill_at_any_moment_leaves_only_whole_checkpoints(tmp_path):
    chance = random.Random(0)
    seen = 0
    for _ in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED_LOOP, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert "ready\n" in process.stdout  # after what the start of mmcv may log
        time.sleep(chance.uniform(0.01, 0.4))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        for name in names(tmp_path):
            assert load_checkpoint_safely(tmp_path / name)["state_dict"]["weight"].shape == (300_000,)
            seen += 1
    assert seen > 0


def test_a_copied_run_leaves_the_originals_best_checkpoint_alone(make_runner, tmp_path):
    hooks = checkpoint_hook(save_best="contest/mAP50")
    original, copy = tmp_path / "original", tmp_path / "copy"
    make_runner(scores=(0.1,), epochs=1, default_hooks=hooks, work_dir=original).train()
    shutil.copytree(original, copy)
    make_runner(scores=(0.9,), epochs=2, default_hooks=hooks, work_dir=copy, resume=True).train()
    assert [path.name for path in original.glob("best_*.pth")] == ["best_contest_mAP50_epoch_1.pth"]
    assert [path.name for path in copy.glob("best_*.pth")] == ["best_contest_mAP50_epoch_2.pth"]


def test_a_run_that_starts_anew_sets_an_earlier_runs_checkpoints_aside(make_runner, tmp_path, capsys):
    hooks = checkpoint_hook(save_best="contest/mAP50", max_keep_ckpts=2)
    run = tmp_path / "run"
    make_runner(scores=(0.9, 0.1, 0.1), default_hooks=hooks, work_dir=run).train()
    before = names(run)
    # Killed before its first checkpoint, it must not go on from another run's.
    with pytest.raises(RuntimeError, match="killed"):
        make_runner(default_hooks=hooks, work_dir=run, custom_hooks=[{"type": KilledAtStart}]).train()
    assert "whose best_contest_mAP50_epoch_1.pth, epoch_2.pth, epoch_3.pth and 2 more" in capsys.readouterr().out
    assert (names(run), names(run / "earlier")) == ([], before)
    with pytest.raises(InputError, match=r"holds no checkpoint\n.*the checkpoints of an earlier run are in"):
        find_resume(run)
    make_runner(scores=(0.1,), epochs=1, default_hooks=hooks, work_dir=run).train()
    make_runner(scores=(0.2,), epochs=2, default_hooks=hooks, work_dir=run, resume=True).train()
    assert names(run) == ["best_contest_mAP50_epoch_2.pth", "epoch_1.pth", "epoch_2.pth"]
    assert names(run / "earlier") == before


def test_a_checkpoint_to_resume_from_names_no_file_to_remove(make_runner, tmp_path, capsys):
    """What a stranger's checkpoint calls outdated: files elsewhere, folders, and files of the run itself."""
    hooks = checkpoint_hook(save_best="contest/mAP50", max_keep_ckpts=1)
    run, photos, secret = tmp_path / "run", tmp_path / "photos", tmp_path / "secret.txt"
    make_runner(scores=(0.1,), epochs=1, default_hooks=hooks, work_dir=run).train()
    for folder in (photos, run / "predictions", run / "epoch_x"):
        folder.mkdir()
        (folder / "a.jpg").write_bytes(b"photo")
    secret.write_text("mine")
    (run / "run.json").write_text("{}")
    checkpoint = torch.load(run / "epoch_1.pth", weights_only=False)
    names_elsewhere = [str(photos), str(secret), "../photos", "../secret.txt", "predictions", "run.json"]
    checkpoint["message_hub"]["runtime_info"] |= {
        "outdated_best": names_elsewhere,
        "kept_best_contest/mAP50": [[0.05, name] for name in names_elsewhere],
        "keep_ckpt_ids": ["x/../../secret.txt", "x/../run.json", 1],
        "best_ckpt": str(secret),
        "last_ckpt": str(secret),
    }
    torch.save(checkpoint, tmp_path / "theirs.pth")
    resumed = make_runner(
        scores=(0.2, 0.3), default_hooks=hooks, work_dir=run, load_from=str(tmp_path / "theirs.pth"), resume=True
    )
    resumed.train()
    for folder in (photos, run / "predictions", run / "epoch_x"):
        assert (folder / "a.jpg").read_bytes() == b"photo"
    assert secret.read_text() == "mine"
    assert (run / "run.json").read_text() == "{}"
    assert "left out: " in capsys.readouterr().out
    hub = resumed.message_hub
    assert hub.get_info("best_ckpt") == str(run / "best_contest_mAP50_epoch_3.pth")
    assert hub.get_info("last_ckpt") == str(run / "epoch_3.pth")
    # The best one of the first start is known no more, and stays.
    assert names(run) == ["best_contest_mAP50_epoch_1.pth", "best_contest_mAP50_epoch_3.pth", "epoch_3.pth"]
