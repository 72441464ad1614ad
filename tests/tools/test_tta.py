"""--tta through the command lines of test.py and predict.py, and with every detector of the configs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import ROOT, coco, refusal, write_folds
from PIL import Image

from sortline.runs.run_record import TRAINED, RunRecord, read_record

pytestmark = pytest.mark.mm


@pytest.fixture
def run(make_config, make_dataset, tmp_path) -> dict[str, Any]:
    """A dataset, a config and a run folder with a checkpoint as training leaves it: of an average, with its hook."""
    data = make_dataset()
    write_folds(data, coco("train"))
    ema = 'custom_hooks = [dict(type="EMAHook", ema_type="ExpMomentumEMA", update_buffers=True, priority=49)]\n'
    config = make_config(data, ema)
    folder = tmp_path / "run"
    save_untrained(config, folder / "epoch_1.pth")
    return {"data": data, "config": config, "folder": folder}


def save_untrained(config: Path, path: Path) -> None:
    import torch

    path.parent.mkdir(parents=True)
    torch.save({"meta": {}, "state_dict": build(bound(config).model).state_dict()}, path)


def bound(config: Path) -> Any:
    from sortline.pipeline.bind import bind
    from sortline.pipeline.compose import load_config

    cfg = load_config(config)
    bind(cfg)
    return cfg


def build(model: Any) -> Any:
    import torch
    from mmdet.registry import MODELS

    import custom_modules.register_all  # noqa: F401
    from sortline.weights.pretrained import drop_pretrained

    torch.manual_seed(0)
    drop_pretrained(model)
    model = MODELS.build(model).eval()
    model.init_weights()
    return model


def test_test_and_predict_write_beside_the_plain_results(run, run_tool, tmp_path):
    options = (
        "--work-dir",
        run["folder"],
        "--tta",
        "--cfg-options",
        "tta.scales=0.5,1",
        "tta.flips=horizontal,vertical",
    )
    tested = run_tool("test", run["config"], *options)
    assert tested.returncode == 0, tested.stderr
    assert "6 views of a photo: 32x32, 64x64, as it is and flipped (horizontal, vertical)" in tested.stdout
    assert "validation mAP50:" in tested.stdout
    folder = run["folder"] / "tta"
    assert f"submission: {folder}/submission.csv" in tested.stdout
    checked = run_tool("check_submission", folder / "submission.csv", "--ann", run["data"] / "test.json")
    assert checked.returncode == 0, checked.stderr
    record = json.loads((folder / "run.json").read_text())
    assert record["settings"]["model"]["type"] == "WBFTTAModel"
    assert record["tested_checkpoint"] == "epoch_1.pth"
    assert "contest/mAP50" in record["metrics"]
    assert not (run["folder"] / "run.json").exists()
    assert not (run["folder"] / "predictions").exists()
    predicted = run_tool("predict", run["config"], run["data"] / "train/0000.jpg", *options, "--draw")
    assert predicted.returncode == 0, predicted.stderr
    assert json.loads((folder / "predict/0000/predictions/test.bbox.json").read_text())
    assert (folder / "predict/0000/drawn/0000.jpg").exists()


@pytest.mark.slow
def test_folds_are_collected_as_those_of_plain_tests_and_records_follow_the_last_test(run, run_tool):
    folder = run["folder"] / "tta"
    for fold, flip in ((1, "diagonal"), (0, "vertical"), (1, "vertical"), (2, "vertical")):
        RunRecord(str(run["config"]), {}, {}, fold, TRAINED, best_score=0.5).write(run["folder"] / f"fold_{fold}")
        arguments = (run["config"], run["folder"] / "epoch_1.pth", "--work-dir", run["folder"], "--fold", fold)
        tested = run_tool("test", *arguments, "--tta", "--cfg-options", f"tta.flips={flip}")
        assert tested.returncode == 0, tested.stderr
        record = read_record(folder / f"fold_{fold}")
        assert (record.fold, record.status, record.best_score) == (fold, TRAINED, 0.5)
        assert record.settings["tta"] == {"flips": flip}
    collected = run_tool("collect_oof", folder, "--ann", run["data"] / "train.json")
    assert collected.returncode == 0, collected.stderr
    assert (folder / "predictions/oof.bbox.json").exists()


def test_bad_settings_and_pipelines_are_refused(run, run_tool):
    arguments = (run["config"], "--work-dir", run["folder"], "--tta", "--cfg-options")
    message = refusal(run_tool("test", *arguments, "tta.flips=up", "tta.scale=2"))
    assert "tta.flips: holds 'up'" in message
    assert "did you mean 'scales'" in message
    message = refusal(run_tool("test", *arguments, "tta.scales=1,1.1"))
    assert "both give 64x64" in message
    assert "val_dataloader" in message
    assert "test_dataloader" in message
    for name, extra in (("test", ()), ("predict", (run["data"] / "train/0000.jpg",))):
        result = run_tool(name, run["config"], *extra, "--cfg-options", "tta.scales=0.5")
        assert "tta.scales changes nothing without --tta" in refusal(result)
    assert not (run["folder"] / "tta").exists()


DETECTORS = sorted(
    {
        re.search(r"_base_/models/(\S+)\.py", path.read_text())[1]: path
        for path in sorted((ROOT / "configs").rglob("*.py"))
        if "_base_/models" in path.read_text()
    }.items()
)


@pytest.mark.slow
@pytest.mark.parametrize("path", [path for _, path in DETECTORS], ids=[name for name, _ in DETECTORS])
def test_a_mirrored_photo_gives_mirrored_boxes_with_every_detector(path, tmp_path):
    """Both photos have the same views in another order: what any weights find in one, they find in the other."""
    from mmengine.dataset import Compose, pseudo_collate

    cfg = small_with_views(path)
    noise = np.random.default_rng(0).integers(0, 255, (100, 150, 3), dtype=np.uint8)
    pipeline = Compose(cfg.test_dataloader.dataset.pipeline)
    samples = []
    for index, photo in enumerate((noise, noise[:, ::-1])):
        Image.fromarray(photo).save(tmp_path / f"{index}.png")
        samples.append(pipeline(dict(img_id=index, img_path=str(tmp_path / f"{index}.png"), instances=[])))
    plain, mirrored = predict(with_varied_scores(build(cfg.model)), pseudo_collate(samples))
    back = mirrored["bboxes"][:, [2, 1, 0, 3]] * [-1, 1, -1, 1] + [150, 0, 150, 0]
    assert len(plain["scores"]) >= 20
    for bbox, score, label in zip(plain["bboxes"][:20], plain["scores"], plain["labels"], strict=False):
        is_same = (mirrored["labels"] == label) & np.isclose(mirrored["scores"], score, rtol=1e-4, atol=0)
        assert np.isclose(back[is_same], bbox, atol=1e-3, rtol=0).all(axis=1).any()


def small_with_views(path: Path) -> Any:
    """Bind a config to four views of tiny photos, whatever the score of what is found in them."""
    from sortline.pipeline.tta import use_tta

    cfg = bound(path)
    cfg.tta = dict(scales=[1.0, 1.5], flips=["horizontal"])
    for step in cfg.test_dataloader.dataset.pipeline:
        for key in ("scale", "size"):
            if key in step:
                step[key] = (128, 128)
    for test_cfg in (cfg.model.test_cfg, cfg.model.test_cfg.get("rcnn", {})):
        if "score_thr" in test_cfg:
            test_cfg.score_thr = 0.0
    if "num_queries" in cfg.model:
        cfg.model.num_queries = 50  # 900 queries are more than a tiny image has positions
    use_tta(cfg)
    return cfg


def with_varied_scores(model: Any) -> Any:
    """Shake the weights of the heads, which start so small that all boxes would score the same."""
    import torch

    with torch.no_grad():
        for name, parameter in model.module.named_parameters():
            if "head" in name and parameter.dim() > 1:
                parameter.add_(torch.randn_like(parameter), alpha=0.05)
    return model


def predict(model: Any, batch: dict[str, Any]) -> list[dict[str, Any]]:
    import torch

    with torch.no_grad():
        found = [sample.pred_instances for sample in model.test_step(batch)]
    return [{key: value.numpy() for key, value in instances.items()} for instances in found]
