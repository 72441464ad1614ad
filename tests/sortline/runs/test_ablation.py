import json

import pytest
from helpers import coco

from sortline.data.annotations import read_annotations
from sortline.errors import InputError
from sortline.predictions.box_scores import box_score
from sortline.runs.ablation import score_rows, table

IMAGES = 30


@pytest.fixture
def annotations(tmp_path):
    path = tmp_path / "ann.json"
    path.write_text(json.dumps(coco(images=IMAGES)))
    return read_annotations(path)


@pytest.fixture
def predict(tmp_path, annotations):
    """Write predictions that find the boxes of some images and no others."""

    def write(name, found):
        rows = [
            dict(image_id=box["image_id"], category_id=box["category_id"], bbox=box["bbox"], score=0.9)
            for box in annotations["annotations"]
            if box["image_id"] in found
        ]
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(rows))
        return path

    return write


def test_a_row_is_the_mean_of_its_seeds_and_its_gain_that_over_the_row_above(annotations, predict):
    # Each class has a box in every third image; all that is found is right, so AP is the share found.
    rows = [
        ("base", [predict("a", range(15)), predict("b", range(18))]),
        ("+ more", [predict("c", range(24)), predict("d", range(27))]),
    ]
    base, more = score_rows(annotations, rows, replicates=200)
    assert base.scores == pytest.approx((15 / 30, 18 / 30))
    assert base.gain is None
    assert more.gain.value == pytest.approx((24 + 27 - 15 - 18) / 60)
    assert more.gain.interval.low < more.gain.value < more.gain.interval.high
    assert base.interval.low < base.mean < base.interval.high


def test_equal_rows_differ_by_nothing_more_than_their_seeds(annotations, predict):
    same = [predict("a", range(20))]
    _, second = score_rows(annotations, [("a", same), ("b", same)], replicates=200)
    assert (second.gain.value, second.gain.interval.low, second.gain.interval.high) == (0, 0, 0)


def test_another_score_decides_and_is_named(annotations, predict):
    (row,) = score_rows(annotations, [("a", [predict("a", range(15))])], box_score("coco/bbox_mAP"), replicates=100)
    assert row.scores == pytest.approx([51 / 101])  # right up to recall 0.5: 51 of 101 points
    assert "coco/bbox_mAP of each seed" in table([row], box_score("coco/bbox_mAP")).markdown()


def test_the_table_as_markdown(annotations, predict):
    rows = score_rows(annotations, [("base", [predict("a", range(30))])], replicates=100)
    lines = table(rows).markdown().splitlines()
    assert lines[2] == "| base | 1.000 | 1.000 | 1.000 to 1.000 |  |  |"
    assert {line.count("|") for line in lines} == {7}


def test_nothing_to_find_is_refused(annotations, predict):
    path = predict("a", [])
    annotations["annotations"] = []
    with pytest.raises(InputError, match="no boxes to be found"):
        score_rows(annotations, [("a", [path])])
