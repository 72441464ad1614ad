import numpy as np
import pytest
from helpers import ROOT, coco
from hypothesis import given, settings
from hypothesis import strategies as st

from custom_modules.coco.annotations import read_annotations
from custom_modules.coco.split import holdout_split
from custom_modules.errors import InputError


def make_file(classes_of_images, number_of_classes=3):
    """An annotation file from each image's list of classes, with ids that differ from positions."""
    data = coco(images=len(classes_of_images), boxes=False)
    data["categories"] = data["categories"][:number_of_classes]
    for image in data["images"]:
        image["id"] += 100
    data["annotations"] = [
        {"id": 1000 + 50 * index + number, "image_id": 100 + index, "category_id": category, "bbox": [0, 0, 1, 1]}
        for index, categories in enumerate(classes_of_images)
        for number, category in enumerate(categories)
    ]
    return data


def class_counts(part):
    return np.bincount([row["category_id"] for row in part["annotations"]], minlength=len(part["categories"]))


FILES = st.lists(st.lists(st.integers(0, 2), max_size=4), min_size=2, max_size=30)
FRACTIONS = st.floats(0.01, 0.99)


@settings(deadline=None)
@given(FILES, FRACTIONS, st.integers(0, 5))
def test_parts_are_disjoint_covering_and_keep_every_class_in_train(classes_of_images, fraction, seed):
    # Two images without boxes can always be split.
    data = make_file([*classes_of_images, [], []])
    train, val = holdout_split(data, fraction, seed)
    assert train["images"]
    assert val["images"]
    for key in ("images", "annotations"):
        together = sorted([*train[key], *val[key]], key=lambda row: row["id"])
        assert together == data[key]
    for part in (train, val):
        ids = [image["id"] for image in part["images"]]
        assert ids == sorted(ids)
        assert {row["image_id"] for row in part["annotations"]} <= set(ids)
    assert ((class_counts(train) > 0) == (class_counts(data) > 0)).all()


@settings(deadline=None)
@given(FILES, FRACTIONS, st.integers(0, 5))
def test_the_same_seed_gives_the_same_split(classes_of_images, fraction, seed):
    data = make_file([*classes_of_images, [], []])
    assert holdout_split(data, fraction, seed) == holdout_split(data, fraction, seed)


def test_another_seed_gives_another_split():
    data = make_file([[index % 3] for index in range(40)])
    held_out = {tuple(image["id"] for image in holdout_split(data, 0.25, seed)[1]["images"]) for seed in range(5)}
    assert len(held_out) > 1


def test_shares_are_alike():
    rng = np.random.default_rng(0)
    data = make_file([rng.choice(3, size=rng.integers(0, 8), p=[0.8, 0.15, 0.05]).tolist() for _ in range(300)])
    _, val = holdout_split(data, 0.2, seed=0)
    assert len(val["images"]) == 0.2 * 300
    assert class_counts(val) / class_counts(data) == pytest.approx([0.2] * 3, abs=0.03)


def test_real_shares_are_alike():
    path = ROOT.parent / "shared" / "data" / "recycle-contest" / "train.json"
    if not path.is_file():
        pytest.skip("needs the shared data set recycle-contest")
    data = read_annotations(path)
    _, val = holdout_split(data, 0.2, seed=0)
    assert class_counts(val) / class_counts(data) == pytest.approx([0.2] * 10, abs=0.01)


def test_other_keys_are_kept_and_the_input_is_not_touched():
    data = {**make_file([[0], [0], [1], [1]]), "info": {"year": 2021}}
    before = repr(data)
    train, val = holdout_split(data, 0.5, seed=1)
    assert train["info"] == val["info"] == {"year": 2021}
    assert train["categories"] == data["categories"]
    assert repr(data) == before


def test_crowd_regions_keep_no_image_in_train():
    data = make_file([[0], [0], [1]])
    data["annotations"][2]["iscrowd"] = 1
    for seed in range(10):
        train, _ = holdout_split(data, 0.6, seed)
        assert class_counts(train)[0] >= 1
        assert len(train["images"]) == 1


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, float("nan")])
def test_a_fraction_out_of_range_is_refused(fraction):
    with pytest.raises(InputError, match="is not between 0 and 1"):
        holdout_split(make_file([[0], [0]]), fraction, seed=0)


def test_what_can_not_be_split_is_refused():
    with pytest.raises(InputError, match="one image can't be split"):
        holdout_split(make_file([[0]]), 0.5, seed=0)
    with pytest.raises(InputError, match="each holds the only boxes of some class"):
        holdout_split(make_file([[0], [1], [2]]), 0.5, seed=0)
