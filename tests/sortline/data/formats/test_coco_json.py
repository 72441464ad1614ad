import json

import pytest
from helpers import coco

from sortline.data.formats.base import ReadOptions, Split, WriteOptions
from sortline.data.formats.coco_json import plan_roboflow, read_roboflow
from sortline.errors import InputError


@pytest.fixture
def export(tmp_path):
    """Write ``_annotations.coco.json`` into folders; file names start there, as Roboflow's do."""

    def make(**contents):
        for folder, content in contents.items():
            (tmp_path / folder).mkdir()
            for image in content["images"]:
                image["file_name"] = image["file_name"].split("/")[-1]
            (tmp_path / folder / "_annotations.coco.json").write_text(json.dumps(content))
        return tmp_path

    return make


def test_file_names_start_at_the_datasets_folder(export):
    train, val = read_roboflow(export(train=coco(images=1), valid=coco(images=1)), ReadOptions())
    assert (train.name, val.name) == ("train", "val")
    assert [split.annotations["images"][0]["file_name"] for split in (train, val)] == [
        "train/0000.jpg",
        "valid/0000.jpg",
    ]


def test_the_group_of_all_classes_is_no_class(export):
    def roboflow():
        content = coco(images=1)
        names = ["cat", "dog"]
        content["categories"] = [
            {"id": 0, "name": "pets", "supercategory": "none"},
            *({"id": index, "name": name, "supercategory": "pets"} for index, name in enumerate(names, start=1)),
        ]
        content["annotations"][0]["category_id"] = 2
        return content

    train, val = read_roboflow(export(train=roboflow(), valid=roboflow()), ReadOptions())
    for split in (train, val):
        assert [category["name"] for category in split.annotations["categories"]] == ["cat", "dog"]
        assert "left out category 'pets'" in split.notes[0]


def test_a_group_with_boxes_stays_in_every_split(export):
    def roboflow(category_id):
        content = coco(images=1)
        content["categories"] = [
            {"id": 0, "name": "pets", "supercategory": "none"},
            {"id": 1, "name": "cat", "supercategory": "pets"},
        ]
        content["annotations"][0]["category_id"] = category_id
        return content

    for split in read_roboflow(export(train=roboflow(0), valid=roboflow(1)), ReadOptions()):
        assert len(split.annotations["categories"]) == 2


def test_a_leading_split_folder_is_taken_off(tmp_path):
    split = Split("train", coco(images=1), tmp_path, (tmp_path / "train.json",))
    made = plan_roboflow([split], tmp_path / "out", WriteOptions())
    assert list(made.texts) == ["train/_annotations.coco.json"]
    assert made.photos == {"train/0000.jpg": tmp_path / "train/0000.jpg"}
    assert json.loads(made.texts["train/_annotations.coco.json"])["images"][0]["file_name"] == "0000.jpg"


def test_other_names_stay_and_come_back(tmp_path):
    split = Split("val", coco(images=1), tmp_path, (tmp_path / "val.json",))
    made = plan_roboflow([split], tmp_path / "out", WriteOptions())
    assert list(made.photos) == ["valid/train/0000.jpg"]
    place = tmp_path / "out" / "valid" / "_annotations.coco.json"
    place.parent.mkdir(parents=True)
    place.write_text(made.texts["valid/_annotations.coco.json"])
    (back,) = read_roboflow(tmp_path / "out", ReadOptions())
    assert back.annotations["images"] == coco(images=1)["images"]
    assert back.image_root == tmp_path / "out" / "valid"


def test_another_folder_and_broken_files_are_refused(export, tmp_path):
    with pytest.raises(InputError, match="is not Roboflow's layout"):
        read_roboflow(tmp_path, ReadOptions())
    root = export(train=coco(), valid=coco())
    for folder in ("train", "valid"):
        (root / folder / "_annotations.coco.json").write_text("{")
    with pytest.raises(InputError) as error:
        read_roboflow(root, ReadOptions())
    assert len(error.value.problems) == 2
