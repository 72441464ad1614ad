import json
import os

import pytest
from helpers import coco
from mmengine.config import Config

from sortline.pipeline.bind import bind
from sortline.pipeline.check.data import check_data
from sortline.pipeline.check.training import check_schedule
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


@pytest.fixture
def checked(make_dataset, make_config):
    """Check the data of a config with the given sources; validated on are images 0 and 1."""

    def check(*sources, sampler=None, data=None):
        cfg = load_config(make_config(data or make_dataset(val=coco(images=2))))
        cfg.ann_files.val = "val.json"
        cfg.train_sources = list(sources)
        if sampler:
            cfg.train_dataloader.sampler = sampler
        bind(cfg)
        return [str(problem) for problem in check_data(cfg)]

    return check


def without_first(images):
    content = coco()
    for key, index in (("images", "id"), ("annotations", "image_id")):
        content[key] = [row for row in content[key] if row[index] >= images]
    return content


def test_a_source_of_other_images_is_sound(make_dataset, checked):
    data = make_dataset(val=coco(images=2), more=without_first(2))
    assert checked(dict(ann_file="more.json", weight=0.5), data=data) == []


def test_a_source_that_holds_validation_images_is_refused(make_dataset, checked):
    data = make_dataset(val=coco(images=2), more=without_first(1))
    (problem,) = checked(dict(ann_file="more.json"), data=data)
    assert problem.startswith("train_sources.0: trains on images that are validated on, 1 of ")
    assert "more.json: train/0001.jpg" in problem
    assert "remove them from the source" in problem


def test_links_do_not_hide_validation_images(make_dataset, checked, tmp_path):
    data = make_dataset(val=coco(images=2))
    os.symlink(data, tmp_path / "link")
    (problem,) = checked(dict(ann_file="train.json", data_root=str(tmp_path / "link")), data=data)
    assert "validated on, 2 of" in problem


def test_the_main_file_may_be_validated_on(make_dataset, make_config):
    cfg = load_config(make_config(make_dataset()))
    cfg.ann_files.val = "train.json"
    bind(cfg)
    assert check_data(cfg) == []


def test_absent_folders_and_files_of_sources_are_named(make_dataset, checked, tmp_path):
    nowhere, absent = checked(
        dict(ann_file="a.json", data_root=str(tmp_path / "nowhere")),
        dict(ann_file="absent.json"),
        data=make_dataset(val=coco(images=2)),
    )
    assert nowhere.startswith(f"train_sources.0.data_root: no such folder: {tmp_path}/nowhere")
    assert "--data-root" not in nowhere
    assert "absent.json: no such file" in absent


def test_photos_are_looked_for_in_the_sources_own_folder(make_dataset, checked, tmp_path):
    data = make_dataset(val=coco(images=2))
    (tmp_path / "other").mkdir()
    (problem,) = checked(dict(ann_file=str(data / "train.json"), data_root=str(tmp_path / "other")), data=data)
    assert "train/0000.jpg" in problem


@pytest.mark.parametrize(
    ("sampler", "text"),
    [
        (dict(type="OversampleSampler", factors={"Batery": 4}), "did you mean 'Battery'?"),
        (dict(type="RepeatFactorSampler", thr=5), "train_dataloader.sampler.thr: is 5"),
        (dict(type="RepeatFactorSampler"), "train_dataloader.sampler.thr: is None"),
        (dict(type="OversampleSampler"), "train_dataloader.sampler.factors: is None"),
        (dict(type="WeightedSampler", source_weights={"tco": 1}), "did you mean 'taco'?"),
    ],
)
def test_a_sampler_that_can_not_work_is_named_before_anything_is_built(make_dataset, checked, sampler, text):
    data = make_dataset(val=coco(images=2), taco=without_first(2))
    (problem,) = checked(dict(ann_file="taco.json"), sampler=sampler, data=data)
    assert text in problem


def test_other_samplers_are_not_ours_to_check(checked):
    assert checked(sampler=dict(type="ClassAwareSampler", thr=5)) == []


@pytest.mark.parametrize("where", ["drop_last", "batch_sampler"])
def test_a_training_set_smaller_than_a_batch_is_not_dropped_in_silence(make_dataset, make_config, where):
    cfg = load_config(make_config(make_dataset(val=coco(images=2))))
    cfg.ann_files.val = "val.json"
    bind(cfg)
    cfg.train_dataloader.batch_size = 7
    value = dict(type="AspectRatioBatchSampler", drop_last=True) if where == "batch_sampler" else True
    cfg.train_dataloader[where] = value
    (problem,) = check_data(cfg)
    assert problem.where.endswith("drop_last")
    assert "6 images to train on, fewer than a batch of 7" in problem.what
    cfg.train_dataloader.batch_size = 6
    assert check_data(cfg) == []
