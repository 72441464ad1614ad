import pytest
from helpers import CLASSES, coco

from sortline.errors import InputError

pytestmark = pytest.mark.mm


def build(data, ann_file="train.json", **settings):
    from custom_modules.datasets import MaskedDetectionDataset

    settings = {"metainfo": dict(classes=CLASSES), "pipeline": [], **settings}
    return MaskedDetectionDataset(data_root=str(data), ann_file=ann_file, data_prefix=dict(img=""), **settings)


def test_every_box_comes_with_its_mask(make_dataset):
    dataset = build(make_dataset(train=coco(masks=True)))
    # coco() outlines the box of image 1: from x = 4 + 1 and y = 5, 30 x 20
    assert dataset.get_data_info(1)["instances"][0]["mask"] == [[5.0, 5.0, 35.0, 5.0, 35.0, 25.0, 5.0, 25.0]]


def test_boxes_without_masks_are_refused_with_their_photos(make_dataset):
    content = coco(masks=True)
    for index in (1, 4):
        del content["annotations"][index]["segmentation"]
    with pytest.raises(InputError, match=r"2 of 6 boxes have no segmentation: on train/0001.jpg, train/0004.jpg"):
        build(make_dataset(train=content))


def test_a_test_file_needs_no_annotations(make_dataset):
    assert len(build(make_dataset(), "test.json", test_mode=True)) == 3
