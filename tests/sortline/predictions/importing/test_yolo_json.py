import json

import pytest
from helpers import CLASSES, coco

from sortline.errors import InputError
from sortline.predictions.importing import read_yolo_json

OURS = coco("test", images=3, boxes=False)


def row(image_id="0001", category_id=0, **changes):
    return {"image_id": image_id, "category_id": category_id, "bbox": [1.0, 2.0, 30.0, 20.0], "score": 0.5} | changes


@pytest.fixture
def read(tmp_path):
    def read(rows, **kwargs):
        path = tmp_path / "predictions.json"
        path.write_text(json.dumps(rows))
        return read_yolo_json(path, OURS, **kwargs)

    return read


@pytest.mark.parametrize("key", [1, "0001"])
def test_images_are_known_by_the_name_without_suffix(read, key):
    """A name of digits is written as a number."""
    assert read([row(key)]).results.image_ids.tolist() == [1]


def test_newer_versions_write_the_file_name_too(read):
    assert read([row("anything", file_name="0002.jpg")]).results.image_ids.tolist() == [2]


@pytest.mark.parametrize(("ids", "first"), [([0, 3], 0), ([10, 3], 1)])
def test_the_first_class_is_told_from_the_ids_where_they_leave_no_doubt(read, ids, first):
    imported = read([row(category_id=seen) for seen in ids])
    assert imported.results.category_ids.tolist() == [seen - first for seen in ids]
    assert f"class ids counted from {first}" in imported.notes


@pytest.mark.parametrize("first", [0, 1])
def test_in_doubt_the_first_class_must_be_given(read, first):
    rows = [row(category_id=3), row(category_id=9)]
    with pytest.raises(InputError, match="class ids 3 to 9 may count 10 classes from 0 or from 1"):
        read(rows)
    assert read(rows, first_class=first).results.category_ids.tolist() == [3 - first, 9 - first]


@pytest.mark.parametrize(
    ("ids", "first", "message"),
    [
        ([0], 1, "they fit --first-class 0"),
        ([10], 0, "they fit --first-class 1"),
        ([0, 10], None, "not those of 10 classes counted from 0 or 1"),
        ([0, 10], 0, "give the data.yaml"),
    ],
)
def test_ids_of_other_classes_are_refused(read, ids, first, message):
    with pytest.raises(InputError, match=message):
        read([row(category_id=seen) for seen in ids], first_class=first)


def test_classes_are_matched_by_name_where_the_order_is_another(read):
    imported = read([row(category_id=0)], names=CLASSES[::-1], names_path="data.yaml")
    assert imported.results.category_ids.tolist() == [9]
    assert imported.notes[0] == "classes in the order of data.yaml"


@pytest.mark.parametrize("key", ["0007", 7, ""])
def test_unknown_images_are_refused(read, key):
    with pytest.raises(InputError, match="1 image that the annotation file does not list"):
        read([row(key)])


@pytest.mark.parametrize("key", [None, 1.5, [1]])
def test_keys_that_are_no_names_are_refused(read, key):
    with pytest.raises(InputError, match="neither numbers nor names"):
        read([row(key)])
