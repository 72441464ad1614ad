"""Train beside test."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from sortline.data.describe.split_differences import (
    Difference,
    as_json,
    category_differences,
    compare_counts,
    compare_scans,
    compare_tables,
    compare_values,
    photo_features,
)

BOX = (10.0, 20.0, 30.0, 15.0)


def test_the_gap_is_the_largest_between_the_cumulative_shares() -> None:
    found = compare_values("x", np.array([1.0, 2, 3, 4]), np.array([3.0, 4, 5, 6]))
    # Up to 2, 2 of 4 train values lie below and none of test.
    assert found.gap == 2 / 4 - 0 / 4
    assert (found.train, found.test) == (2.5, 4.5)


def test_the_same_values_are_within_chance() -> None:
    values = np.arange(50.0)
    assert compare_values("x", values, values).verdict(1) == "within chance"


@pytest.mark.parametrize("count", [200, 2000])
def test_a_shifted_sample_differs_and_another_draw_does_not(count: int) -> None:
    rng = np.random.default_rng(0)
    train, again = rng.normal(size=count), rng.normal(size=count)
    assert compare_values("x", train, again).verdict(5) == "within chance"
    assert compare_values("x", train, again + 1).verdict(5) == "differs"


@pytest.mark.parametrize(
    ("gap", "p_value", "features", "verdict"),
    [
        (0.5, 0.009, 1, "differs"),
        (0.5, 0.011, 1, "within chance"),
        (0.5, 0.009, 2, "within chance"),
        (0.09, 1e-9, 2, "differs a little"),
        (0.1, 1e-9, 2, "differs"),
    ],
)
def test_a_verdict_weighs_chance_over_all_features_and_the_gap(
    gap: float, p_value: float, features: int, verdict: str
) -> None:
    assert Difference("x", 0, 0, gap, p_value).verdict(features) == verdict


def test_shares_of_images() -> None:
    found = compare_counts("images with Glass", (30, 100), (5, 100))
    assert (found.train, found.test, found.is_share) == (30 / 100, 5 / 100, True)
    assert found.gap == pytest.approx(0.25)
    assert found.verdict(10) == "differs"


def test_without_test_boxes_only_image_sizes_are_compared(make_table) -> None:
    found = compare_tables(make_table((0, 0, BOX)), make_table(images=2))
    assert [item.feature for item in found] == ["image width (px)", "image height (px)"]


def test_boxes_count_once_an_image(make_table) -> None:
    small, large = (0.0, 0.0, 10.0, 10.0), (0.0, 0.0, 40.0, 40.0)
    train = make_table((0, 0, small), (0, 0, small), (0, 0, large), (1, 1, large))
    by_name = {item.feature: item for item in compare_tables(train, train)}
    # The medians of the two images with boxes are 10 and 40.
    assert by_name["box size (px)"].train == (10 + 40) / 2
    assert by_name["boxes an image"].train == 1
    assert by_name["images with class 0"].train == 1 / 3
    assert by_name["images with class 2"].gap == 0


def test_classes_are_compared_by_name(make_table) -> None:
    train = make_table((0, 0, BOX), (1, 1, BOX), (2, 1, BOX))
    test = dataclasses.replace(train, classes=["class 1", "class 0", "other"])
    shares = {item.feature: (item.train, item.test) for item in compare_tables(train, test) if item.is_share}
    assert shares == {"images with class 0": (1 / 3, 2 / 3), "images with class 1": (2 / 3, 1 / 3)}
    assert category_differences(train, test) == ["Only train lists class 2.", "Only test lists other."]


def test_another_order_of_classes_is_said(make_table) -> None:
    train = make_table()
    assert category_differences(train, train) == []
    turned = dataclasses.replace(train, classes=train.classes[::-1])
    assert category_differences(train, turned) == ["Train and test list the same classes in another order."]


def test_measures_are_those_of_readable_photos(make_scan) -> None:
    scan = make_scan(
        problems={1: "absent"}, brightness=[10, 0, 30], sharpness=[1000, 0, 0], rgb=[[90, 0, 50], [0, 0, 0], [1, 2, 3]]
    )
    found = photo_features(scan)
    assert found["brightness"].tolist() == [10, 30]
    assert found["sharpness (log10)"].tolist() == pytest.approx([3, -1])
    assert found["colour cast (red - blue)"].tolist() == [90 - 50, 1 - 3]


def test_photos_are_compared_where_both_sides_have_some(make_scan) -> None:
    assert len(compare_scans(make_scan(), make_scan())) == 4
    assert compare_scans(make_scan(), make_scan(images=1, problems={0: "absent"})) == []


def test_verdicts_are_given_in_json() -> None:
    found = as_json([Difference("x", 1, 2, 0.5, 1e-9)])
    assert found == [
        {"feature": "x", "train": 1, "test": 2, "gap": 0.5, "p_value": 1e-9, "is_share": False, "verdict": "differs"}
    ]
