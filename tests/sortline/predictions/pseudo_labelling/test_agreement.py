from __future__ import annotations

from detection_cases import DETECTIONS, make_results
from hypothesis import given
from hypothesis import strategies as st

from sortline.predictions.pseudo_labelling.agreement import count_votes
from sortline.predictions.results import Results

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
