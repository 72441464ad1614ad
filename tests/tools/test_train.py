"""Train, test and predict through their command lines, and everything that they must refuse."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from helpers import ROOT, coco, refusal

from sortline.runs.run_folder import VAL_PREDICTIONS, sole_user

pytestmark = pytest.mark.mm


def test_train_test_and_check_give_a_valid_submission(run_tool, make_dataset, make_config, tmp_path):
    data = make_dataset()
    config = make_config(data)
    run = tmp_path / "run"
    trained = run_tool("train", config, "--work-dir", run, "--seed", 3)
    assert trained.returncode == 0, trained.stderr
    assert (run / "epoch_1.pth").exists()
    assert "model.bbox_head.num_classes = 10 (was 80)" in trained.stdout + trained.stderr
    assert "split into 4 images to train on and 2 to validate on" in trained.stdout + trained.stderr
    tested = run_tool("test", config, "--work-dir", run)
    assert tested.returncode == 0, tested.stderr
    assert "validation mAP50:" in tested.stdout
    assert len((run / "submission.csv").read_text().splitlines()) == 1 + 3
    assert run_tool("check_submission", run / "submission.csv", "--ann", data / "test.json").returncode == 0
    photo = (data / "train/0000.jpg").resolve()
    listed = {"images": [{"id": 1, "file_name": str(photo), "width": 64, "height": 48}], "annotations": []}
    (tmp_path / "photos.json").write_text(json.dumps({**json.loads((data / "train.json").read_text()), **listed}))
    content = photo.read_bytes()
    predicted = run_tool(
        "predict", config, tmp_path / "photos.json", "--work-dir", run, "--out", tmp_path / "out", "--draw"
    )
    assert predicted.returncode == 0, predicted.stderr
    assert photo.read_bytes() == content, "an absolute file_name leads out of the folder, its drawing does not"
    assert (tmp_path / "out/drawn/0000.jpg").exists()
    assert isinstance(json.loads((tmp_path / "out/predictions/test.bbox.json").read_text()), list)
    resumed = run_tool("train", config, "--work-dir", run, "--resume", "--cfg-options", "train_cfg.max_epochs=2")
    assert resumed.returncode == 0, resumed.stderr
    assert f"resuming from {run}/epoch_1.pth" in resumed.stdout
    assert (run / "epoch_2.pth").exists()


def test_early_stopping_and_an_average_of_the_weights_switch_on(run_tool, make_dataset, make_config, tmp_path):
    recipes = "".join((ROOT / f"configs/_base_/recipes/{name}.py").read_text() for name in ("early_stopping", "ema"))
    # No score rises on photos of noise: with patience 1 the run stops after the second of many epochs.
    changes = 'recipe_early_stopping["hook"]["patience"] = 1\ntrain_cfg = dict(max_epochs=50)\n'
    config = make_config(make_dataset(), recipes + changes)
    result = run_tool("train", config, "--work-dir", tmp_path / "run")
    assert result.returncode == 0, result.stderr
    validated = (tmp_path / "run" / VAL_PREDICTIONS).read_bytes()
    assert run_tool("test", config, "--work-dir", tmp_path / "run").returncode == 0
    assert (tmp_path / "run" / VAL_PREDICTIONS).read_bytes() == validated, "the best checkpoint is what was validated"
    assert (tmp_path / "run/epoch_2.pth").exists()
    assert not (tmp_path / "run/epoch_5.pth").exists()


def test_dry_run_trains_nothing(run_tool, make_dataset, make_config, tmp_path):
    result = run_tool("train", make_config(make_dataset()), "--work-dir", tmp_path / "run", "--dry-run")
    assert result.returncode == 0, result.stderr
    assert "1 epochs, 2 iterations of 2 images" in result.stdout
    assert not (tmp_path / "run").exists()


def without_images(change: dict[str, Any]) -> str:
    content = coco()
    for key, value in change.items():
        kind, _, name = key.partition(".")
        content[kind][0][name] = value
    return json.dumps(content)


@pytest.mark.parametrize(
    ("train", "message"),
    [
        ('{"images": [{"id": 0, "file', "cut short"),
        ("[]", "holds a list"),
        ('{"a": 1}', "no key 'images'"),
        (without_images({"categories.name": "Trash"}), "Trash"),
        (without_images({"annotations.bbox": [1.0, 2.0, math.nan, 4.0]}), "annotation"),
        (without_images({"annotations.bbox": [1.0, 2.0, -3.0, 4.0]}), "annotation"),
        (without_images({"annotations.bbox": [1.0, 2.0, 0.0, 4.0]}), "annotation"),
        (without_images({"annotations.bbox": [60.0, 2.0, 30.0, 4.0]}), "outside"),
        (without_images({"images.id": 1}), "id"),
        (without_images({"annotations.id": 1}), "id"),
        (without_images({"images.file_name": "train/absent.jpg"}), "train/absent.jpg"),
    ],
)
def test_bad_annotations_are_refused(run_tool, make_dataset, make_config, tmp_path, train, message):
    config = make_config(make_dataset(train=train))
    assert message in refusal(run_tool("train", config, "--work-dir", tmp_path / "run"))
    assert not list(tmp_path.rglob("*.pth"))


@pytest.mark.parametrize("content", [b"", b"not a photo"])
def test_an_unreadable_photo_is_named(run_tool, make_dataset, make_config, tmp_path, content):
    data = make_dataset()
    (data / "train/0002.jpg").write_bytes(content)
    assert "train/0002.jpg" in refusal(run_tool("train", make_config(data), "--work-dir", tmp_path / "run"))


def test_a_missing_data_root_is_named(run_tool, make_config, tmp_path):
    message = refusal(run_tool("train", make_config(tmp_path / "x"), "--data-root", tmp_path / "nowhere"))
    assert str(tmp_path / "nowhere") in message


def test_a_typo_in_a_type_and_one_in_a_key_are_reported_together(run_tool, make_dataset, make_config):
    extra = 'model["backbone"]["type"] = "CSPNeX"\ntrain_dataloder = dict(batch_size=3)\n'
    message = refusal(run_tool("train", make_config(make_dataset(), extra)))
    assert "did you mean 'CSPNeXt'" in message
    assert "did you mean 'train_dataloader'" in message


def test_nothing_to_resume_is_said(run_tool, make_dataset, make_config, tmp_path):
    result = run_tool("train", make_config(make_dataset()), "--work-dir", tmp_path / "run", "--resume")
    assert "nothing to resume" in refusal(result)


def test_a_missing_checkpoint_is_said(run_tool, make_dataset, make_config, tmp_path):
    config = make_config(make_dataset())
    assert str(tmp_path) in refusal(run_tool("test", config, "--work-dir", tmp_path / "run"))
    assert "absent.pth" in refusal(run_tool("test", config, tmp_path / "absent.pth", "--work-dir", tmp_path / "run"))


def save_checkpoint(path: Path, state_dict: dict[str, Any]) -> Path:
    import torch

    torch.save({"meta": {}, "state_dict": state_dict}, path)
    return path


def test_checkpoints_that_do_not_fit_are_refused(run_tool, make_dataset, make_config, tmp_path):
    import torch

    config = make_config(make_dataset())
    other = save_checkpoint(tmp_path / "other.pth", {"rpn.conv.weight": torch.zeros(3)})
    assert "other.pth" in refusal(run_tool("test", config, other, "--work-dir", tmp_path / "run"))
    cut = tmp_path / "cut.pth"
    cut.write_bytes(other.read_bytes()[:300])
    assert "cut.pth" in refusal(run_tool("test", config, cut, "--work-dir", tmp_path / "run"))


def test_a_checkpoint_of_other_classes_is_refused(run_tool, make_dataset, make_config, tmp_path):
    import torch
    from mmdet.registry import MODELS
    from mmengine.registry import init_default_scope

    import custom_modules.register_all  # noqa: F401
    from sortline.pipeline.bind import bind
    from sortline.pipeline.compose import load_config

    config = make_config(make_dataset())
    cfg = load_config(config)
    bind(cfg)
    cfg.model.bbox_head.num_classes = 80
    init_default_scope("mmdet")
    path = tmp_path / "coco.pth"
    torch.save({"meta": {}, "state_dict": MODELS.build(cfg.model).state_dict()}, path)
    message = refusal(run_tool("test", config, path, "--work-dir", tmp_path / "run"))
    assert "80" in message
    assert "10" in message


def test_a_full_disk_ends_in_one_message(make_dataset, make_config, tmp_path):
    """The checkpoint's fsync fails as it does on a full disk; what was saved before stays."""
    program = (
        "import errno, os, sys\n"
        "sys.path.insert(0, 'tools')\n"
        "import train\n"
        "from sortline.cli import run_tool\n"
        "import custom_modules.register_all\n"
        "def full(descriptor): raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))\n"
        "from sortline.pipeline import execute as running\n"
        "build = running.build_runner\n"
        "def build_then_fill(*arguments):\n"
        "    runner = build(*arguments)\n"
        "    os.fsync = full\n"
        "    return runner\n"
        "running.build_runner = build_then_fill\n"
        "run_tool(train.main)\n"
    )
    run = tmp_path / "run"
    result = subprocess.run(
        [sys.executable, "-c", program, str(make_config(make_dataset())), "--work-dir", str(run)],
        cwd=ROOT,
        env={**os.environ, "WANDB_MODE": "offline"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "No space left on device" in refusal(result)
    assert not list(run.glob("*.pth"))


def test_ctrl_c_ends_in_one_message(make_dataset, make_config, tmp_path):
    run = tmp_path / "run"
    command = [sys.executable, "tools/train.py", str(make_config(make_dataset())), "--work-dir", str(run)]
    process = subprocess.Popen(
        [*command, "--cfg-options", "train_cfg.max_epochs=5000"],
        cwd=ROOT,
        env={**os.environ, "WANDB_MODE": "offline"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        # A shell that starts the tests in the background has them, and all they start, ignore SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while not (run / "epoch_1.pth").exists():
        assert process.poll() is None, process.stderr.read()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 2, errors
    assert "stopped by Ctrl-C" in errors
    assert "Traceback" not in errors


def test_a_training_that_is_refused_leaves_the_run_in_its_folder_alone(make_dataset, make_config, run_tool, tmp_path):
    """The data has changed since the other training began: its held-out parts must stay what they are."""
    run, data = tmp_path / "run", make_dataset()
    config = make_config(data)
    (run / "split").mkdir(parents=True)
    for name in ("train.json", "val.json"):
        (run / "split" / name).write_text("read by the other training")
    with sole_user(run):
        result = run_tool("train", config, "--work-dir", run)
    assert "training in this folder" in refusal(result)
    assert [(run / "split" / name).read_text() for name in ("train.json", "val.json")] == [
        "read by the other training"
    ] * 2


def test_a_refused_start_leaves_no_split_behind(make_dataset, make_config, run_tool, tmp_path):
    run = tmp_path / "run"
    config = make_config(make_dataset(), "train_cfg = dict(max_epoch=1)\n")
    assert "did you mean 'max_epochs'" in refusal(run_tool("train", config, "--work-dir", run))
    assert not run.exists()


WAY = """
import os, sys
sys.path.insert(0, "tools")
import train

ours = {}

def note(frame, event, _):
    if event != "call":
        return
    code = frame.f_code
    if code.co_name == "train" and code.co_filename.endswith("mmengine/runner/runner.py"):
        print(len(ours), *sorted(ours), file=sys.stderr)
        os._exit(0)
    path = os.path.relpath(code.co_filename) if code.co_filename.startswith(os.getcwd()) else ""
    # A module or class that is being defined is no step of the way, nor is pick, which config files call.
    is_step = code.co_flags & 1 and not path.endswith("/pick.py")
    if path.startswith(("tools/", "sortline/pipeline/")) and is_step:
        ours[path] = True

sys.setprofile(note)
train.main(sys.argv[1:])
"""


def test_a_training_passes_through_few_files(make_dataset, make_config, tmp_path):
    """From main(argv) to runner.train(): files of the tools and the pipeline, not what they call in other rooms."""
    command = [sys.executable, "-c", WAY, str(make_config(make_dataset())), "--work-dir", str(tmp_path / "run")]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    count, *files = result.stderr.splitlines()[-1].split()
    assert int(count) <= 15, " ".join(files)


def test_nothing_to_resume_or_to_test_is_said_and_nothing_written(make_dataset, make_config, run_tool, tmp_path):
    run, config = tmp_path / "run", make_config(make_dataset())
    assert "nothing to resume: no such folder" in refusal(run_tool("train", config, "--work-dir", run, "--resume"))
    assert "holds no checkpoint to test" in refusal(run_tool("test", config, "--work-dir", run))
    assert not run.exists()
