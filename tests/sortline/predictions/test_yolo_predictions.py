import json

import numpy as np
import pytest
from helpers import CLASSES, coco
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sortline.errors import InputError
from sortline.predictions.yolo_predictions import read_yolo_json, read_yolo_txt

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


WIDTH, HEIGHT = 64, 48


@pytest.fixture
def labels(tmp_path):
    """Write text files by name and return their folder."""

    def write(**texts):
        folder = tmp_path / "labels"
        folder.mkdir(exist_ok=True)
        for old in folder.glob("*"):
            old.unlink()
        for name, text in texts.items():
            (folder / f"{name.removeprefix('_')}.txt").write_text(text)
        return folder

    return write


def test_parts_of_the_photo_become_pixels(labels):
    imported = read_yolo_txt(labels(_0001="3 0.5 0.5 0.25 0.5 0.875\n", _0002=""), OURS)
    results = imported.results
    assert results.image_ids.tolist() == [1]
    assert results.category_ids.tolist() == [3]
    assert results.bboxes_xywh.tolist() == [
        [(0.5 - 0.25 / 2) * WIDTH, (0.5 - 0.5 / 2) * HEIGHT, 0.25 * WIDTH, 0.5 * HEIGHT]
    ]
    assert results.scores.tolist() == [0.875]
    assert "1 of 3 photos have no text file and so no boxes" in imported.notes


BOXES = st.tuples(
    st.integers(0, 9),
    st.floats(0, 40, allow_subnormal=False),
    st.floats(0, 30, allow_subnormal=False),
    st.floats(1, 24),
    st.floats(1, 18),
    st.floats(0, 1),
)


@given(st.lists(BOXES, min_size=1, max_size=5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
def test_what_was_written_with_six_digits_comes_back(labels, boxes):
    lines = [
        f"{label} {(x + w / 2) / WIDTH:.6g} {(y + h / 2) / HEIGHT:.6g} {w / WIDTH:.6g} {h / HEIGHT:.6g} {score:.6g}"
        for label, x, y, w, h, score in boxes
    ]
    results = read_yolo_txt(labels(_0000="\n".join(lines)), OURS).results
    np.testing.assert_allclose(results.bboxes_xywh, [box[1:5] for box in boxes], atol=1e-4)
    np.testing.assert_allclose(results.scores, [box[5] for box in boxes], atol=1e-6)


def test_the_folder_above_is_taken_too(labels):
    assert len(read_yolo_txt(labels(_0001="3 0.5 0.5 0.25 0.5 0.875").parent, OURS).results) == 1


def test_classes_of_text_files_are_matched_by_name_too(labels):
    imported = read_yolo_txt(labels(_0001="0 0.5 0.5 0.25 0.5 0.9"), OURS, CLASSES[::-1], "data.yaml")
    assert imported.results.category_ids.tolist() == [9]


def test_a_list_of_classes_beside_the_labels_is_no_photo(labels):
    folder = labels(_0001="0 0.5 0.5 0.25 0.5 0.9", classes="General trash\nPaper\n")
    assert len(read_yolo_txt(folder, OURS).results) == 1


def test_boxes_without_area_are_left_out_and_counted(labels):
    imported = read_yolo_txt(labels(_0001="0 0.5 0.5 0.25 0 0.9\n0 0.5 0.5 0.25 0.5 0.9\n"), OURS)
    assert len(imported.results) == 1
    assert imported.notes[-1] == "1 box without width or height left out"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 0.5 0.5 0.25 0.5", r"0001.txt:1: rows without a confidence(.|\n)*save_conf=True"),
        ("0 0.5 0.5 0.25 0.5 0.9 17", "0001.txt:1: a row of the wrong number of columns: 7"),
        ("\n10 0.5 0.5 0.25 0.5 0.9", "0001.txt:2: a class that is not known: 10"),
        ("0.5 0.5 0.5 0.25 0.5 0.9", "a class that is not known: 0.5"),
        ("0 32 24 0.25 0.5 0.9", "values outside 0 to 1(.|\n)*not pixels"),
        ("0 nan 0.5 0.25 0.5 0.9", "values outside 0 to 1"),
        ("0 0.5 0.5 0.25 0.5 90", "values outside 0 to 1"),
        ("0 0.5 0.5 0.25 0.5 high", "a row that is not numbers"),
        ("", "holds no boxes"),
    ],
)
def test_rows_that_can_not_be_read_are_refused_by_line(labels, text, message):
    with pytest.raises(InputError, match=message):
        read_yolo_txt(labels(_0001=text), OURS)


def test_text_files_without_photo_are_refused_by_name(labels):
    texts = {f"_000{row}": "0 0.5 0.5 0.25 0.5 0.9" for row in (1, 7, 8)}
    with pytest.raises(InputError, match="2 images that the annotation file does not list: 0007, 0008"):
        read_yolo_txt(labels(**texts), OURS)


def test_all_problems_are_reported_together(labels):
    with pytest.raises(InputError) as error:
        read_yolo_txt(labels(_0000="0 0.5", _0001="0 0.5 0.5 0.25 0.5", _0009=""), OURS)
    assert len(error.value.problems) == 3


@pytest.mark.parametrize("name", ["absent", "empty"])
def test_a_folder_without_text_files_is_refused(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no such folder|holds no text files"):
        read_yolo_txt(tmp_path / name, OURS)
