from __future__ import annotations

import pytest
from detection_cases import DETECTIONS, make_results
from helpers import CLASSES, coco
from hypothesis import given
from hypothesis import strategies as st

from sortline.errors import InputError
from sortline.predictions.pseudo_labelling.selection import SelectionSettings, count_votes, select_boxes
from sortline.predictions.results import Results

IMAGES = coco("test", images=4, boxes=False)
LEFT, RIGHT = [2, 2, 20, 20], [30, 2, 20, 20]
ALL = dict.fromkeys(CLASSES, 0.5)


def select(*members, **settings):
    return select_boxes(members, IMAGES, SelectionSettings(**{"score_thrs": ALL, **settings}))


def rows(results) -> list[tuple[int, int, float]]:
    return list(zip(results.image_ids.tolist(), results.category_ids.tolist(), results.scores.tolist(), strict=True))


def test_labels_are_the_boxes_from_their_class_threshold_on():
    found = make_results(
        (2, 1, LEFT, 0.8), (0, 0, LEFT, 0.5), (0, 0, RIGHT, 0.49), (0, 1, RIGHT, 0.7), (1, 2, LEFT, 1.0)
    )
    chosen = select(found, score_thrs={"General trash": 0.5, "Paper": 0.8})
    assert rows(chosen.labels) == [(0, 0, 0.5), (2, 1, 0.8)]
    assert len(chosen.left_open) == 0
    assert chosen.image_ids == {0, 2}
    counts = chosen.counts["Paper"]
    assert (counts.predicted, counts.above, counts.labels, counts.images) == (2, 1, 1, 1)
    assert chosen.counts["Paper pack"].predicted == 1
    assert chosen.counts["Paper pack"].labels == 0


def test_enough_files_have_to_agree_with_boxes_that_are_sure_enough():
    first = make_results((0, 0, LEFT, 0.9), (1, 0, LEFT, 0.9), (2, 0, LEFT, 0.9))
    second = make_results((0, 0, LEFT, 0.4), (1, 0, LEFT, 0.2))
    chosen = select(first, second, min_agree=2)
    assert rows(chosen.labels) == [(0, 0, 0.9)]
    assert chosen.counts["General trash"].above == 3
    assert chosen.counts["General trash"].agreed == 1
    assert len(select(first, second, min_agree=2, agree_score_thr=0.2).labels) == 2
    assert len(select(first, second).labels) == 3


def test_of_boxes_on_each_other_the_surest_stays_whatever_the_classes():
    found = make_results((0, 0, LEFT, 0.8), (0, 1, [2, 2, 20, 20.5], 0.9), (0, 2, RIGHT, 0.6), (1, 0, LEFT, 0.6))
    chosen = select(found)
    assert rows(chosen.labels) == [(0, 1, 0.9), (0, 2, 0.6), (1, 0, 0.6)]
    assert chosen.counts["General trash"].agreed == 2
    assert chosen.counts["General trash"].distinct == 1
    assert len(select(found, overlap_iou=0.99).labels) == 4  # their IoU is 20 / 20.5


def test_an_image_keeps_its_surest_labels():
    found = make_results((0, 0, LEFT, 0.6), (0, 1, RIGHT, 0.9), (1, 0, LEFT, 0.7))
    assert rows(select(found, max_per_image=1).labels) == [(0, 1, 0.9), (1, 0, 0.7)]


def test_what_is_unsure_on_kept_images_is_left_open():
    found = make_results(
        (0, 0, LEFT, 0.9), (0, 0, RIGHT, 0.4), (0, 1, RIGHT, 0.1), (0, 3, RIGHT, 0.7), (1, 0, LEFT, 0.4)
    )
    chosen = select(found, score_thrs={"General trash": 0.5, "Paper": 0.5}, ignore_thr=0.3)
    # Metal has no threshold, so even its sure box is open; image 1 has no label and is not kept.
    assert rows(chosen.left_open) == [(0, 3, 0.7), (0, 0, 0.4)]
    assert chosen.counts["General trash"].left_open == 1
    kept = select(found, score_thrs={"General trash": 0.5}, ignore_thr=0.3, keep_empty=True)
    assert kept.image_ids == {0, 1, 2, 3}
    assert (1, 0, 0.4) in rows(kept.left_open)


def test_boxes_are_cut_at_the_border_and_slivers_left_out():
    # Images are 64 x 48: the first box keeps 4 px of its 20, the second half a pixel.
    found = make_results((0, 0, [60, 2, 20, 20], 0.9), (1, 0, [63.5, 2, 20, 20], 0.9))
    chosen = select(found)
    assert chosen.labels.bboxes_xywh.tolist() == [[60, 2, 4, 20]]


def test_the_order_of_the_file_does_not_matter():
    found = [(2, 0, LEFT, 0.6), (0, 0, LEFT, 0.6), (0, 1, RIGHT, 0.6), (0, 2, [4, 24, 20, 20], 0.6)]
    one, other = (select(make_results(*order), max_per_image=2) for order in (found, found[::-1]))
    assert rows(one.labels) == rows(other.labels)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"score_thrs": {"Paper": 1.5}}, "--score-thr of 'Paper': is 1.5"),
        ({"agree_iou": 1.0}, "--agree-iou: is 1"),
        ({"overlap_iou": 0.0}, "--overlap-iou: is 0"),
        ({"agree_score_thr": -1.0}, "--agree-score-thr: is -1"),
        ({"ignore_thr": 0.0}, "--ignore-thr: is 0"),
        ({"ignore_thr": 0.5}, "--ignore-thr: is 0.5, and boxes from 0.5 on are labels"),
        ({"min_agree": 0}, "--min-agree: is 0"),
        ({"max_per_image": 0}, "--max-per-image: is 0"),
        ({"agree_iou": float("nan")}, "--agree-iou: is nan"),
    ],
)
def test_values_that_mean_nothing_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        SelectionSettings(**{"score_thrs": ALL, **settings})


def test_all_of_them_are_named():
    with pytest.raises(InputError) as refusal:
        SelectionSettings({"Paper": 2.0}, min_agree=0, agree_iou=2.0)
    assert len(refusal.value.problems) == 3


def test_more_votes_than_files_are_refused():
    with pytest.raises(InputError, match="2 files have to agree, and --pred lists 1"):
        select(make_results((0, 0, LEFT, 0.9)), min_agree=2)


BOX = [10, 10, 20, 20]


def shifted(pixels: float) -> list[float]:
    """BOX moved right: IoU with BOX is (20 - p) / (20 + p)."""
    return [10 + pixels, 10, 20, 20]


def test_each_file_has_one_vote_for_a_box_of_its_class_and_image():
    first = make_results((0, 0, BOX, 0.9), (1, 0, BOX, 0.9), (2, 0, BOX, 0.9), (3, 0, BOX, 0.9))
    second = make_results((0, 0, BOX, 0.5), (0, 0, shifted(1), 0.5), (1, 1, BOX, 0.5), (3, 0, shifted(10), 0.5))
    third = make_results((0, 0, shifted(2), 0.5), (2, 0, BOX, 0.5))
    # image 0: all three; 1: another class there; 2: the third; 3: an IoU of 10 / 30
    assert count_votes(first, [second, third], 0.6).tolist() == [3, 1, 2, 1]
    assert count_votes(first, [second, third], 0.3).tolist() == [3, 1, 2, 2]


def test_a_box_of_another_file_votes_for_the_surest_it_overlaps():
    first = make_results((0, 0, shifted(1), 0.4), (0, 0, BOX, 0.9))
    assert count_votes(first, [make_results((0, 0, BOX, 0.5))], 0.6).tolist() == [1, 2]


def test_of_several_votes_a_box_takes_the_closest_and_leaves_the_others():
    first = make_results((0, 0, BOX, 0.9), (0, 0, shifted(2), 0.4))
    second = make_results((0, 0, shifted(3), 0.5), (0, 0, BOX, 0.5))
    assert count_votes(first, [second], 0.6).tolist() == [2, 2]


def test_files_without_boxes_have_no_vote():
    first = make_results((0, 0, BOX, 0.9))
    assert count_votes(first, [Results.empty()], 0.6).tolist() == [1]
    assert count_votes(Results.empty(), [first], 0.6).tolist() == []


@given(DETECTIONS, DETECTIONS, st.floats(0.2, 0.9))
def test_votes_are_at_most_the_files_and_no_more_than_boxes_that_could_vote(first_rows, second_rows, iou_thr):
    first, second = make_results(*first_rows), make_results(*second_rows)
    votes = count_votes(first, [second, first], iou_thr)
    # A file always agrees with itself, also where it repeats a box.
    assert votes.min(initial=2) >= 2
    assert votes.max(initial=2) <= 3
    assert (votes == 3).sum() <= len(second)
