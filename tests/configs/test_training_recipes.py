"""Training recipes beside each other: they compose, pass the checks and train."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from helpers import ROOT, coco
from mmengine.config import Config
from shrink import shrink_experiment

from sortline.pipeline import edit as edits
from sortline.pipeline.bind import bind
from sortline.pipeline.check.keys import check_keys
from sortline.pipeline.check.training import check_training
from sortline.pipeline.compose import load_config
from sortline.pipeline.prepare import CheckedRun, ready_to_train, ready_with_weights
from sortline.pipeline.registered import load_schema, register
from sortline.pipeline.request import RunRequest

pytestmark = pytest.mark.mm

FASTER = "faster_rcnn/faster-rcnn_r50_fpn_1x_recycle.py"
ATSS = "atss/atss_r50_fpn_1x_recycle.py"
YOLOX = "yolox/yolox_s_pafpn-640_20e_recycle.py"
GFL = "gfl/gfl_r50_fpn_1x_recycle.py"
DINO = "dino/dino_r50_4scale_1x_recycle.py"
COMBINATIONS = [
    (FASTER, ("focal_loss", "label_smoothing", "class_weights", "ema", "amp_bf16", "grad_accumulation", "grad_clip")),
    (FASTER, ("equalized_loss", "weight_average", "amp_bf16", "early_stopping", "grad_clip")),
    (FASTER, ("eqlv2_loss", "ema", "amp_bf16", "early_stopping", "grad_accumulation")),
    (ATSS, ("label_smoothing", "class_weights", "ema", "amp_bf16", "early_stopping")),
    (YOLOX, ("label_smoothing", "class_weights", "amp_bf16", "grad_accumulation", "grad_clip")),
    (GFL, ("class_weights", "weight_average", "amp_bf16", "grad_accumulation", "early_stopping")),
    (DINO, ("label_smoothing", "class_weights", "ema", "amp_bf16", "grad_accumulation")),
]


def compose(folder: Path, base: str, recipes: Sequence[str]) -> Config:
    """Write and read a config of a detector and recipes."""
    bases = [f"{ROOT}/configs/{base}", *(f"{ROOT}/configs/_base_/recipes/{name}.py" for name in recipes)]
    path = folder / "composed.py"
    path.write_text(f"_base_ = {json.dumps(bases)}\n")
    return load_config(path)


@pytest.mark.slow
@pytest.mark.parametrize(("base", "recipes"), COMBINATIONS, ids=lambda value: "-".join(str(value).split("/")[:1]))
def test_recipes_combine_and_train(base: str, recipes: Sequence[str], make_dataset: Callable[..., Path], tmp_path):
    """Two iterations in bfloat16 on the CPU, then validation and test."""
    from sortline.pipeline import execute

    cfg = compose(tmp_path, base, recipes)
    cfg.data_root = str(make_dataset(train=coco()))
    cfg.ann_files.val, cfg.work_dir = "train.json", str(tmp_path / "run")
    assert check_keys(cfg, load_schema()) + check_training(cfg) == []
    bind(cfg)
    assert check_keys(cfg, load_schema()) + check_training(cfg) == []
    edits.use_smoke(cfg)
    register(cfg)
    shrink_experiment(cfg)
    cfg.visualizer.vis_backends = [dict(type="LocalVisBackend")]
    run = CheckedRun(RunRequest(str(cfg.filename)), cfg)
    result = execute.run_training(ready_to_train(copy.deepcopy(run)))
    tested = execute.run_test(ready_with_weights(run, run.record(), Path(result["last_checkpoint"])))
    assert 0.0 <= tested["metrics"]["contest/mAP50"] <= 1.0


def test_two_recipes_share_a_loss(tmp_path):
    loss = compose(tmp_path, FASTER, ("focal_loss", "label_smoothing")).model.roi_head.bbox_head.loss_cls
    assert loss == dict(type="FocalCrossEntropyLoss", use_sigmoid=False, loss_weight=1.0, gamma=2.0, smoothing=0.1)


def test_a_focal_loss_keeps_its_own_settings_when_labels_are_smoothed(tmp_path):
    loss = compose(tmp_path, DINO, ("label_smoothing",)).model.bbox_head.loss_cls
    assert (loss.use_sigmoid, loss.gamma, loss.alpha, loss.smoothing) == (True, 2.0, 0.25, 0.1)


@pytest.mark.parametrize(
    ("base", "recipes", "message"),
    [
        (GFL, ("focal_loss",), "GFLHead learns how good a box is"),
        (ATSS, ("equalized_loss",), "needs a box head of a two-stage detector"),
        (FASTER, ("equalized_loss", "class_weights"), "balances the classes by itself"),
        (ATSS, ("ema", "weight_average"), "2 hooks average the weights"),
        (YOLOX, ("ema",), "2 hooks average the weights"),
    ],
)
def test_recipes_that_do_not_go_together_are_refused(tmp_path, base, recipes, message):
    assert message in "\n".join(map(str, check_training(compose(tmp_path, base, recipes))))
