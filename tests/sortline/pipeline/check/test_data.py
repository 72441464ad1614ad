import json

import pytest
from helpers import coco
from mmengine.config import Config

from sortline.pipeline.bind import bind
from sortline.pipeline.check.data import check_data, check_schedule
from sortline.pipeline.compose import load_config


@pytest.mark.parametrize(
    ("scheduler", "bad"),
    [
        (dict(type="MultiStepLR", milestones=[8, 11]), False),
        (dict(type="MultiStepLR", milestones=[8, 12]), True),
        (dict(type="CosineAnnealingLR", begin=12), True),
        (dict(type="LinearLR", by_epoch=False, begin=500), False),
    ],
)
def test_a_rate_step_behind_the_last_epoch_is_named(scheduler, bad):
    cfg = Config(dict(train_cfg=dict(max_epochs=12), param_scheduler=[scheduler]))
    assert bool(check_schedule(cfg)) is bad


def bound(make_config, data, **changes):
    cfg = load_config(make_config(data))
    cfg.ann_files.val = "train.json"
    cfg.merge_from_dict(changes)
    bind(cfg)
    return cfg


def test_sound_data_has_no_problems(make_dataset, make_config):
    assert check_data(bound(make_config, make_dataset())) == []


def test_a_missing_data_root_is_one_problem(make_config, tmp_path):
    found = check_data(bound(make_config, tmp_path / "nowhere"))
    assert {problem.where for problem in found} == {"data_root"}
    assert "--data-root" in found[0].remedy


def test_classes_in_another_order_are_refused(make_dataset, make_config):
    shuffled = coco()
    shuffled["categories"][0]["name"], shuffled["categories"][1]["name"] = "Paper", "General trash"
    data = make_dataset(train=json.dumps(shuffled))
    assert any("order" in str(problem) for problem in check_data(bound(make_config, data)))


def test_absent_images_are_named(make_dataset, make_config):
    data = make_dataset()
    for index in (1, 2, 3, 4, 5):
        (data / f"train/{index:04}.jpg").unlink()
    text = "\n".join(map(str, check_data(bound(make_config, data))))
    assert "train/0001.jpg" in text
    assert "2 more" in text


def test_an_evaluator_that_scores_another_file_is_refused(make_dataset, make_config):
    data = make_dataset()
    found = check_data(bound(make_config, data, **{"val_evaluator.ann_file": f"{data}/test.json"}))
    assert any(problem.where == "val_evaluator.ann_file" for problem in found)


@pytest.mark.parametrize(("last", "bad"), [(4, False), (5, True), (6, True)])
def test_strong_augmentation_must_have_an_epoch(last, bad):
    hooks = [dict(type="LastEpochsPipelineHook", last_epochs=last)]
    cfg = Config(dict(train_cfg=dict(max_epochs=5), custom_hooks=hooks))
    assert bool(check_schedule(cfg)) is bad
