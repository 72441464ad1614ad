"""What stands out, in words."""

from __future__ import annotations

import numpy as np
import pytest

from sortline.data.describe.dataset_page import SECTIONS
from sortline.data.describe.observations import Observation, find_all
from sortline.data.describe.split_differences import Difference

BOX = (30.0, 30.0, 40.0, 40.0)


def titles(found: list[Observation]) -> str:
    return "\n".join(finding.title for finding in found)


def test_the_rarest_class_with_its_factor(make_table) -> None:
    rows = [(0, 0, BOX)] * 24 + [(1, 1, BOX)] * 2
    found = find_all(make_table(*rows), [])
    assert f"class 1 is the rarest class: 2 boxes, class 0 has {24 // 2} times as many (24)." in titles(found)
    assert "class 2: listed, but without a box." in titles(found)
    assert "In fewer than 20 images: class 0 (1), class 1 (1)." in titles(found)


def test_balanced_classes_are_no_warning(make_table) -> None:
    found = find_all(make_table(*[(0, 0, BOX)] * 3, *[(1, 1, BOX)] * 2, classes=2), [])
    (finding,) = (finding for finding in found if "rarest" in finding.title)
    assert "1.5 times as many" in finding.title
    assert not finding.is_warning


def test_small_boxes_at_the_size_of_the_file_and_of_the_input(make_table) -> None:
    rows = [(0, 0, (0.0, 0.0, 40.0, 40.0))] * 30 + [(0, 1, (0.0, 0.0, 20.0, 20.0))] * 20
    (plain,) = (item for item in find_all(make_table(*rows), []) if "small" in item.title)
    assert plain.title == "40.0% of boxes are small (under 32 x 32 px), most of all class 1 (100%)."
    # At 640 of 1280 px, 40 x 40 becomes 20 x 20.
    (resized,) = (item for item in find_all(make_table(*rows, side=1280), []) if "small" in item.title)
    assert resized.title.endswith("; resized to 640 px, 100.0%.")
    assert resized.is_warning


def test_classes_that_always_come_together(make_table) -> None:
    rows = [(row, 0, BOX) for row in range(12)] + [(row, 1, BOX) for row in range(30)]
    found = titles(find_all(make_table(*rows, images=60), []))
    assert "Classes that come together: class 0 with class 1 (100% of 12 images)." in found


def test_a_class_in_nearly_every_image_says_nothing(make_table) -> None:
    rows = [(row, 0, BOX) for row in range(12)] + [(row, 1, BOX) for row in range(30)]
    assert "come together" not in titles(find_all(make_table(*rows, images=31), []))


@pytest.mark.parametrize(("bbox", "is_found"), [((30, 30, 40, 40), True), ((0, 0, 20, 20), False)])
def test_centres_in_the_middle(make_table, bbox: tuple[float, ...], is_found: bool) -> None:
    assert ("100% of box centres lie in the middle" in titles(find_all(make_table((0, 0, bbox)), []))) is is_found


def test_elongated_boxes_both_ways(make_table) -> None:
    found = titles(find_all(make_table((0, 0, (0, 0, 80, 20)), (0, 0, (0, 0, 20, 80)), (0, 0, BOX), (0, 0, BOX)), []))
    assert "50% of boxes are 4 times as long as wide, or more." in found


def test_images_without_boxes_and_of_odd_size(make_table) -> None:
    table = make_table((0, 0, BOX))
    table.sizes_wh[2] = (1000, 900)
    found = titles(find_all(table, []))
    assert "2 of 3 images have no box." in found
    assert "1 image of odd size or shape: 2.jpg." in found


def test_a_file_without_boxes_says_so(make_table) -> None:
    assert titles(find_all(make_table(), [])) == "The file has no boxes."


def test_real_differences_come_first_by_their_gap(make_table) -> None:
    differences = [Difference(name, 0, 0, gap, p) for name, gap, p in (("a", 0.2, 0), ("b", 0.6, 0), ("c", 0.9, 1))]
    found = find_all(make_table(), differences)
    assert "Train and test differ beyond chance: b, a." in titles(found)
    assert [item.is_warning for item in found] == sorted((item.is_warning for item in found), reverse=True)


def test_no_real_difference_says_what_was_compared(make_table) -> None:
    found = find_all(make_table(), [Difference("image width (px)", 1, 1, 0.0, 1.0)])
    assert [item.advice for item in found if item.section == "test"] == ["Compared: image width (px)."]


def test_photos_that_can_not_be_read_are_named(make_table) -> None:
    assert "2 photos can't be read: a.jpg, b.jpg." in titles(find_all(make_table(), [], ["a.jpg", "b.jpg"]))


def test_every_finding_points_to_a_section(make_table) -> None:
    rows = [(0, 0, (float(x), 30.0, 4.0, 20.0)) for x in np.arange(40)] + [(1, 1, BOX)]
    differences = [Difference("x", 0, 0, 0.6, 0.0)]
    found = find_all(make_table(*rows), differences, ["a.jpg"])
    assert len(found) >= 7
    assert {finding.section for finding in found} <= set(SECTIONS)
