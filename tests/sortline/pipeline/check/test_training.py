import pytest
from mmengine.config import Config

from sortline.errors import InputError
from sortline.pipeline.check.training import (
    RULES,
    argument_problems,
    check_arguments,
    check_loops,
    check_secrets,
    check_training,
    refuse_arguments,
    unseeded_lines,
)


def messages(**settings):
    return [str(problem) for problem in check_training(Config(settings))]


def model(head, loss):
    return dict(bbox_head=dict(type=head, loss_cls=dict(type=loss)))


@pytest.mark.parametrize(
    ("head", "loss"),
    [
        ("GFLHead", "FocalCrossEntropyLoss"),
        ("RTMDetSepBNHead", "FocalCrossEntropyLoss"),
        ("VFNetHead", "FocalCrossEntropyLoss"),
        ("TOODHead", "SeesawLoss"),
        ("RetinaHead", "SeesawLoss"),
        ("ATSSHead", "EQLV2BoxLoss"),
    ],
)
def test_losses_that_a_head_cannot_feed_are_refused(head, loss):
    (message,) = messages(model=model(head, loss))
    assert head in message
    assert loss in message


@pytest.mark.parametrize(
    ("head", "loss"),
    [
        ("GFLHead", "QualityFocalLoss"),
        ("RetinaHead", "FocalCrossEntropyLoss"),
        ("Shared2FCBBoxHead", "SeesawLoss"),
        ("Shared4Conv1FCBBoxHead", "EQLV2BoxLoss"),
    ],
)
def test_losses_that_fit_pass(head, loss):
    assert messages(model=model(head, loss)) == []


def test_one_average_of_the_weights_is_enough():
    ema, tail = dict(type="EMAHook"), dict(type="TailAverageHook")
    assert messages(custom_hooks=[ema], default_hooks=dict(a=None)) == []
    (message,) = messages(custom_hooks=[ema], default_hooks=dict(average=tail))
    assert "TailAverageHook, EMAHook" in message


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"init_kwargs": {"api_key": "abc"}}, "init_kwargs.api_key"),
        ({"backends": [{"type": "A"}, {"hf_token": "abc"}]}, "backends.1.hf_token"),
        ({"data_root": "https://me:abc@host/data"}, "data_root"),
        ({"mirrors": ["https://host/a", "https://me:abc@host/b"]}, "mirrors"),
    ],
)
def test_a_secret_is_named_and_not_repeated(settings, key):
    (problem,) = check_secrets(Config(settings))
    assert problem.where == key
    assert "abc" not in str(problem)
    assert "WANDB_API_KEY" in problem.remedy


def test_what_is_no_secret_passes():
    harmless = {
        "num_tokens": 3,
        "tokenizer": "bert",
        "password": "",
        "token": None,
        "url": "https://host/x",
        "secret": 1,
    }
    assert check_secrets(Config(harmless)) == []


@pytest.mark.parametrize(
    ("config", "place"),
    [
        (dict(train_pipeline=[dict(type="Load"), dict(type="Albu")]), "train_pipeline.1"),
        (dict(train_pipeline=[dict(type="RandomApply", transforms=[dict(type="mmdet.Albu")])]), "train_pipeline.0"),
        (
            dict(train_dataloader=dict(dataset=dict(pipeline=[dict(type="Albu")]))),
            "train_dataloader.dataset.pipeline.0",
        ),
    ],
)
def test_a_transform_without_a_seed_is_named_once(config, place):
    (line,) = unseeded_lines(Config(config))
    assert line.startswith(f"warning: {place}")
    assert "Albu draws random numbers that no seed reaches" in line


def test_transforms_that_follow_the_seed_are_fine():
    pipeline = [dict(type="RandomAlbumentations", transforms=[dict(type="Blur")]), dict(type="RandomFlip")]
    assert unseeded_lines(Config(dict(train_pipeline=pipeline, test_pipeline=[dict(type="Albu")]))) == []


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        (dict(val_dataloader=dict(), val_cfg=dict(), val_evaluator=dict()), None),
        (dict(val_dataloader=None, val_cfg=None, val_evaluator=None), None),
        (dict(train_dataloader=dict(batch_size=1), train_cfg=dict(max_epochs=1)), "optim_wrapper"),
        (dict(test_dataloader=dict(batch_size=1), test_cfg=dict(), test_evaluator=None), "test_evaluator"),
        (dict(val_cfg=dict()), "val_dataloader and val_evaluator"),
    ],
)
def test_a_loop_has_all_its_parts_or_none(settings, place):
    assert [problem.where for problem in check_loops(Config(settings))] == ([place] if place else [])


WRONG = {
    "AtomicCheckpointHook": dict(keep_best=0),
    "FreezeHook": dict(epochs=1.5),
    "TailAverageHook": dict(begin=1, interval=0),
    "TrackingHook": dict(photos=-1, photo_side="512", max_boxes=True, interval=0, score_thr=1.5),
    "CropKeepingObjects": dict(side_range=(0.9, 0.5), min_visible=0.01, prob=-0.1),
    "OwnSizeMixUp": dict(ratio_range=(0.5, 1.5)),
    "OwnSizeMosaic": dict(ratio_range=(0.2, 1.0), center_range=0.5, min_visible=1),
    "PasteObjects": dict(prob=2, max_objects=0, scale_range=(0, 1), min_side=0, flip_prob=None),
    "RandomRotate90": dict(prob="often"),
    "SampleBoxesByWeight": dict(otherwise="nothing"),
    "FocalCrossEntropyLoss": dict(use_sigmoid=False, gamma=-1, smoothing=1, alpha=0.25),
}


@pytest.mark.parametrize("name", RULES)
def test_what_is_out_of_range_is_refused_together(name):
    wrong = {f"{name}.{key}" for key in WRONG[name] if key != "use_sigmoid"}
    with pytest.raises(InputError) as refusal:
        refuse_arguments(name, **WRONG[name])
    assert {problem.where for problem in refusal.value.problems} == wrong
    assert all(problem.remedy.startswith("write ") for problem in refusal.value.problems)


@pytest.mark.mm
@pytest.mark.parametrize("name", RULES)
def test_rules_are_of_arguments_that_there_are_and_defaults_keep_to_them(name):
    import inspect

    from mmdet.registry import HOOKS, MODELS, TRANSFORMS

    import custom_modules.register_all  # noqa: F401

    kind = next(found for found in (registry.get(name) for registry in (HOOKS, MODELS, TRANSFORMS)) if found)
    parameters = inspect.signature(kind.__init__).parameters
    assert RULES[name].keys() <= parameters.keys()
    defaults = {key: parameters[key].default for key in parameters if parameters[key].default is not inspect._empty}
    assert argument_problems(name, defaults) == []


def test_a_config_is_checked_wherever_such_types_stand():
    turn = dict(type="RandomChoice", transforms=[[dict(type="RandomRotate90", prob=7)]])
    cfg = Config(
        dict(
            default_hooks=dict(tracking=dict(type="TrackingHook", photos=-1), timer=None),
            custom_hooks=[dict(type="EMAHook", interval=0), dict(type="TailAverageHook", begin=2)],
            train_pipeline=[dict(type="Load"), turn],
            model=dict(bbox_head=dict(loss_cls=dict(type="FocalCrossEntropyLoss", gamma=-1))),
        ),
        filename="x.py",
        cfg_text="x",
    )
    assert [(problem.where, problem.what) for problem in check_arguments(cfg)] == [
        ("x.py, default_hooks.tracking.photos", "is -1"),
        ("x.py, custom_hooks.1.begin", "is 2"),
        ("x.py, train_pipeline.1.transforms.0.0.prob", "is 7"),
        ("x.py, model.bbox_head.loss_cls.gamma", "is -1"),
    ]
