import numpy as np
import pytest
from helpers import coco
from hypothesis import given
from hypothesis import strategies as st

from sortline.data.folding.groups import (
    Grouping,
    groups_by_csv,
    groups_by_key,
    join_groups,
    near_duplicate_groups,
)
from sortline.data.photo_scan import scan_photos
from sortline.errors import InputError


def grouping(*numbers, reason="a table"):
    return Grouping(np.array(numbers), reason)


def with_scenes(*scenes):
    data = coco(images=len(scenes))
    for image, scene in zip(data["images"], scenes, strict=True):
        if scene is not None:
            image["scene"] = scene
    return data


@pytest.fixture
def read_csv(tmp_path):
    """Read groups of four images from a table's lines."""

    def read(*lines):
        path = tmp_path / "groups.csv"
        path.write_text("\n".join(lines))
        return groups_by_csv(coco(images=4), path)

    return read


def rows(*groups):
    return [f"train/{index:04}.jpg,{group}" for index, group in enumerate(groups)]


def test_joining_follows_chains():
    # 0 and 1 by the one, 1 and 2 by the other: 0, 1 and 2 together.
    joined = join_groups(4, [grouping(0, 0, 1, 2), grouping(0, 1, 1, 2, reason="a key")])
    assert joined.of_image.tolist() == [0, 0, 0, 1]
    assert str(joined) == "a table and a key: 1 group of 3 images kept together, the largest of 3"


def test_without_any_grouping_every_image_is_alone():
    assert join_groups(3, []).of_image.tolist() == [0, 1, 2]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=30))
def test_joined_groups_are_unions_of_both(labels):
    first, second = (np.array(column) for column in zip(*labels, strict=True))
    joined = join_groups(len(labels), [grouping(*first), grouping(*second)]).of_image
    for column in (first, second):
        for label in set(column.tolist()):
            assert len(set(joined[column == label].tolist())) == 1


def test_groups_in_words():
    assert str(grouping(0, 1, 2)) == "a table: none"
    assert str(grouping(0, 1, 0, 1, 1, 2)) == "a table: 2 groups of 5 images kept together, the largest of 3"


def test_a_key_of_texts_or_whole_numbers():
    assert groups_by_key(with_scenes("b", 1, "1", "b"), "scene", "train.json").of_image.tolist() == [0, 1, 2, 0]


@pytest.mark.parametrize(
    ("scenes", "key", "message"),
    [
        (("a", "b"), "scnee", "no image has the key 'scnee'\n.*did you mean 'scene'"),
        (("a", "b"), "place", "no image has the key 'place'\n.*the images have 'id', 'file_name', 'width', 'height'"),
        (("a", None, "b"), "scene", "1 of 3 images lack the key 'scene': train/0001.jpg"),
        (("a", 1.5, ["a"]), "scene", "2 images whose 'scene' is neither a text nor a whole number: train/0001.jpg, "),
    ],
)
def test_a_key_that_can_not_be_used_is_refused(scenes, key, message):
    with pytest.raises(InputError, match=message):
        groups_by_key(with_scenes(*scenes), key, "train.json")


def test_a_missing_key_and_odd_values_come_together():
    with pytest.raises(InputError) as refused:
        groups_by_key(with_scenes("a", None, True), "scene", "train.json")
    assert len(refused.value.problems) == 2


def test_a_table(read_csv):
    found = read_csv("file_name,group", *rows("x", "y", "x", "z")[::-1], "")
    assert found.of_image.tolist() == [0, 1, 0, 2]
    assert str(found).startswith("groups.csv: 1 group of 2 images")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ((), "is empty"),
        (("name,scene", *rows(1, 2, 3, 4)), "begins with 'name,scene'\n.*the first line is file_name,group"),
        (("file_name,group", *rows(1, 2, 3)), "1 image of the annotation file are not named: train/0003.jpg"),
        (("file_name,group", *rows(1, 2, 3, 4), "train/0000.jpg,5"), "1 named more than once: train/0000.jpg"),
        (("file_name,group", *rows(1, 2, 3, 4), "train/000.jpg,5"), "1 image that the annotation file does not list"),
        (("file_name,group", *rows(1, 2, 3, "")), "1 row without a file name and a group: row 5"),
        (("file_name,group", *rows(1, 2, 3, "4,5")), "1 row without a file name and a group: row 5"),
    ],
)
def test_a_table_that_can_not_be_used_is_refused(read_csv, lines, message):
    with pytest.raises(InputError, match=message):
        read_csv(*lines)


def test_unknown_and_missing_names_come_together(read_csv):
    with pytest.raises(InputError) as refused:
        read_csv("file_name,group", *rows(1, 2, 3), "train/003.jpg,4")
    assert [problem.what.split(":")[1] for problem in refused.value.problems] == [" train/003.jpg", " train/0003.jpg"]
    assert "did you mean" in refused.value.problems[0].remedy


def test_photos_of_one_scene(make_dataset):
    root = make_dataset(images=4)
    (root / "train/0003.jpg").write_bytes((root / "train/0001.jpg").read_bytes())
    scan = scan_photos(root, coco(images=4)["images"], progress=False)
    assert near_duplicate_groups(scan).of_image.tolist() == [0, 1, 2, 1]
