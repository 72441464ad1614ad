import io

import numpy as np
import pytest
from helpers import coco
from rich.console import Console

from sortline.data.folding.balance import balance, balance_notes, balance_table


def report_on(classes_of_images, of_image, parts=2, shares=None, groups=None, side=10.0):
    data = coco(images=len(classes_of_images), boxes=False)
    data["categories"] = data["categories"][:3]
    data["annotations"] = [
        {"id": 10 * index + number, "image_id": index, "category_id": label, "bbox": [0, 0, side, side]}
        for index, labels in enumerate(classes_of_images)
        for number, label in enumerate(labels)
    ]
    names = [f"fold {part}" for part in range(parts)]
    groups = np.arange(len(of_image)) if groups is None else np.array(groups)
    return balance(data, np.array(of_image), names, shares or [1 / parts] * parts, groups)


def test_numbers_of_each_class_and_part():
    # Class 0: 3 and 1, mean 2; class 1: 1 and 1; class 2 is nowhere.
    report = report_on([[0, 0, 0], [1], [0, 1]], [0, 0, 1])
    assert [(row.total, row.by_part, row.deviation) for row in report.classes] == [
        (4, [3, 1], (3 - 2) / 2),
        (2, [1, 1], 0.0),
        (0, [0, 0], None),
    ]


def test_numbers_of_images_boxes_and_sizes():
    overall = {row.name: row for row in report_on([[0, 0, 0], [1], [0, 1]], [0, 0, 1]).overall}
    assert (overall["images"].by_part, overall["images"].deviation) == ([2, 1], pytest.approx(0.5 / 1.5))
    assert (overall["boxes"].by_part, overall["boxes"].deviation) == ([4, 2], pytest.approx(1 / 3))
    assert overall["boxes an image"].total == 6 / 3
    assert overall["boxes an image"].by_part == [4 / 2, 2 / 1]
    assert overall["boxes an image"].deviation == 0.0
    assert (overall["small boxes"].total, overall["medium boxes"].total, overall["large boxes"].total) == (6, 0, 0)


def test_a_holdout_part_is_compared_with_its_share():
    # 10 boxes, of which 0.2 are 2: one too few is half of the share.
    report = report_on([[0]] * 10, [1] + [0] * 9, shares=[0.8, 0.2])
    assert report.classes[0].by_part == [9, 1]
    assert report.classes[0].deviation == pytest.approx(abs(1 - 2) / 2)


def test_classes_in_fewer_groups_than_parts_are_named():
    # Class 0 is in three images, but in one group only.
    report = report_on([[0], [0], [0], [1], [1]], [0, 0, 0, 0, 1], groups=[0, 0, 0, 1, 2])
    assert report.rare_classes == ["General trash"]
    assert report.empty_classes == ["Paper pack"]
    notes = balance_notes(report)
    assert notes[0] == "classes without boxes: Paper pack"
    assert notes[1].endswith("to be in all 2 parts: General trash")


def test_a_file_without_boxes_is_said_to_have_none():
    report = report_on([[], []], [0, 1])
    assert [row.deviation for row in report.overall[2:]] == [None] * 4
    assert balance_notes(report) == ["the file has no boxes: only the number of images is balanced"]


def row_of(report, name):
    (row,) = (row for row in balance_table(report, "train.json").rows if row and row[0] == name)
    return row


def test_the_table_shows_every_part():
    report = report_on([[0, 0, 0], [1], [0, 1]], [0, 0, 1])
    assert row_of(report, "General trash") == ("General trash", "4", "3", "1", "50.00%")


def test_the_table_of_many_parts_shows_least_and_most():
    report = report_on([[0]] * 11 + [[0, 0]], list(range(12)), parts=12)
    # 13 boxes in 12 parts: 1 everywhere but in one, which has 2.
    off = (2 - 13 / 12) / (13 / 12)
    assert row_of(report, "General trash") == ("General trash", "13", "1", "2", f"{off:.2%}")
