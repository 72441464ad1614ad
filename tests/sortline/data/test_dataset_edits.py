import copy

import pytest
from helpers import coco
from hypothesis import given
from hypothesis import strategies as st

from sortline.data.annotations import category_names
from sortline.data.dataset_edits import (
    Edits,
    apply_edits,
    drop_empty,
    drop_small,
    filter_classes,
    match_images,
    merge,
    prefix_file_names,
    rename_classes,
    subset,
)
from sortline.errors import InputError


def small(*names, split="train", images=3):
    """Image ``i`` holds one box of class ``i``, modulo three; ids start far from 0."""
    content = coco(split, images=images)
    content["categories"] = [{"id": 10 + index, "name": name} for index, name in enumerate(names or ("a", "b", "c"))]
    for image in content["images"]:
        image["id"] += 100
    for box in content["annotations"]:
        box |= {"id": box["id"] + 1000, "image_id": box["image_id"] + 100, "category_id": box["category_id"] + 10}
    return content


def classes_of(content):
    names = {category["id"]: category["name"] for category in content["categories"]}
    return [names[box["category_id"]] for box in content["annotations"]]


def image_names(content):
    return [image["file_name"] for image in content["images"]]


def test_merge_counts_ids_anew_and_joins_classes_by_name():
    merged = merge([("one.json", small("a", "b", "c")), ("two.json", small("c", "d", "a", split="more"))])
    assert [image["id"] for image in merged["images"]] == [0, 1, 2, 3, 4, 5]
    assert [box["id"] for box in merged["annotations"]] == [0, 1, 2, 3, 4, 5]
    assert [box["image_id"] for box in merged["annotations"]] == [0, 1, 2, 3, 4, 5]
    assert [(category["id"], category["name"]) for category in merged["categories"]] == [
        (0, "a"),
        (1, "b"),
        (2, "c"),
        (3, "d"),
    ]
    assert classes_of(merged) == ["a", "b", "c", "c", "d", "a"]
    assert [(image["source"], image["source_id"]) for image in merged["images"]][2:4] == [
        ("one.json", 102),
        ("two.json", 100),
    ]
    assert merged["annotations"][4]["source"] == "two.json"
    assert merged["annotations"][4]["source_id"] == 1001


def test_merge_joins_licences_by_content():
    one, two = small(), small(split="more")
    one["licenses"] = [{"id": 5, "name": "CC BY"}, {"id": 6, "name": "MIT"}]
    two["licenses"] = [{"id": 5, "name": "MIT"}, {"id": 6, "name": "CC0"}]
    one["images"][0]["license"] = 6
    two["images"][0]["license"] = 5
    two["images"][1]["license"] = 6
    merged = merge([("one", one), ("two", two)])
    assert merged["licenses"] == [{"id": 0, "name": "CC BY"}, {"id": 1, "name": "MIT"}, {"id": 2, "name": "CC0"}]
    assert [image.get("license") for image in merged["images"]] == [1, None, None, 1, 2, None]


def test_merge_refuses_a_file_name_in_two_files():
    with pytest.raises(InputError) as error:
        merge([("one", small()), ("two", small(images=2)), ("three", small(images=1))])
    assert [str(problem).split("\n")[0] for problem in error.value.problems] == [
        "two: lists images that one has too: train/0000.jpg, train/0001.jpg",
        "three: lists images that one has too: train/0000.jpg",
    ]


def test_a_file_twice_is_refused():
    content = small()
    with pytest.raises(InputError, match="one: lists images that one has too"):
        merge([("one", content), ("one", content)])


def test_renaming_is_done_all_at_once():
    content = rename_classes(small(), {"a": "b", "b": "a"})
    assert [(category["id"], category["name"]) for category in content["categories"]] == [
        (10, "b"),
        (11, "a"),
        (12, "c"),
    ]
    assert classes_of(content) == ["b", "a", "c"]


@pytest.mark.parametrize(
    ("renames", "categories", "boxes"),
    [
        ({"b": "x", "c": "x"}, [(10, "a"), (11, "x")], ["a", "x", "x"]),
        ({"a": "c"}, [(11, "b"), (12, "c")], ["c", "b", "c"]),
        ({"a": "b", "c": "b"}, [(11, "b")], ["b", "b", "b"]),
        ({}, [(10, "a"), (11, "b"), (12, "c")], ["a", "b", "c"]),
    ],
)
def test_classes_with_one_name_become_one(renames, categories, boxes):
    content = rename_classes(small(), renames)
    assert [(category["id"], category["name"]) for category in content["categories"]] == categories
    assert classes_of(content) == boxes


@pytest.mark.parametrize(
    ("keep", "drop", "names", "boxes"),
    [
        (None, (), ["a", "b", "c"], [1000, 1001, 1002]),
        (["c", "a"], (), ["a", "c"], [1000, 1002]),
        (None, ["b"], ["a", "c"], [1000, 1002]),
        (["a", "b"], ["b"], ["a"], [1000]),
    ],
)
def test_filtered_classes_take_their_boxes_along(keep, drop, names, boxes):
    content = filter_classes(small(), keep, drop)
    assert category_names(content) == names
    assert [box["id"] for box in content["annotations"]] == boxes
    assert len(content["images"]) == 3


def test_unknown_classes_are_refused_with_the_nearest():
    content = small("Glass", "Metal", "Paper")
    with pytest.raises(InputError) as error:
        filter_classes(content, ["Glas"], ["Meta", "Battery"])
    message = str(error.value)
    assert "--keep-classes: no class 'Glas'\n    did you mean 'Glass'?" in message
    assert "did you mean 'Metal'?" in message
    assert "--drop-classes: no class 'Battery'\n    the classes are Glass, Metal, Paper" in message
    with pytest.raises(InputError, match="--rename: no class 'glss'"):
        rename_classes(content, {"glss": "x"})


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda content: filter_classes(content, drop=["a", "b", "c"]), "no class is left"),
        (lambda content: rename_classes(content, {"a": " "}), "'a' gets an empty name"),
        (lambda content: match_images(content, ["test/*"]), "no file_name fits 'test/\\*'"),
        (lambda content: drop_empty({**content, "annotations": []}), "no image is left"),
        (lambda content: drop_small(content, -1), "--min-size: -1 is negative"),
        (lambda content: drop_small(content, float("nan")), "--min-size"),
        (lambda content: subset(content, 0), "--max-images: 0 leaves no image"),
        (lambda content: subset(content, 1, seed=-1), "--seed: -1 is negative"),
    ],
)
def test_edits_that_leave_nothing_are_refused(edit, message):
    with pytest.raises(InputError, match=message):
        edit(small())


def test_patterns_fit_whole_file_names():
    content = match_images(small(), ["*/0001.*", "train/0002.jpg"])
    assert image_names(content) == ["train/0001.jpg", "train/0002.jpg"]
    assert [box["id"] for box in content["annotations"]] == [1001, 1002]


def test_small_boxes_go_by_their_shorter_side():
    content = small()
    content["annotations"][0]["bbox"][2:] = [4, 100]
    content["annotations"][1]["bbox"][2:] = [4.01, 5]
    assert [box["id"] for box in drop_small(content, 4.01)["annotations"]] == [1001, 1002]
    assert len(drop_small(content, 4.01)["images"]) == 3


def test_images_without_boxes_go():
    content = small()
    del content["annotations"][1]
    assert image_names(drop_empty(content)) == ["train/0000.jpg", "train/0002.jpg"]


def test_folders_are_put_before_file_names():
    assert image_names(prefix_file_names(small(images=1), "a/b")) == ["a/b/train/0000.jpg"]


@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 5))
def test_a_subset_is_reproducible_and_in_order(images, wanted, seed):
    content = small(images=images)
    drawn = subset(content, wanted, seed)
    assert drawn == subset(content, wanted, seed)
    assert len(drawn["images"]) == min(wanted, images)
    ids = [image["id"] for image in drawn["images"]]
    assert ids == sorted(set(ids))
    assert {box["image_id"] for box in drawn["annotations"]} == set(ids)


def test_seeds_draw_different_images():
    draws = {tuple(image_names(subset(small(images=20), 5, seed))) for seed in range(5)}
    assert len(draws) > 1


def test_edits_are_done_in_the_order_promised_and_leave_the_source_alone():
    content = small("Paper pack", "Paper", "Glass", images=6)
    before = copy.deepcopy(content)
    edits = Edits(
        match=("*/000[0-4].jpg",),
        rename={"Paper pack": "Paper"},
        drop=("Glass",),
        min_size=1,
        drop_empty=True,
        max_images=2,
        seed=3,
    )
    edited = apply_edits(content, edits)
    assert category_names(edited) == ["Paper"]
    assert len(edited["images"]) == 2
    assert set(image_names(edited)) <= {"train/0000.jpg", "train/0001.jpg", "train/0003.jpg", "train/0004.jpg"}
    assert content == before
    assert edits.lines() == [
        "match: */000[0-4].jpg",
        "rename: Paper pack=Paper",
        "drop-classes: Glass",
        "min-size: 1 px",
        "drop-empty: images without boxes",
        "max-images: 2, seed 3",
    ]


def test_no_edits_change_nothing():
    assert apply_edits(small(), Edits()) == small()
    assert Edits().lines() == []
