from typing import Any

import pytest
from mmengine.config import Config

from sortline.pipeline.check.keys import CONSTRUCTOR, check_keys, check_paramwise
from sortline.pipeline.compose import load_config
from sortline.pipeline.registered import Schema, Signature

SCHEMA = Schema(
    types={
        "ResNet": (Signature("model", ("depth", "norm_cfg", "init_cfg"), False),),
        "BN": (Signature("model", ("eps", "momentum"), False),),
        "Open": (Signature("model", (), True),),
        "Flip": (Signature("transform", ("prob",), False),),
        "EMAHook": (Signature("hook", ("momentum",), False),),
        "SGD": (Signature("optimizer", ("lr",), False),),
        "OptimWrapper": (Signature("optim_wrapper", ("optimizer", "clip_grad"), False),),
        "EpochBasedTrainLoop": (Signature("loop", ("max_epochs", "val_interval"), False),),
        "nms": (Signature("op", ("iou_threshold",), False),),
    },
    words=frozenset({"score_thr", "nms", "backbone", "test_cfg", "max_per_img", "type"}),
)


def problems(**config):
    return [str(problem) for problem in check_keys(Config(config), SCHEMA)]


@pytest.mark.parametrize(
    "config",
    [
        dict(model=dict(backbone=dict(type="ResNet", depth=50, norm_cfg=dict(type="BN", requires_grad=True)))),
        dict(model=dict(type="mmdet.ResNet", depth=50)),
        dict(model=dict(type="Open", anything=1)),
        dict(model=dict(test_cfg=dict(score_thr=0.1, nms=dict(type="nms", iou_threshold=0.5, class_agnostic=True)))),
        dict(custom_hooks=[dict(type="EMAHook", momentum=0.1, priority=49)]),
        dict(train_pipeline=[dict(type="Flip", prob=0.5)]),
        dict(optim_wrapper=dict(optimizer=dict(type="SGD", lr=1), paramwise_cfg=dict(custom_keys={"any.name": 1}))),
        dict(train_cfg=dict(by_epoch=True, max_epochs=3)),
        dict(train_dataloader=dict(batch_size=2, num_workers=1, dataset=dict())),
    ],
)
def test_a_sound_config_has_no_problems(config):
    assert problems(**config) == []


@pytest.mark.parametrize(
    ("config", "where", "remedy"),
    [
        (dict(train_dataloder=dict()), "train_dataloder", "did you mean 'train_dataloader'?"),
        (dict(model=dict(type="ResNt")), "model.type", "did you mean 'ResNet'?"),
        (dict(model=dict(type="ResNet", dept=50)), "model.dept", "did you mean 'depth'?"),
        (dict(model=dict(test_cfg=dict(score_thre=0.1))), "model.test_cfg.score_thre", "did you mean 'score_thr'?"),
        (dict(model=dict(type="Flip")), "model.type", "'Flip' is a transform"),
        (dict(train_pipeline=[dict(type="Flip", probs=1)]), "train_pipeline.0.probs", "did you mean 'prob'?"),
        (dict(train_cfg=dict(max_epoch=3)), "train_cfg.max_epoch", "did you mean 'max_epochs'"),
        (dict(train_dataloader=dict(batchsize=2)), "train_dataloader.batchsize", "did you mean 'batch_size'?"),
        (dict(optim_wrapper=dict(optimizer=dict(type="SGD", rl=1))), "optim_wrapper.optimizer.rl", "lr"),
    ],
)
def test_a_misspelt_key_or_type_is_named_with_the_nearest(config, where, remedy):
    (problem,) = problems(**config)
    assert where in problem.splitlines()[0]
    assert remedy in problem


def test_all_problems_are_reported_together():
    assert len(problems(train_dataloder=1, model=dict(type="ResNet", dept=1, norm=2))) == 3


def test_variables_that_the_file_uses_may_have_any_name(tmp_path):
    path = tmp_path / "cfg.py"
    path.write_text("scale = (1, 2)\nunused = 3\ntrain_pipeline = [dict(type='Flip', prob=scale)]\n")
    found = check_keys(load_config(path), SCHEMA)
    assert [problem.where.split(", ")[1] for problem in found] == ["unused"]


def test_overriding_a_used_variable_is_refused(tmp_path):
    path = tmp_path / "cfg.py"
    path.write_text("epochs = 3\ntrain_cfg = dict(max_epochs=epochs)\n")
    (problem,) = check_keys(load_config(path, {"epochs": 5}), SCHEMA, ("epochs",))
    assert "setting it changes nothing" in problem.what
    (problem,) = check_keys(load_config(path, {"train_cgf.max_epochs": 5}), SCHEMA, ("train_cgf.max_epochs",))
    assert problem.remedy == "did you mean 'train_cfg'?"


LAYERWISE = "LayerwiseOptimWrapperConstructor"
PARAMWISE_SCHEMA = Schema(
    types={
        LAYERWISE: (Signature(CONSTRUCTOR, ("optim_wrapper_cfg", "paramwise_cfg"), False),),
        "Mine": (Signature(CONSTRUCTOR, ("optim_wrapper_cfg", "paramwise_cfg"), False),),
        "SGD": (Signature("optimizer", ("params", "lr", "momentum"), False),),
    },
    words=frozenset(),
)


def paramwise_problems(constructor: str | None = None, **paramwise: Any) -> list[str]:
    wrapper = dict(optimizer=dict(type="SGD", lr=0.1), paramwise_cfg=paramwise)
    if constructor:
        wrapper["constructor"] = constructor
    return [str(problem) for problem in check_paramwise(wrapper, PARAMWISE_SCHEMA, "x.py")]


@pytest.mark.parametrize(
    ("constructor", "paramwise"),
    [
        (None, dict(norm_decay_mult=0, custom_keys={"any.name": dict(lr_mult=0.1, momentum=0.5)})),
        (LAYERWISE, dict(layer_decay=0.8, part_lr=dict(backbone=0.1), bypass_duplicate=True)),
        (f"custom_modules.{LAYERWISE}", dict(layer_decay=0.8)),
        ("Mine", dict(anything=1)),
        (None, {}),
    ],
)
def test_sound_options_pass(constructor: str | None, paramwise: dict[str, Any]) -> None:
    assert paramwise_problems(constructor, **paramwise) == []


@pytest.mark.parametrize(
    ("constructor", "paramwise", "where", "remedy"),
    [
        (None, dict(norm_decay_mul=0), "paramwise_cfg.norm_decay_mul", "did you mean 'norm_decay_mult'?"),
        (None, dict(layer_decay=0.8), "paramwise_cfg.layer_decay", "DefaultOptimWrapperConstructor takes no"),
        (LAYERWISE, dict(layer_decy=0.8), "paramwise_cfg.layer_decy", "did you mean 'layer_decay'?"),
        ("LayerwiseConstructor", {}, "optim_wrapper.constructor", f"did you mean '{LAYERWISE}'?"),
        (None, dict(custom_keys=dict(head=dict(lr_mul=2))), "custom_keys.head.lr_mul", "did you mean 'lr_mult'?"),
    ],
)
def test_an_option_that_nothing_reads_is_named(
    constructor: str | None, paramwise: dict[str, Any], where: str, remedy: str
) -> None:
    (problem,) = paramwise_problems(constructor, **paramwise)
    assert where in problem
    assert remedy in problem
