import pytest

from sortline.errors import InputError
from sortline.pipeline.origins import explain
from sortline.pipeline.pick import pick

BASE = "model = dict(\n    backbone=dict(\n        depth=50,\n        stages=(1, 2),\n    ),\n)\nlr = 0.1\n"


@pytest.fixture
def config(tmp_path):
    (tmp_path / "base.py").write_text(BASE)
    path = tmp_path / "child.py"
    path.write_text('_base_ = "base.py"\nrate = 0.5\nmodel = dict(backbone=dict(depth=101))\nsteps = [dict(lr=rate)]\n')
    return str(path)


def places(lines):
    """Reduce "  /path/base.py:3: text" to "base.py:3"."""
    return [":".join(line.strip().split("/")[-1].split(":")[:2]) for line in lines[1:]]


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("model.backbone.depth", "101", ["base.py:3", "child.py:3"]),
        ("model.backbone.stages.1", "2", ["base.py:4"]),
        ("lr", "0.1", ["base.py:7"]),
        ("steps.0.lr", "0.5", ["child.py:2"]),
    ],
)
def test_every_place_is_named_in_order(config, key, value, expected):
    lines = explain(config, key)
    assert lines[0] == f"{key} = {value}"
    assert places(lines) == expected


def test_the_command_line_is_named_last(config):
    assert explain(config, "lr", ["lr=3"])[-1].strip() == "--cfg-options lr=3"


def test_binding_is_named():
    lines = explain("configs/dino/dino_r50_4scale_1x_recycle.py", "model.bbox_head.num_classes")
    assert lines[0].endswith("= 10")
    assert "dino-4scale_r50_8xb2-12e_coco.py:" in lines[1]
    assert lines[-1].strip().startswith("bound from the dataset config")


def test_an_unknown_key_gets_the_nearest(config):
    with pytest.raises(InputError, match="did you mean 'depth'"):
        explain(config, "model.backbone.dept")


def test_pick_takes_one_variable_of_an_installed_config():
    model = pick("mmdet::dino/dino-4scale_r50_8xb2-12e_coco.py", "model")
    assert model["type"] == "DINO"
    with pytest.raises(KeyError):
        pick("mmdet::dino/dino-4scale_r50_8xb2-12e_coco.py", "absent")


def test_a_recipe_is_named_for_what_it_sets(tmp_path):
    (tmp_path / "clip.py").write_text(
        "recipe_clip = dict(config=dict(optim_wrapper=dict(clip_grad=dict(max_norm=35))), hook=dict(type='EMAHook'))"
    )
    (tmp_path / "base.py").write_text("optim_wrapper = dict(type='OptimWrapper')")
    (tmp_path / "cfg.py").write_text("_base_ = ['base.py', 'clip.py']")
    value, place = explain(str(tmp_path / "cfg.py"), "optim_wrapper.clip_grad.max_norm")
    assert value == "optim_wrapper.clip_grad.max_norm = 35"
    assert "clip.py:1: recipe_clip" in place
    _, place = explain(str(tmp_path / "cfg.py"), "custom_hooks.0.type")
    assert "clip.py:1: recipe_clip" in place
