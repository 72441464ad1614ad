import io
import json
from dataclasses import replace

import pytest
from helpers import coco
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from sortline.errors import InputError
from sortline.predictions.compare_submissions import (
    Changes,
    ImageChanges,
    SubmissionDifference,
    compare_results,
    print_comparison,
)
from sortline.predictions.results import Results

ANNOTATIONS = coco("test", images=3, boxes=False)
BOX = [10, 10, 20, 10]
ELSEWHERE = [40, 30, 20, 10]


def boxes(*rows):
    """Rows are image, class, box, score."""
    return Results.from_arrays(*(list(zip(*rows, strict=True)) or [[], [], [], []]))


def compare(new, old):
    return compare_results(boxes(*new), boxes(*old), ANNOTATIONS)


# On image 0 one box stays and one moves, on image 1 one gets another class, on image 2 one is lost and one added.
OLD = [(0, 1, BOX, 0.9), (0, 1, ELSEWHERE, 0.6), (1, 1, BOX, 0.5), (2, 2, BOX, 0.4)]
NEW = [(0, 1, BOX, 0.7), (0, 1, [44, 30, 20, 10], 0.6), (1, 3, BOX, 0.3), (2, 2, ELSEWHERE, 0.2)]


def test_every_kind_of_change_is_counted():
    comparison = compare(NEW, OLD)
    total = comparison.total
    assert (total.old_boxes, total.new_boxes) == (4, 4)
    assert (total.unchanged, total.moved, total.added, total.lost) == (1, 1, 1, 1)
    assert (total.relabelled_from, total.relabelled_to) == (1, 1)
    assert total.mean_iou == pytest.approx((20 - 4) / (20 + 4))
    assert (comparison.images, comparison.images_changed, comparison.images_rescored) == (3, 3, 0)
    assert (comparison.pairs, comparison.pairs_rescored) == (2, 1)
    assert comparison.mean_score_change == pytest.approx((abs(0.7 - 0.9) + abs(0.6 - 0.6)) / 2)


def test_classes_are_counted_apart():
    classes = {changes.name: changes for changes in compare(NEW, OLD).classes}
    assert list(classes) == [category["name"] for category in ANNOTATIONS["categories"]]
    paper, pack, metal = classes["Paper"], classes["Paper pack"], classes["Metal"]
    assert (paper.old_boxes, paper.new_boxes, paper.relabelled_from, paper.relabelled_to) == (3, 2, 1, 0)
    assert (metal.old_boxes, metal.new_boxes, metal.relabelled_from, metal.relabelled_to) == (0, 1, 0, 1)
    assert (pack.added, pack.lost, pack.moved, pack.mean_iou) == (1, 1, 0, None)
    precision, recall = (0.7 + 0.6) / (0.7 + 0.6), (0.9 + 0.6) / (0.9 + 0.6 + 0.5)
    assert paper.agreement == pytest.approx(2 * precision * recall / (precision + recall))
    assert pack.agreement == metal.agreement == 0
    assert classes["Glass"].agreement is None


def test_agreement_is_the_f1_of_paired_scores():
    precision = (0.7 + 0.6) / (0.7 + 0.6 + 0.3 + 0.2)
    recall = (0.9 + 0.6) / (0.9 + 0.6 + 0.5 + 0.4)
    assert compare(NEW, OLD).total.agreement == pytest.approx(2 * precision * recall / (precision + recall))


def test_images_are_listed_by_the_score_that_changed():
    images = compare(NEW, OLD).most_changed
    assert [image.file_name for image in images] == ["test/0001.jpg", "test/0002.jpg", "test/0000.jpg"]
    assert [image.changed_score for image in images] == pytest.approx([0.3 + 0.5, 0.2 + 0.4, 0])
    assert [(image.added, image.lost, image.moved, image.relabelled) for image in images] == [
        (0, 0, 0, 1),
        (1, 1, 0, 0),
        (0, 0, 1, 0),
    ]


def test_other_scores_alone_are_told_apart_from_other_boxes():
    comparison = compare([(0, 1, BOX, 0.5), (1, 1, BOX, 0.5)], [(0, 1, BOX, 0.4), (1, 1, BOX, 0.5 + 1e-7)])
    assert (comparison.images_changed, comparison.images_rescored, comparison.pairs_rescored) == (0, 1, 1)
    assert comparison.total.agreement == 1
    assert comparison.most_changed == ()


@pytest.mark.parametrize(
    ("new", "old", "agreement"),
    [
        ([], [], None),
        (OLD, [], 0),
        ([], OLD, 0),
        (OLD, OLD, 1),
        ([(0, 1, BOX, 0.0)], [(0, 1, BOX, 0.0)], None),
        ([(0, 1, BOX, 0.0)], [(0, 1, BOX, 0.5)], 0),
    ],
)
def test_agreement_at_its_ends(new, old, agreement):
    assert compare(new, old).total.agreement == agreement


def test_at_most_ten_images_are_listed():
    annotations = coco("test", images=12, boxes=False)
    new = boxes(*((image, 1, BOX, image / 12) for image in range(12)))
    listed = compare_results(new, Results.empty(), annotations).most_changed
    assert [image.file_name for image in listed] == [f"test/{image:04}.jpg" for image in range(11, 1, -1)]


def test_the_whole_goes_into_json():
    content = json.loads(json.dumps(compare(NEW, OLD).to_json(), allow_nan=False))
    assert content["total"]["moved"] == 1
    assert content["most_changed"][0]["file_name"] == "test/0001.jpg"


def test_boxes_of_unknown_images_are_refused():
    with pytest.raises(InputError, match="the old submission: detections of images that the annotation file"):
        compare(NEW, [(9, 1, BOX, 0.5)])


GRID = st.integers(0, 8).map(float)
SIZE = st.integers(1, 6).map(float)
ROW = st.tuples(st.integers(0, 2), st.integers(0, 9), st.tuples(GRID, GRID, SIZE, SIZE), st.floats(0.01, 1))
ROWS = st.lists(ROW, max_size=10)


@settings(max_examples=60, deadline=None)
@given(ROWS, ROWS)
def test_counts_add_up_and_agreement_has_no_direction(new_rows, old_rows):
    there, back = compare(new_rows, old_rows), compare(old_rows, new_rows)
    for changes in (there.total, *there.classes):
        assert changes.old_boxes == changes.unchanged + changes.moved + changes.relabelled_from + changes.lost
        assert changes.new_boxes == changes.unchanged + changes.moved + changes.relabelled_to + changes.added
        assert changes.agreement is None or 0 <= changes.agreement <= 1
    for name in ("old_boxes", "unchanged", "moved", "lost"):
        assert getattr(there.total, name) == sum(getattr(changes, name) for changes in there.classes)
    assert (there.total.agreement is None) == (back.total.agreement is None)
    if there.total.agreement is not None:
        assert there.total.agreement == pytest.approx(back.total.agreement)


PAPER = Changes("Paper [A4]", 253_292, 240_547, 163_171, 67_224, 0.841, 17_024, 17_025, 13_128, 15_873, 0.9333)
COMPARISON = SubmissionDifference(
    total=replace(PAPER, name="all"),
    classes=(PAPER,),
    images=4871,
    images_changed=4000,
    images_rescored=12,
    pairs=230_395,
    pairs_rescored=1,
    mean_score_change=0.25,
    most_changed=(ImageChanges("test/[0].jpg", 2, 5, 14, 8, 10.14),),
)


def printed(comparison, width=80):
    text = io.StringIO()
    print_comparison(comparison, "[new].csv", "old.csv", Console(file=text, width=width))
    return text.getvalue()


def test_every_digit_is_shown_on_80_columns_and_brackets_are_no_markup():
    text = printed(COMPARISON)
    rows = [line.split() for line in text.splitlines()]
    numbers = ["253,292", "240,547", "163,171", "67,224", "0.84", "17,024", "17,025", "13,128", "15,873", "0.933"]
    assert sum(row[-10:] == numbers for row in rows) == 2
    assert "[A4]" in text
    assert "[new].csv against old.csv" in text
    assert ["test/[0].jpg", "2", "5", "14", "8", "10.14"] in rows
    assert "4,000 of 4,871 images differ in boxes, 12 more in scores alone" in text
    assert "1 of 230,395 boxes that both have differ in score; mean difference 0.2500" in text
    assert "agreement 0.9333" in text


def test_nothing_is_said_of_what_is_not_there():
    nothing = replace(PAPER, agreement=None, mean_iou=None)
    text = printed(replace(COMPARISON, total=nothing, classes=(), most_changed=(), pairs=0, mean_score_change=None))
    assert "agreement: neither has a box" in text
    assert "mean difference" not in text
    assert "changed most" not in text
