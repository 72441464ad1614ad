from helpers import coco

from sortline.data.formats.losses import count_losses, own_area


def test_a_plain_dataset_loses_nothing():
    assert count_losses(coco(), ()) == []


def test_what_is_more_than_boxes_is_counted():
    content = {**coco(images=3), "info": {"year": 2021}, "licenses": [{"id": 0}]}
    content["images"][0]["license"] = 0
    content["images"][1] |= {"license": None, "flickr_url": None}
    content["categories"][0]["supercategory"] = "waste"
    content["categories"][1]["supercategory"] = "Paper"
    content["annotations"][0] |= {"segmentation": [[1, 2, 3, 4, 5, 6]], "area": 9, "iscrowd": 1}
    content["annotations"][1] |= {"segmentation": [], "difficult": 1}
    assert count_losses(content, {"difficult"}) == [
        "info",
        "licenses",
        "license of 1 image",
        "supercategory of 1 category",
        "area of 1 box",
        "iscrowd of 1 box",
        "segmentation of 1 box",
    ]


def test_where_a_file_is_from_is_no_loss():
    assert count_losses({**coco(), "info": {"sortline": {"made_by": "convert"}}}, ()) == []


def test_an_area_counts_when_it_is_not_the_boxs():
    assert own_area({"bbox": [0, 0, 57.6, 180.6], "area": 57.6 * 180.6}) is None
    assert own_area({"bbox": [0, 0, 10, 10], "area": 99.995}) is None
    assert own_area({"bbox": [0, 0, 10, 10], "area": 80}) == 80
    assert own_area({"bbox": [0, 0, 10, 10]}) is None
