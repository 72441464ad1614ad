from __future__ import annotations

import json

import numpy as np
import pytest
from detection_cases import make_results
from helpers import CLASSES, coco
from hypothesis import given
from hypothesis import strategies as st

from sortline.data.annotations import read_annotations
from sortline.errors import InputError
from sortline.predictions.ensembling.curves import IsotonicCurve, MemberCurves
from sortline.predictions.pseudo_labelling.labels import (
    FIRST_ID,
    IdStarts,
    free_ids,
    target_categories,
    to_annotations,
    weigh_by,
    weigh_by_score,
)
from sortline.predictions.pseudo_labelling.selection import SelectionSettings, select_boxes

IMAGES = coco("test", images=4, boxes=False)
LEFT, RIGHT = [2.0, 2.0, 20.0, 20.0], [30.0, 2.0, 20.0, 20.0]
FOUND = make_results((2, 1, LEFT, 0.8), (0, 0, RIGHT, 0.6), (0, 0, LEFT, 0.9), (0, 2, [4, 24, 20, 20], 0.3))


def content(found=FOUND, images=IMAGES, categories=None, starts=None, weigh=None, **settings):
    settings = SelectionSettings(dict.fromkeys(CLASSES, 0.5), **settings)
    starts = starts or IdStarts(100, 1000)
    return to_annotations(
        select_boxes([found], images, settings), images, categories or images["categories"], starts, weigh
    )


def test_images_with_labels_are_written_in_order_with_marked_boxes():
    made = content()
    image = {"width": 64, "height": 48, "pseudo": True}
    assert made["images"] == [
        {"id": 100, "file_name": "test/0000.jpg", "source_id": 0, **image},
        {"id": 101, "file_name": "test/0002.jpg", "source_id": 2, **image},
    ]
    assert made["annotations"][0] == {
        "id": 1000,
        "image_id": 100,
        "category_id": 0,
        "bbox": LEFT,
        "area": 20.0 * 20.0,
        "iscrowd": 0,
        "score": 0.9,
        "pseudo": True,
    }
    assert [(box["id"], box["image_id"], box["score"]) for box in made["annotations"]] == [
        (1000, 100, 0.9),
        (1001, 100, 0.6),
        (1002, 101, 0.8),
    ]


def test_what_is_left_open_is_a_crowd_region():
    made = content(ignore_thr=0.2, weigh=weigh_by_score)
    assert [box["iscrowd"] for box in made["annotations"]] == [0, 0, 1, 0]
    assert "weight" not in made["annotations"][2]


def test_empty_images_are_kept_if_asked():
    assert len(content(keep_empty=True)["images"]) == 4


def test_categories_are_the_train_files_matched_by_name():
    train = coco()
    train["categories"] = [{"id": 7 * row, "name": name} for row, name in enumerate(CLASSES[::-1])]
    categories = target_categories(IMAGES, train, "test.json")
    made = content(categories=categories)
    assert made["categories"] == train["categories"]
    assert [box["category_id"] for box in made["annotations"]] == [7 * 9, 7 * 9, 7 * 8]


def test_other_categories_are_refused():
    train = coco()
    train["categories"][3]["name"] = "Steel"
    with pytest.raises(InputError, match=r"test\.json: has other categories than the train file: Metal, Steel"):
        target_categories(IMAGES, train, "test.json")
    assert target_categories(IMAGES, None, "test.json") == IMAGES["categories"]


def test_weights_are_the_scores_or_what_a_curve_makes_of_them():
    assert [box["weight"] for box in content(weigh=weigh_by_score)["annotations"]] == [0.9, 0.6, 0.8]
    sure, unsure = IsotonicCurve((0.0, 1.0), (0.5, 0.5)), IsotonicCurve((0.0, 1.0), (0.0, 0.0))
    weights = [box["weight"] for box in content(weigh=weigh_by(MemberCurves(sure, {"Paper": unsure})))["annotations"]]
    # The curve keeps a ten-thousandth of the score; nothing weighs less than a hundredth.
    assert weights == pytest.approx([0.5, 0.5, 0.01], abs=2e-4)


IDS = st.lists(st.integers(-(2**40), 2**40), min_size=1, max_size=8, unique=True)


@given(IDS, IDS, IDS)
def test_ids_never_meet_those_of_the_train_file(image_ids, box_ids, test_ids):
    train, images = coco(images=len(image_ids)), coco("test", images=len(test_ids), boxes=False)
    for row, number in enumerate(image_ids):
        train["images"][row]["id"] = number
    boxes = [{"id": number, "image_id": image_ids[0]} for number in box_ids]
    for row, number in enumerate(test_ids):
        images["images"][row]["id"] = number
    found = make_results(*((number, 0, LEFT, 0.9) for number in test_ids))
    made = content(found, images, starts=free_ids({**train, "annotations": boxes}))
    new = [image["id"] for image in made["images"]]
    assert len(set(new)) == len(test_ids)
    assert not set(new) & set(image_ids)
    assert not {box["id"] for box in made["annotations"]} & set(box_ids)
    assert min(new) >= 0


def test_without_a_train_file_ids_start_far_off():
    assert free_ids(None) == IdStarts(FIRST_ID, FIRST_ID)
    assert FIRST_ID + 10**6 < 2**31
    assert free_ids(coco(images=6)) == IdStarts(6, 6)
    assert free_ids(coco(images=6, boxes=False)) == IdStarts(6, 0)


def test_ids_without_room_above_them_are_refused():
    with pytest.raises(InputError, match="--renumber"):
        content(starts=IdStarts(2**63 - 1, 0))


def test_what_is_written_is_read_as_an_annotation_file(tmp_path):
    path = tmp_path / "pseudo.json"
    path.write_text(json.dumps(content(ignore_thr=0.2, weigh=weigh_by_score)))
    assert len(read_annotations(path)["annotations"]) == 4


def test_float32_boxes_come_back_bit_for_bit():
    bbox = np.array([1.1, 2.2, 20.3, 20.4], dtype=np.float32)
    made = content(make_results((0, 0, bbox, 0.9)))
    assert np.array(made["annotations"][0]["bbox"], dtype=np.float32).tolist() == bbox.tolist()
