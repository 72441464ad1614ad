from __future__ import annotations

import io

from detection_cases import make_results
from helpers import coco
from rich.console import Console

from sortline.predictions.class_thresholds import wilson_lower
from sortline.predictions.matching import Matches
from sortline.predictions.pseudo_labelling.labelling import LabellingSettings, OutOfFold, make_pseudo_labels
from sortline.predictions.pseudo_labelling.labelling_tables import notes, print_labelling

IMAGES = coco("test", images=4, boxes=False)
BOX, ELSEWHERE = [4.0, 5.0, 30.0, 20.0], [40.0, 5.0, 20.0, 20.0]
FOUND = make_results((0, 0, BOX, 0.9), (0, 1, ELSEWHERE, 0.8), (1, 1, BOX, 0.3), (2, 2, BOX, 0.7))


def out_of_fold(right: int) -> OutOfFold:
    """General trash found on its first images, and once beside."""
    train = coco(images=3 * (right + 1))
    rows = [(box["image_id"], 0, box["bbox"], 0.8) for box in train["annotations"] if box["category_id"] == 0]
    return OutOfFold(Matches.of(train, make_results(*rows[:right], (1, 0, BOX, 0.5))), "train.json")


def printed(made) -> list[str]:
    console = Console(file=io.StringIO(), width=200)
    print_labelling(made, console)
    return [" ".join(line.split()) for line in console.file.getvalue().splitlines() if line.strip()]


def test_the_table_has_a_row_a_class_and_the_sum():
    made = make_pseudo_labels([FOUND], IMAGES, LabellingSettings(0.5))
    lines = printed(made)
    assert lines[0] == "class from score predicted above score labels images"
    assert "Paper 0.5 2 1 1 1" in lines
    # The labels of two classes are on one image.
    assert lines[-1] == "all 4 3 3 2"


def test_estimates_and_steps_are_shown_where_there_are_any():
    settings = LabellingSettings(0.5, selection={"min_agree": 2, "ignore_thr": 0.2})
    # The second file has nothing but the first box: the other one on its image is left open.
    made = make_pseudo_labels([FOUND, FOUND.take(FOUND.scores == 0.9)], IMAGES, settings, out_of_fold(30))
    lines = printed(made)
    # The longest header is broken.
    assert lines[:2] == [
        "right out of",
        "class from score fold at least predicted above score agreed on labels images left open",
    ]
    assert f"General trash 0.5 30/31 = {30 / 31:.3f} {wilson_lower(30, 31):.3f} 1 1 1 1 1 0" in lines
    assert "Paper 0.5 - - 2 1 0 0 0 1" in lines


def test_classes_without_labels_are_named_with_the_reason():
    few = make_pseudo_labels([FOUND], IMAGES, LabellingSettings(None, {"Paper": 0.2}, 0.9), out_of_fold(20))
    lines = notes(few, LabellingSettings(None, {"Paper": 0.2}, 0.9))
    assert lines[0] == (
        "General trash: no labels, its best cut out of fold has 20 of 20 right, which ensures a precision of 0.881, "
        "not 0.9; with so few boxes it can't: 25 right ones of 25 are needed"
    )
    assert lines[1] == "Paper pack: no labels, it has no boxes out of fold"
    assert lines[-1] == "2 of 4 images kept"


def test_nine_right_boxes_are_said_to_be_too_few_for_any_precision():
    settings = LabellingSettings(None, {"Paper": 0.2}, 0.7)
    made = make_pseudo_labels([FOUND], IMAGES, settings, out_of_fold(9))
    assert notes(made, settings)[0].endswith("has 9 of 9 right: at least 10 boxes are needed")


def test_what_training_needs_is_said():
    selection = {"keep_empty": True, "ignore_thr": 0.2}
    settings = LabellingSettings(0.5, soft_weights=True, selection=selection)
    lines = notes(make_pseudo_labels([FOUND], IMAGES, settings), settings)
    assert lines[0] == "4 of 4 images kept, 2 without a label: training takes them for background"
    assert "SampleBoxesByWeight" in lines[1]
    assert lines[2].startswith("1 region left open; they need CoverIgnoredBoxes")
