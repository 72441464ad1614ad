import pytest
from mmengine.config import Config

from sortline.errors import InputError
from sortline.pipeline.bind import bind
from sortline.pipeline.compose import load_config
from sortline.pipeline.recipes import apply_recipes, changed_pipeline

PIPELINE = ["LoadImageFromFile", "LoadAnnotations", "Resize", "RandomFlip", "Pad", "PackDetInputs"]


def steps(*types: str) -> list[dict]:
    return [dict(type=name) for name in types]


def types(pipeline) -> list[str]:
    return [step["type"] for step in pipeline]


def config(**changes) -> Config:
    return Config(dict(train_pipeline=steps(*PIPELINE), model=dict(), custom_hooks=[dict(type="Own")]) | changes)


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        (dict(load=dict(type="A")), [*PIPELINE[:2], "A", *PIPELINE[2:]]),
        (dict(mix=steps("A", "B")), [*PIPELINE[:2], "A", "B", *PIPELINE[2:]]),
        (dict(resize=dict(type="A")), [*PIPELINE[:2], "A", *PIPELINE[3:]]),
        (dict(crop=dict(type="A")), [*PIPELINE[:3], "A", *PIPELINE[3:]]),
        (dict(flip=dict(type="A")), [*PIPELINE[:3], "A", *PIPELINE[4:]]),
        (dict(color=dict(type="A"), erase=dict(type="B")), [*PIPELINE[:5], "A", "B", PIPELINE[5]]),
        (dict(load=dict(type="A"), mix=dict(type="B")), [*PIPELINE[:2], "A", "B", *PIPELINE[2:]]),
    ],
)
def test_each_slot_has_its_place(recipe, expected):
    assert types(changed_pipeline(steps(*PIPELINE), [recipe])) == expected


def test_a_choice_of_resizes_is_replaced_as_one():
    choice = dict(type="RandomChoice", transforms=[steps("RandomChoiceResize"), steps("Crop", "RandomResize")])
    pipeline = [*steps("LoadImageFromFile", "RandomFlip"), choice, *steps("PackDetInputs")]
    changed = changed_pipeline(pipeline, [dict(resize=dict(type="A"), crop=dict(type="B"))])
    assert types(changed) == ["LoadImageFromFile", "RandomFlip", "A", "B", "PackDetInputs"]


def test_a_pipeline_without_the_step_gets_one():
    changed = changed_pipeline(
        steps("LoadImageFromFile", "PackDetInputs"), [dict(flip=dict(type="F"), resize=dict(type="R"))]
    )
    assert types(changed) == ["LoadImageFromFile", "R", "F", "PackDetInputs"]


def test_trackers_are_added_to_the_configs_own():
    own, one, other = dict(type="LocalVisBackend"), dict(type="A"), dict(type="B")
    cfg = config(
        visualizer=dict(type="V", vis_backends=[own]),
        recipe_a=dict(vis_backend=one),
        recipe_b=dict(vis_backend=[other]),
    )
    apply_recipes(cfg)
    assert cfg.visualizer.vis_backends == [own, one, other]


def test_recipes_of_one_slot_keep_the_order_of_their_bases():
    cfg = config(recipe_b=dict(color=dict(type="B")), recipe_a=dict(color=dict(type="A")))
    apply_recipes(cfg)
    assert types(cfg.train_pipeline) == [*PIPELINE[:5], "B", "A", PIPELINE[5]]
    assert cfg.recipes == ["b", "a"]
    assert "recipe_a" not in cfg


def test_strong_augmentation_ends_and_the_rest_stays():
    cfg = config(
        recipe_mosaic=dict(mix=dict(type="M"), last_epochs_without=3),
        recipe_mixup=dict(mix=dict(type="U"), last_epochs_without=4),
        recipe_cutout=dict(erase=dict(type="C")),
    )
    apply_recipes(cfg)
    bind(cfg)
    assert types(cfg.train_pipeline) == [*PIPELINE[:2], "M", "U", *PIPELINE[2:5], "C", PIPELINE[5]]
    own, switch = cfg.custom_hooks
    assert own.type == "Own"
    assert switch.last_epochs == 4
    assert types(switch.switch_pipeline) == [*PIPELINE[:5], "C", PIPELINE[5]]


def test_a_config_that_switches_itself_keeps_its_plan():
    late = steps("LoadImageFromFile", "PackDetInputs")
    cfg = config(recipe_m=dict(mix=dict(type="M"), last_epochs_without=3), train_pipeline_stage2=late)
    apply_recipes(cfg)
    assert types(cfg.train_pipeline_stage2) == ["LoadImageFromFile", "PackDetInputs"]
    assert types(cfg.custom_hooks) == ["Own"]


def test_hooks_are_added_and_settings_merged():
    cfg = config(
        optim_wrapper=dict(type="OptimWrapper", optimizer=dict(type="SGD", lr=0.1, momentum=0.9)),
        recipe_ema=dict(hook=dict(type="EMAHook")),
        recipe_more=dict(hook=steps("X", "Y")),
        recipe_adam=dict(config=dict(optim_wrapper=dict(optimizer=dict(_delete_=True, type="Adam"), clip=1))),
    )
    apply_recipes(cfg)
    assert types(cfg.custom_hooks) == ["Own", "EMAHook", "X", "Y"]
    assert cfg.optim_wrapper == dict(type="OptimWrapper", optimizer=dict(type="Adam"), clip=1)


def test_every_dict_of_a_name_changes_but_a_proposal_heads():
    loss = dict(type="CrossEntropyLoss", use_sigmoid=False)
    heads = [dict(loss_cls=dict(loss)), dict(loss_cls=dict(loss))]
    model = dict(rpn_head=dict(loss_cls=dict(loss)), roi_head=dict(bbox_head=heads))
    new = dict(_delete_=True, type="FocalLoss")
    cfg = config(model=model, recipe_focal=dict(each=dict(loss_cls=new)))
    apply_recipes(cfg)
    assert [head.loss_cls for head in cfg.model.roi_head.bbox_head] == [dict(type="FocalLoss")] * 2
    assert cfg.model.rpn_head.loss_cls == loss


def test_two_recipes_may_share_a_loss():
    model = dict(head=dict(loss_cls=dict(type="CrossEntropyLoss")))
    focal = dict(each=dict(loss_cls=dict(type="FocalCrossEntropyLoss", gamma=2.0)))
    smooth = dict(each=dict(loss_cls=dict(type="FocalCrossEntropyLoss", smoothing=0.1)))
    cfg = config(model=model, recipe_focal=focal, recipe_smooth=smooth)
    apply_recipes(cfg)
    assert cfg.model.head.loss_cls == dict(type="FocalCrossEntropyLoss", gamma=2.0, smoothing=0.1)


def test_none_leaves_a_recipe_out():
    cfg = config(recipe_a=None)
    apply_recipes(cfg)
    assert types(cfg.train_pipeline) == PIPELINE
    assert "recipes" not in cfg


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(recipe_a=3), "recipe_a: is 3"),
        (dict(recipe_a=dict(colour=dict(type="A"))), "colour: unknown key of a recipe\n    did you mean 'color'"),
        (dict(recipe_a=dict(load="A")), "recipe_a.load: is 'A'\n    write a dict with a type"),
        (dict(recipe_a=dict(load=dict(prob=1))), "a dict with a type"),
        (dict(recipe_a=dict(last_epochs_without=True)), "a number of epochs"),
        (dict(recipe_a=dict(config=[1])), "write a dict"),
        (dict(recipe_a=dict()), "recipe_a: is empty"),
        (dict(recipe_copy_paste=dict(load=dict(prob=0.3))), "name _base_/recipes/copy_paste.py in _base_"),
        (dict(recipe_a=dict(each=dict(loss_klass=dict(type="X")))), "no such dict\n    did you mean 'loss_cls'"),
        (
            dict(recipe_a=dict(each=dict(loss_cls=dict(type="X"))), recipe_b=dict(each=dict(loss_cls=dict(type="Y")))),
            "a sets loss_cls.type to 'X', b to 'Y'\n    leave one out: recipe_a = None",
        ),
        (
            dict(recipe_a=dict(config=dict(lr=1)), recipe_b=dict(config=dict(lr=2))),
            "a sets lr to 1, b to 2",
        ),
        (dict(recipe_a=dict(color=dict(type="A")), train_pipeline=None), "which the config has not"),
        (dict(recipe_a=dict(color=dict(type="A")), train_pipeline=["Resize"]), "which is no list of transforms"),
        (
            dict(recipe_a=dict(resize=dict(type="A")), recipe_b=dict(resize=dict(type="B"))),
            "a and b both replace the resize step\n    leave one out: recipe_a = None",
        ),
    ],
)
def test_what_is_wrong_with_a_recipe_is_named(changes, message):
    with pytest.raises(InputError) as caught:
        apply_recipes(config(**dict(model=dict(loss_cls=dict(type="L"))) | changes))
    assert message in str(caught.value)


FILES = {
    "data.py": f"train_pipeline = {steps(*PIPELINE)!r}",
    "mix.py": "recipe_mix = dict(mix=dict(type='M', prob=0.5))",
    "ema.py": "recipe_ema = dict(hook=dict(type='EMAHook', momentum=0.1))",
    "cfg.py": "_base_ = ['data.py', 'mix.py', 'ema.py']\nrecipe_ema = dict(hook=dict(momentum=0.2))",
}


@pytest.fixture
def experiment(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path / "cfg.py"


def test_recipes_stand_beside_each_other_and_an_experiment_tunes_them(experiment):
    cfg = load_config(experiment)
    assert types(cfg.train_pipeline) == [*PIPELINE[:2], "M", *PIPELINE[2:]]
    assert cfg.custom_hooks == [dict(type="EMAHook", momentum=0.2)]


def test_the_command_line_tunes_a_recipe_and_what_it_made(experiment):
    cfg = load_config(experiment, {"recipe_mix.mix.prob": 0.3, "custom_hooks.0.momentum": 0.4})
    assert cfg.train_pipeline[2] == dict(type="M", prob=0.3)
    assert cfg.custom_hooks[0].momentum == 0.4
    assert load_config(experiment, {"recipe_mix": None}).recipes == ["ema"]


def test_an_override_of_a_recipe_that_is_not_there_is_refused(experiment):
    with pytest.raises(InputError, match=r"no such recipe\s+did you mean 'recipe_mix'"):
        load_config(experiment, {"recipe_mxi.mix.prob": 0.3})


@pytest.mark.parametrize("pipeline", ["train", "hook"])
def test_transforms_that_paste_read_the_train_loaders_file(pipeline):
    paste = [dict(type="PasteObjects")]
    hooks = [dict(type="LastEpochsPipelineHook", last_epochs=1, switch_pipeline=paste)]
    cfg = Config(
        dict(
            data_root="data/x",
            ann_files=dict(train="folds/fold_1_train.json", val="folds/fold_1_val.json"),
            metainfo=dict(classes=("cup",)),
            train_pipeline=paste,
            train_dataloader=dict(dataset=dict(type="DetectionDataset")),
            custom_hooks=hooks,
        )
    )
    bind(cfg)
    step = {"train": cfg.train_dataloader.dataset.pipeline, "hook": cfg.custom_hooks[0].switch_pipeline}[pipeline][0]
    assert (step.data_root, step.ann_file) == ("data/x", "folds/fold_1_train.json")
    assert step.metainfo.classes == ("cup",)
