import csv

import pytest
from helpers import coco

from sortline.data.annotations import read_annotations
from sortline.data.check.checking import check_sources
from sortline.data.check.repair import changes_path, check_target, repair, write_repaired
from sortline.data.check.repair_rows import as_flag, as_integer, as_number
from sortline.data.check.source import source_of
from sortline.errors import InputError


def fixed(data):
    source = source_of(data, "train.json", None)
    return repair(source, check_sources([source]).findings)


def fixed_annotation(**change):
    """The third annotation, of box [6, 5, 30, 20] in an image of 64x48, after a change; None if it's dropped."""
    data = coco()
    data["annotations"][2].update(change)
    rows = [row for row in fixed(data).source.data["annotations"] if row["image_id"] == 2]
    return rows[0] if rows else None


@pytest.mark.parametrize(
    ("bbox", "expected"),
    [
        ([-5, 5, 30, 20], [0, 5, 30 - 5, 20]),
        ([50, 40, 30, 20], [50, 40, 64 - 50, 48 - 40]),
        ([-0.5, 5, 30, 20], [-0.5, 5, 30, 20]),
        (["6", "5.0", 30, 20], [6, 5, 30, 20]),
        ([6, 5, 36, 25], [6, 5, 30, 20]),  # the area of 600 says that these are corners
    ],
)
def test_boxes_are_clipped_and_converted(bbox, expected):
    row = fixed_annotation(bbox=bbox)
    assert row["bbox"] == expected
    assert row["area"] == pytest.approx(expected[2] * expected[3])


@pytest.mark.parametrize(
    "bbox",
    [[70, 5, 30, 20], [6, 5, 0, 20], [6, 5, -3, 20], [6, 5, float("nan"), 20], [6, 5, 1e400, 20], None, [6, 5, 30]],
)
def test_boxes_without_an_answer_are_dropped(bbox):
    assert fixed_annotation(bbox=bbox) is None


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"area": 5}, {"area": 600}),
        ({"area": -5}, {"area": 600}),
        ({"area": "600"}, {"area": 600}),
        ({"area": None}, {"area": 600}),
        ({"area": 5, "segmentation": [[1, 2, 3, 4, 5, 6]]}, {"area": 5}),
        ({"iscrowd": None}, {"iscrowd": 0}),
        ({"iscrowd": "1"}, {"iscrowd": 1}),
        ({"category_id": "2"}, {"category_id": 2}),
        ({"image_id": 2.0}, {"image_id": 2}),
        ({"id": 0}, {"id": 6}),
        ({"id": None}, {"id": 6}),
        ({"score": float("nan")}, {"score": None}),
    ],
)
def test_values_with_one_right_answer_are_set(change, expected):
    row = fixed_annotation(**change)
    assert {key: row[key] for key in expected} == expected


def test_absent_areas_and_flags_are_added():
    data = coco()
    del data["annotations"][2]["area"], data["annotations"][2]["iscrowd"]
    row = fixed(data).source.data["annotations"][2]
    assert (row["area"], row["iscrowd"]) == (30 * 20, 0)


@pytest.mark.parametrize("change", [{"image_id": 99}, {"category_id": 99}, {"category_id": "x"}])
def test_annotations_of_nothing_are_dropped(change):
    assert fixed_annotation(**change) is None


def test_the_later_of_two_equal_boxes_goes():
    data = coco()
    data["annotations"].append({**data["annotations"][2], "id": 77})
    repaired = fixed(data)
    assert repaired.source.data["annotations"] == coco()["annotations"]
    assert [(change.kind, change.file_name, change.id) for change in repaired.changes] == [
        ("box-duplicate", "train/0002.jpg", "77")
    ]


def test_an_image_listed_twice_is_merged():
    data = coco()
    data["images"].append({**data["images"][2], "id": 50})
    data["annotations"].append(
        {**data["annotations"][2], "id": 60, "image_id": 50, "bbox": [40, 5, 20, 20], "area": 400}
    )
    repaired = fixed(data).source.data
    assert [image["id"] for image in repaired["images"]] == [0, 1, 2, 3, 4, 5]
    assert [row["id"] for row in repaired["annotations"] if row["image_id"] == 2] == [2, 60]


def test_an_unused_image_id_is_renumbered_and_a_used_one_refused():
    data = coco()
    data["images"][1]["id"] = data["images"][0]["id"]
    with pytest.raises(InputError, match="image id used more than once"):
        fixed(data)
    data["annotations"] = [row for row in data["annotations"] if row["image_id"] > 1]
    assert [image["id"] for image in fixed(data).source.data["images"]] == [0, 6, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("section", "key", "value", "message"),
    [
        ("images", "file_name", "a\0b", "NUL"),
        ("images", "id", None, "'id' is not a whole number"),
        ("categories", "name", "Paper", "share a name"),
        ("annotations", "iscrowd", 2, "neither 0 nor 1: annotation 2 in train/0002.jpg: iscrowd 2"),
        ("annotations", "extra", [float("nan")], "annotation 2 in train/0002.jpg: extra"),
    ],
)
def test_what_has_no_one_answer_is_refused(section, key, value, message):
    data = coco()
    data[section][2][key] = value
    with pytest.raises(InputError, match="can't be repaired") as caught:
        fixed(data)
    assert message in str(caught.value)


def test_a_file_of_which_most_would_be_lost_is_refused():
    data = coco()
    for row in data["annotations"][:4]:
        row["bbox"][2] = 0
    with pytest.raises(InputError, match="4 of 6 annotations would be lost"):
        fixed(data)


def test_the_source_keeps_its_content():
    data = coco()
    data["annotations"][2]["area"] = "600"
    fixed(data)
    assert data["annotations"][2]["area"] == "600"


def test_the_file_and_its_log_are_written(tmp_path):
    data = {**coco(), "info": {"description": "\ud83d"}}
    data["annotations"][2]["bbox"] = [50, 40, 30, 20]
    log = write_repaired(fixed(data), tmp_path / "new" / "fixed.json")
    assert read_annotations(tmp_path / "new" / "fixed.json")["info"] == {"description": "\ud83d"}
    with log.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert log.name == "fixed.changes.csv"
    assert [(row["kind"], row["id"], row["key"], row["before"], row["after"]) for row in rows] == [
        ("box-outside", "2", "bbox", "[50, 40, 30, 20]", "[50, 40, 14, 8]"),
        ("area-mismatch", "2", "area", "600.0", "112.0"),
    ]


def test_no_input_is_written_over(tmp_path):
    path, link = tmp_path / "a.json", tmp_path / "b.json"
    path.write_text("{}")
    link.hardlink_to(path)
    for out in (path, link, tmp_path / "." / "a.json"):
        with pytest.raises(InputError, match="would write over"):
            check_target(out, [path])
    check_target(tmp_path / "c.json", [path])
    assert changes_path(tmp_path / "c.json").name == "c.changes.csv"


@pytest.mark.parametrize(
    ("value", "number", "integer", "flag"),
    [
        ("7", 7, 7, None),
        (" 7.0 ", 7, 7, None),
        ("7e1", 70, 70, None),
        ("1", 1, 1, 1),
        (7.5, 7.5, None, None),
        (True, None, None, None),
        ("nan", None, None, None),
        ("0x7", None, None, None),
        (10**400, None, None, None),
        (float("inf"), None, None, None),
        (None, None, None, 0),
        ([], None, None, None),
    ],
)
def test_values_in_other_words(value, number, integer, flag):
    assert (as_number(value), as_integer(value), as_flag(value)) == (number, integer, flag)
