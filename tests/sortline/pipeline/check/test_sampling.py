import os

import pytest
from helpers import coco

from sortline.pipeline.bind import bind
from sortline.pipeline.check.data import check_data
from sortline.pipeline.compose import load_config


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
