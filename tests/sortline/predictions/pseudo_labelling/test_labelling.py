from __future__ import annotations

import json

import pytest
from detection_cases import make_results
from helpers import CLASSES, coco

from sortline.errors import InputError
from sortline.predictions.class_thresholds import wilson_lower
from sortline.predictions.matching import Matches
from sortline.predictions.pseudo_labelling.labelling import LabellingSettings, OutOfFold, make_pseudo_labels
from sortline.predictions.results import Results

IMAGES = coco("test", images=4, boxes=False)
BOX, ELSEWHERE = [4.0, 5.0, 30.0, 20.0], [40.0, 5.0, 20.0, 20.0]


def out_of_fold(images: int = 300, wrong_below: float = 0.5) -> OutOfFold:
    """Every train image's box found, with scores from 0 to 1; those below ``wrong_below`` are beside it."""
    train = coco(images=images)
    scores = [(row + 1) / images for row in range(images)]
    rows = [
        (box["image_id"], box["category_id"], box["bbox"] if score >= wrong_below else ELSEWHERE, score)
        for box, score in zip(train["annotations"], scores, strict=True)
    ]
    return OutOfFold(Matches.of(train, make_results(*rows)), "train.json")


def found(*scores: float) -> Results:
    return make_results(*((row, 0, BOX, score) for row, score in enumerate(scores)))


def test_fixed_thresholds_hold_for_all_classes_but_those_named():
    members = [make_results((0, 0, BOX, 0.55), (1, 1, BOX, 0.55), (2, 1, BOX, 0.75))]
    made = make_pseudo_labels(members, IMAGES, LabellingSettings(0.5, {"Paper": 0.7}))
    assert made.labels == 2
    assert made.thresholds["Paper"].score_thr == 0.7
    assert made.thresholds["Metal"].score_thr == 0.5
    assert made.thresholds["Metal"].boxes is None
    assert (made.images, made.kept_images, made.labelled_images) == (4, 2, 2)


def test_thresholds_come_from_the_precision_out_of_fold():
    made = make_pseudo_labels([found(0.9, 0.6, 0.3)], IMAGES, LabellingSettings(precision=0.9), out_of_fold())
    threshold = made.thresholds["General trash"]
    # Of the class's 100 boxes the 50 from 0.5 on are right: with one wrong box below, but not with two, that is enough.
    assert (threshold.right, threshold.boxes) == (50, 51)
    assert wilson_lower(50, 52) < 0.9 <= wilson_lower(50, 51)
    assert (145 + 1) / 300 < threshold.score_thr <= (147 + 1) / 300
    assert made.labels == 2
    assert made.thresholds["Battery"].score_thr is None


def test_weights_are_the_chance_of_being_right_out_of_fold():
    settings = LabellingSettings(0.3, soft_weights=True)
    by_curve = make_pseudo_labels([found(0.9, 0.35)], IMAGES, settings, out_of_fold())
    weights = [box["weight"] for box in by_curve.content["annotations"]]
    assert weights[0] == pytest.approx(1, abs=1e-3)
    assert weights[1] == pytest.approx(0.01, abs=1e-3)
    by_score = make_pseudo_labels([found(0.9, 0.35)], IMAGES, settings)
    assert [box["weight"] for box in by_score.content["annotations"]] == [0.9, 0.35]


def test_many_more_boxes_than_out_of_fold_are_remarked_on():
    many = coco("test", images=100, boxes=False)
    as_often = make_results(*((row, row % 3, BOX, 0.9 if row % 2 else 0.1) for row in range(100)))
    more_often = make_results(*((row, label, BOX, 0.9) for row in range(100) for label in range(2)))
    settings = LabellingSettings(0.5)
    assert make_pseudo_labels([as_often], many, settings, out_of_fold()).warnings == ()
    (warning,) = make_pseudo_labels([more_often], many, settings, out_of_fold()).warnings
    # 2 boxes on each of 100 images, and 151 of 300 out of fold
    assert "2.00 boxes an image reach their thresholds, out of fold 0.50" in warning


def test_images_with_true_labels_are_remarked_on():
    train = coco()
    made = make_pseudo_labels([found(0.9)], train, LabellingSettings(0.5), train=train, where="ann.json")
    assert "ann.json has 6 boxes of its own" in made.warnings[0]
    assert "6 of its images have the file_name of a train image: train/0000.jpg" in made.warnings[1]
    assert {image["id"] for image in made.content["images"]} == {6}


def test_the_report_is_json():
    made = make_pseudo_labels([found(0.9)], IMAGES, LabellingSettings(precision=0.9, soft_weights=True), out_of_fold())
    report = json.loads(json.dumps(made.to_json(), allow_nan=False))
    assert report["labels"] == 1
    assert list(report["classes"]) == list(CLASSES)
    assert report["classes"]["Battery"]["oof_precision"] is None
    assert report["classes"]["General trash"]["labels"] == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "nothing says which boxes become labels"),
        ({"precision": 1.0}, "--precision: is 1"),
        ({"precision": float("nan")}, "--precision: is nan"),
        ({"score_thr": 0.0}, "--score-thr: is 0"),
        ({"score_thr": 0.5, "precision": 0.9}, "exclude each other"),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        LabellingSettings(**settings)


def test_where_the_last_boxes_went_is_said():
    sliver = make_results((0, 0, [4, 5, 0.5, 20], 0.9), (1, 0, BOX, 0.4))
    message = r"2 are predicted \(up to a score of 0.9\), 1 of them a pixel wide and high, 0 reach .*, 0 are agreed on"
    with pytest.raises(InputError, match=message):
        make_pseudo_labels([sliver], IMAGES, LabellingSettings(0.5))
    with pytest.raises(InputError, match=r"0 are predicted \(none at all\)"):
        make_pseudo_labels([Results.empty()], IMAGES, LabellingSettings(0.5))
    closest = r"no class reaches a precision of 0.99 .* the closest is Paper pack, with 0.950 ensured"
    assert wilson_lower(51, 51) == pytest.approx(0.9496, abs=1e-4)
    with pytest.raises(InputError, match=closest):
        make_pseudo_labels([found(0.9)], IMAGES, LabellingSettings(precision=0.99), out_of_fold())


def test_what_does_not_fit_the_files_is_refused_together():
    other = coco()
    other["categories"] = other["categories"][:9]
    settings = LabellingSettings(class_score_thr={"Papre": 0.5}, precision=0.9)
    with pytest.raises(InputError) as refusal:
        make_pseudo_labels([found(0.9)], IMAGES, settings, OutOfFold(Matches.of(other, Results.empty()), "train.json"))
    assert "--score-thr: names the class 'Papre'" in str(refusal.value)
    assert "did you mean 'Paper'" in str(refusal.value)
    assert "train.json: lacks the categories Clothing" in str(refusal.value)
    with pytest.raises(InputError, match="needs out-of-fold predictions"):
        make_pseudo_labels([found(0.9)], IMAGES, LabellingSettings(precision=0.9))


def test_scores_that_say_nothing_make_no_weights():
    oof = out_of_fold(wrong_below=2.0)
    with pytest.raises(InputError, match="say nothing about which boxes are right"):
        make_pseudo_labels([found(0.9)], IMAGES, LabellingSettings(0.5, soft_weights=True), oof)
