"""Arguments out of their range are found in a config, with their places, before anything is built."""

import pytest
from mmengine.config import Config

from sortline.errors import InputError
from sortline.pipeline.check.arguments import RULES, argument_problems, check_arguments, refuse_arguments

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
