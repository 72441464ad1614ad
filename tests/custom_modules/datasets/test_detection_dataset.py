import json

import numpy as np
import pytest
from helpers import CLASSES, coco

pytestmark = pytest.mark.mm


def build(data, ann_file="train.json", **settings):
    from custom_modules.datasets import DetectionDataset

    settings = {"metainfo": dict(classes=CLASSES), "pipeline": [], **settings}
    return DetectionDataset(data_root=str(data), ann_file=ann_file, data_prefix=dict(img=""), **settings)


def test_boxes_and_labels_are_the_files(make_dataset):
    dataset = build(make_dataset())
    info = dataset.get_data_info(1)
    assert len(dataset) == 6
    assert info["file_name"] == "train/0001.jpg"
    assert info["img_path"].endswith("data/train/0001.jpg")
    # coco() puts the box of image 1 at x = 4 + 1, y = 5 with size 30 x 20
    assert info["instances"] == [dict(bbox=[5.0, 5.0, 5.0 + 30, 5.0 + 20], bbox_label=1, ignore_flag=0)]


def test_labels_follow_the_classes_for_any_category_ids(make_dataset):
    content = coco()
    for category in content["categories"]:
        category["id"] = category["id"] * 7 + 3
    for annotation in content["annotations"]:
        annotation["category_id"] = annotation["category_id"] * 7 + 3
    dataset = build(make_dataset(train=content))
    assert [dataset.get_data_info(index)["instances"][0]["bbox_label"] for index in range(6)] == [0, 1, 2, 0, 1, 2]
    assert dataset.cat_ids[:2] == [3, 10]


def test_a_test_file_needs_no_annotations(make_dataset):
    content = coco("test", 3)
    del content["annotations"]
    dataset = build(make_dataset(test=content), "test.json", test_mode=True)
    assert len(dataset) == 3
    assert dataset.get_data_info(0)["instances"] == []


def test_boxes_without_area_are_kept(make_dataset):
    content = coco()
    for annotation in content["annotations"]:
        del annotation["area"]
        del annotation["iscrowd"]
    dataset = build(make_dataset(train=content))
    assert sum(len(dataset.get_data_info(index)["instances"]) for index in range(6)) == 6


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (CLASSES[::-1], "order"),
        (CLASSES[:9], "Clothing"),
        ((*CLASSES, "Wood"), "Wood"),
        (("General Trash", *CLASSES[1:]), "General trash"),
    ],
)
def test_other_classes_are_refused(make_dataset, classes, message):
    from sortline.errors import InputError

    with pytest.raises(InputError, match=message):
        build(make_dataset(), metainfo=dict(classes=classes))


def test_a_broken_file_is_refused(make_dataset):
    from sortline.errors import InputError

    with pytest.raises(InputError, match="cut short"):
        build(make_dataset(train=json.dumps(coco())[:200]))


def test_samples_reach_the_model(make_dataset):
    pipeline = [
        dict(type="LoadImageFromFile"),
        dict(type="LoadAnnotations", with_bbox=True),
        dict(type="PackDetInputs"),
    ]
    import mmdet.datasets.transforms  # noqa: F401

    sample = build(make_dataset(), pipeline=pipeline)[2]
    np.testing.assert_allclose(sample["data_samples"].gt_instances.bboxes.numpy(), [[6, 5, 36, 25]])
    assert sample["inputs"].shape == (3, 48, 64)


def with_pseudo_label(**values):
    content = coco(images=2)
    first = {**content["annotations"][0], "pseudo": True}
    # mmdet leaves a box of less than a pixel out: the weights must not move up by one.
    sliver = {**first, "id": 10, "bbox": [1.0, 1.0, 0.5, 9.0], "weight": 0.1}
    content["annotations"] = [sliver, {**first, **values}, {**first, "id": 11}, content["annotations"][1]]
    return content


def test_pseudo_labels_have_their_weight(make_dataset):
    dataset = build(make_dataset(train=with_pseudo_label(weight=0.7)))
    assert [instance.get("weight") for instance in dataset.get_data_info(0)["instances"]] == [0.7, None]
    assert "weight" not in dataset.get_data_info(1)["instances"][0]


def test_weights_that_mean_nothing_are_refused(make_dataset):
    from sortline.errors import InputError

    with pytest.raises(InputError, match="not above 0 and at most 1"):
        build(make_dataset(train=with_pseudo_label(weight=1.5)))


def test_names_of_earlier_versions_lead_to_the_same_datasets():
    from mmdet.registry import DATASETS

    from sortline.runs.settings import RENAMED_TYPES

    for former, name in RENAMED_TYPES.items():
        assert DATASETS.get(former) is DATASETS.get(name) is not None
