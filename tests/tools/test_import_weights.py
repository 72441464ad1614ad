import json
import pickle

import pytest
from helpers import ROOT, refusal

CONFIG = ROOT / "configs/torchvision/ssdlite_mobilenet-v3-large_320_20e_recycle.py"
DETECTRON2 = ROOT / "configs/detectron2/faster-rcnn_r50-caffe_fpn_1x_recycle.py"


@pytest.fixture
def torchvision_weights(tmp_path):
    """A file of torchvision's own training for the ten classes and the background."""
    torch = pytest.importorskip("torch")
    from torchvision.models.detection import ssdlite320_mobilenet_v3_large

    net = ssdlite320_mobilenet_v3_large(weights_backbone=None, num_classes=11)
    torch.save(net.state_dict(), tmp_path / "ssdlite.pth")
    return tmp_path / "ssdlite.pth"


@pytest.mark.mm
@pytest.mark.slow
def test_a_torchvision_baseline_ends_in_a_submission(run_tool, torchvision_weights, make_dataset, tmp_path):
    out = tmp_path / "own.pth"
    made = run_tool("import_weights", torchvision_weights, CONFIG, "--out", out)
    assert made.returncode == 0, made.stderr
    assert f"python tools/test.py {CONFIG} {out}" in made.stdout
    data = make_dataset()
    options = ["--data-root", data, "--work-dir", tmp_path / "run", "--smoke"]
    tested = run_tool("test", CONFIG, out, *options)
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert (tmp_path / "run/submission.csv").exists()


@pytest.mark.mm
def test_weights_for_other_classes_are_a_start_for_training(run_tool, torchvision_weights, tmp_path):
    import torch

    out, classes = tmp_path / "own.pth", json.dumps(["cup", "can"])
    names = [f"metainfo.classes={classes}", "metainfo.palette=None"]
    made = run_tool("import_weights", torchvision_weights, CONFIG, "--out", out, "--cfg-options", *names)
    assert made.returncode == 0, made.stderr
    assert "these start fresh: head.classification_head.module_list.0.1, " in made.stdout
    assert f"--cfg-options load_from={out}" in made.stdout
    state = torch.load(out, weights_only=True)["state_dict"]
    file = torch.load(torchvision_weights, weights_only=True)
    assert all(torch.equal(value, file[name.removeprefix("net.")]) for name, value in state.items())
    assert len(state) == len(file) - 2 * 6  # weight and bias of the six maps' class scores


@pytest.mark.mm
@pytest.mark.slow
def test_a_detectron2_file_becomes_a_checkpoint_that_leaves_nothing_fresh(run_tool, tmp_path):
    """Ten classes, names of Detectron2, arrays in a pickle: as its model zoo has them."""
    import torch
    from detectron2_names import detectron2_state
    from mmdet.registry import MODELS

    from sortline.pipeline.bind import bind
    from sortline.pipeline.compose import load_config
    from sortline.weights.checkpoint_comparison import check_matches
    from sortline.weights.pretrained import drop_pretrained

    cfg = load_config(DETECTRON2)
    bind(cfg)
    drop_pretrained(cfg.model)
    model = MODELS.build(cfg.model)
    own = model.state_dict()
    content = {"model": {name: value.numpy() for name, value in detectron2_state(own).items()}}
    (tmp_path / "model_final.pkl").write_bytes(pickle.dumps(content))
    made = run_tool("import_weights", tmp_path / "model_final.pkl", DETECTRON2, "--out", tmp_path / "d2.pth")
    assert made.returncode == 0, made.stderr
    assert "start fresh" not in made.stdout
    assert "warning" not in made.stdout
    state = torch.load(tmp_path / "d2.pth", weights_only=True)["state_dict"]
    check_matches(own, state, "d2.pth", cfg.metainfo.classes)
    result = model.load_state_dict(state, strict=False)
    assert result.unexpected_keys == []
    assert all(name.endswith("num_batches_tracked") for name in result.missing_keys)
    assert all(torch.equal(value, own[name]) for name, value in state.items())


@pytest.mark.mm
@pytest.mark.parametrize(
    ("source", "out", "message"),
    [
        ("absent.pkl", "o.pth", "No such file"),
        ("code.pkl", "o.pth", "add --trust-checkpoint"),
        ("code.pkl", "o.pkl", "does not end in .pth"),
        ("same.pth", "same.pth", "would overwrite what is read"),
    ],
)
def test_bad_input_is_refused_and_nothing_written(run_tool, tmp_path, source, out, message):
    (tmp_path / "code.pkl").write_bytes(pickle.dumps(print))
    (tmp_path / "same.pth").write_bytes(b"")
    before = sorted(tmp_path.iterdir())
    result = run_tool("import_weights", tmp_path / source, DETECTRON2, "--out", tmp_path / out)
    assert message in refusal(result)
    assert sorted(tmp_path.iterdir()) == before
