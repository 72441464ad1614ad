import os
import subprocess
import sys
import warnings

import numpy as np
import pytest
from helpers import ROOT, coco
from hypothesis import given, settings
from hypothesis import strategies as st

from sortline.data.annotations import read_annotations
from sortline.data.describe.statistics import box_table
from sortline.data.folding.balance import balance
from sortline.data.folding.folds import (
    box_sizes,
    boxes_by_class,
    group_numbers,
    hold_out,
    holdout_split,
    image_features,
    make_folds,
)
from sortline.errors import InputError


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


def long_tailed(images, seed, classes=8):
    """An annotation file whose classes fall in frequency and whose boxes vary in number and size."""
    rng = np.random.default_rng(seed)
    frequency = 1 / np.arange(1, classes + 1) ** 1.5
    data = make_file([], classes)
    data["images"] = coco(images=images)["images"]
    number = 0
    for image in range(images):
        for label in rng.choice(classes, rng.geometric(0.25) - 1, p=frequency / frequency.sum()):
            width, height = np.minimum(rng.lognormal(3.5, 1, 2), 400).tolist()
            box = {"id": number, "image_id": image, "category_id": int(label), "bbox": [0, 0, width, height]}
            data["annotations"].append(box)
            number += 1
    return data


def class_counts(part):
    return np.bincount([row["category_id"] for row in part["annotations"]], minlength=len(part["categories"]))


def deviations(data, of_image, folds=5):
    """The largest relative deviation of each class, of each size class, and of the boxes an image."""
    report = balance(data, of_image, [""] * folds, [1 / folds] * folds, np.arange(len(of_image)))
    overall = {row.name: row.deviation for row in report.overall}
    classes = np.array([row.deviation or 0 for row in report.classes])
    return classes, np.array([overall[f"{size} boxes"] for size in ("small", "medium", "large")]), overall


def stratified_group_folds(data, groups, folds, seed):
    """The reference: boxes as samples, images without any as samples of a class of their own."""
    model_selection = pytest.importorskip("sklearn.model_selection", reason="scikit-learn is the reference")
    table = box_table(data)
    empty = np.setdiff1d(np.arange(len(table.file_names)), table.rows)
    rows, labels = np.append(table.rows, empty), np.append(table.labels, np.full(len(empty), len(table.classes)))
    splitter = model_selection.StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    of_image = np.zeros(len(table.file_names), dtype=int)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        for fold, (_, val) in enumerate(splitter.split(labels, labels, groups[rows])):
            of_image[rows[val]] = fold
    return of_image


def neighbours(images, share, seed=0):
    """Groups of neighbouring images; ``share`` of them begin a new group."""
    return np.cumsum(np.random.default_rng(seed).random(images) < share)


FILES = st.lists(st.lists(st.integers(0, 2), max_size=4), min_size=2, max_size=30)
FRACTIONS = st.floats(0.01, 0.99)
SEEDS = st.integers(0, 5)


@st.composite
def grouped_files(draw):
    """An annotation file of two groups or more, and the group of each image."""
    classes_of_images = draw(FILES)
    size = len(classes_of_images)
    groups = draw(st.lists(st.integers(0, 9), min_size=size, max_size=size).filter(lambda drawn: len(set(drawn)) > 1))
    return make_file(classes_of_images), groups


@settings(deadline=None, max_examples=25)
@given(grouped_files(), st.integers(2, 4), SEEDS)
def test_folds_cover_all_images_and_split_no_group(file, folds, seed):
    data, groups = file
    folds = min(folds, len(set(groups)))
    of_image = make_folds(data, folds, seed, groups)
    assert of_image.shape == (len(data["images"]),)
    assert set(of_image.tolist()) == set(range(folds))
    for group in set(groups):
        assert len({fold for fold, other in zip(of_image.tolist(), groups, strict=True) if other == group}) == 1


@settings(deadline=None, max_examples=25)
@given(FILES, st.integers(2, 4), SEEDS)
def test_images_without_groups_are_shared_out_evenly(classes_of_images, folds, seed):
    folds = min(folds, len(classes_of_images))
    sizes = np.bincount(make_folds(make_file(classes_of_images), folds, seed))
    assert sizes.max() - sizes.min() <= 1


@settings(deadline=None, max_examples=15)
@given(grouped_files(), SEEDS)
def test_the_same_seed_gives_the_same_folds_whatever_the_groups_are_called(file, seed):
    data, groups = file
    first = make_folds(data, 2, seed, groups)
    assert (first == make_folds(data, 2, seed, groups)).all()
    assert (first == make_folds(data, 2, seed, [f"scene {group}" for group in groups])).all()


def test_folds_do_not_depend_on_the_hash_seed():
    program = (
        "import sys; sys.path[:0] = ['tests/support', 'tests/sortline/data/folding', '.']\n"
        "from test_folds import long_tailed, neighbours\n"
        "from sortline.data.folding.folds import make_folds\n"
        "groups = [f'scene {group}' for group in neighbours(120, 0.5)]\n"
        "print(make_folds(long_tailed(120, 0), 4, 0, groups).tolist())"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


def test_another_seed_gives_other_folds():
    data = long_tailed(60, 0)
    groups = neighbours(60, 0.3)
    assert len({tuple(make_folds(data, 3, seed)) for seed in range(5)}) > 1
    assert len({tuple(make_folds(data, 3, seed, groups)) for seed in range(5)}) > 1


def test_classes_are_shared_out_as_evenly_as_whole_boxes_can_be():
    # 7 boxes of class 0 and 5 of class 1 on images of one box: 3 + 2 + 2 and 2 + 2 + 1.
    of_image = make_folds(make_file([[0]] * 7 + [[1]] * 5), 3)
    by_fold = np.stack([np.bincount(of_image[part], minlength=3) for part in (slice(7), slice(7, 12))])
    assert np.sort(by_fold).tolist() == [[2, 2, 3], [1, 2, 2]]


def test_crowd_regions_do_not_count():
    data = make_file([[0]] * 4 + [[1]] * 4)
    for row in data["annotations"][4:]:
        row["iscrowd"] = 1
    data["annotations"] += [{**row, "id": row["id"] + 1, "iscrowd": 1} for row in data["annotations"][:2]]
    assert np.bincount(make_folds(data, 2)[:4]).tolist() == [2, 2]


@pytest.mark.parametrize("share", [1, 0.4], ids=["images", "groups"])
@pytest.mark.parametrize("file", [0, 1, 2])
def test_as_balanced_as_stratified_group_k_fold_on_made_up_data(file, share):
    data = long_tailed(400, file)
    groups = neighbours(400, share)
    ours = deviations(data, make_folds(data, 5, 0, groups))
    theirs = deviations(data, stratified_group_folds(data, groups, 5, 0))
    assert ours[0].max() <= theirs[0].max()
    assert ours[0].mean() <= theirs[0].mean()
    assert ours[1].max() < theirs[1].max()
    assert ours[2]["boxes an image"] <= theirs[2]["boxes an image"]


@pytest.mark.parametrize("share", [1, 0.2], ids=["images", "groups"])
def test_as_balanced_as_stratified_group_k_fold_on_every_class_of_the_contest(share):
    path = ROOT.parent / "shared" / "data" / "recycle-contest" / "train.json"
    if not path.is_file():
        pytest.skip("needs the shared data set recycle-contest")
    data = read_annotations(path)
    groups = neighbours(len(data["images"]), share)
    ours = deviations(data, make_folds(data, 5, 0, groups))
    theirs = deviations(data, stratified_group_folds(data, groups, 5, 0))
    assert (ours[0] <= theirs[0] + 1e-12).all()
    assert (ours[1] < theirs[1]).all()
    assert ours[2]["boxes an image"] < theirs[2]["boxes an image"]


@pytest.mark.parametrize(
    ("folds", "groups", "message"),
    [
        (1, None, "1 is too few"),
        (-3, None, "-3 is too few"),
        (5, None, "5 folds need at least as many images: there are 4"),
        (3, ["a", "a", "b", "b"], "3 folds need at least as many groups of images: there are 2"),
        (2, ["a"] * 4, "there is 1"),
    ],
)
def test_what_can_not_be_folded_is_refused(folds, groups, message):
    with pytest.raises(InputError, match=message):
        make_folds(make_file([[0]] * 4), folds, groups=groups)


def test_groups_are_numbered_as_they_appear():
    assert group_numbers(make_file([[]] * 4), ["b", "a", "b", 3]).tolist() == [0, 1, 0, 2]
    assert group_numbers(make_file([[]] * 3), None).tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="2 group labels for 3 images"):
        group_numbers(make_file([[]] * 3), ["a", "b"])


@settings(deadline=None, max_examples=25)
@given(FILES, FRACTIONS, SEEDS)
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


@settings(deadline=None, max_examples=25)
@given(grouped_files(), FRACTIONS, SEEDS)
def test_the_held_out_share_is_right_within_one_group(file, fraction, seed):
    data, groups = file
    data = {**data, "annotations": []}
    held_out = hold_out(data, fraction, seed, groups)
    wanted = min(max(round(fraction * len(groups)), 1), len(groups) - 1)
    assert abs(held_out.sum() - wanted) < max(np.bincount(groups))
    assert not {groups[row] for row in np.flatnonzero(held_out)} & {groups[row] for row in np.flatnonzero(~held_out)}


@settings(deadline=None, max_examples=25)
@given(FILES, FRACTIONS, SEEDS)
def test_fewer_are_held_out_only_where_each_image_left_holds_the_last_boxes_of_a_class(classes, fraction, seed):
    classes = [*classes, [], []]
    held_out = hold_out(make_file(classes), fraction, seed)
    wanted = min(max(round(fraction * len(classes)), 1), len(classes) - 1)
    assert held_out.sum() <= wanted
    if held_out.sum() < wanted:
        left = [set(own) for own, held in zip(classes, held_out, strict=True) if not held]
        for index, own in enumerate(left):
            assert own - set().union(*left[:index], *left[index + 1 :])


@settings(deadline=None, max_examples=15)
@given(FILES, FRACTIONS, SEEDS)
def test_the_same_seed_gives_the_same_holdout_split(classes_of_images, fraction, seed):
    data = make_file([*classes_of_images, [], []])
    assert holdout_split(data, fraction, seed) == holdout_split(data, fraction, seed)


def test_another_seed_gives_another_holdout_split():
    data = make_file([[index % 3] for index in range(40)])
    assert len({tuple(hold_out(data, 0.25, seed)) for seed in range(5)}) > 1


def test_held_out_shares_are_alike():
    data = long_tailed(300, 0, classes=3)
    _, val = holdout_split(data, 0.2, seed=0)
    assert len(val["images"]) == 0.2 * 300
    assert class_counts(val) / class_counts(data) == pytest.approx([0.2] * 3, abs=0.01)


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


@pytest.mark.parametrize(
    ("classes", "groups", "message"),
    [
        ([[0]], None, "one image can't be split"),
        ([[0], [0]], [1, 1], "one group of images can't be split"),
        ([[0], [1], [2]], None, "no image can be held out: each holds the only boxes of some class"),
        ([[0], [0], [1]], [1, 1, 2], "no group of images can be held out: each holds"),
    ],
)
def test_what_can_not_be_held_out_is_refused(classes, groups, message):
    with pytest.raises(InputError, match=message):
        holdout_split(make_file(classes), 0.5, seed=0, groups=groups)


def table_of(*boxes, images=2, classes=2):
    """Boxes given as image, class, width and height."""
    data = coco(images=images, boxes=False)
    data["categories"] = data["categories"][:classes]
    data["annotations"] = [
        {"id": number, "image_id": image, "category_id": label, "bbox": [0, 0, width, height]}
        for number, (image, label, width, height) in enumerate(boxes)
    ]
    return box_table(data)


def test_sizes_are_those_of_coco():
    table = table_of((0, 0, 31.9, 32), (0, 0, 32, 32), (0, 0, 96, 95.9), (0, 0, 96, 96))
    assert box_sizes(table).tolist() == [0, 1, 1, 2]


def test_boxes_are_counted_by_image_and_class():
    table = table_of((0, 1, 5, 5), (0, 1, 5, 5), (1, 0, 5, 5), images=3)
    assert boxes_by_class(table).toarray().tolist() == [[0, 2], [1, 0], [0, 0]]


def test_what_is_counted_of_each_image():
    # Image 0: two small boxes of class 1 and a large one of class 0; image 1: none.
    features = image_features(table_of((0, 1, 5, 5), (0, 1, 5, 5), (0, 0, 100, 100)))
    expected = [
        [1, 2, 1, 3, 2, 0, 1, 0, 0, 1, 2, 0, 0, 1, 1, 0, 0, 1],
        [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0],
    ]
    assert features.values.toarray().tolist() == expected
    assert np.flatnonzero(features.strict).tolist() == [0, 1]
    assert (features.importance[:3] == 1).all()
    assert (features.importance[3:] < 1).all()


def test_a_file_without_boxes_counts_images():
    features = image_features(table_of())
    assert features.values.sum(axis=0).max() == 2
