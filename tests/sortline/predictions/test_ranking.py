import numpy as np
import pytest
from detection_cases import DETECTIONS, TRUTHS, make_results, make_truth, matches_of
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sortline.predictions.matching import Matches
from sortline.predictions.ranking import WAYS_AT_ONCE, class_aps, map50_of, mean_ap, rank
from sortline.predictions.score import average_precision, score

BOX = [10, 10, 20, 20]
AWAY = [40, 10, 20, 20]


def test_detections_are_ranked_class_by_class_up_to_the_last_right_one():
    ranking = rank(
        matches_of(
            [(0, 0, BOX), (1, 0, BOX), (2, 1, BOX)],
            [(1, 0, BOX, 0.5), (0, 0, AWAY, 0.7), (0, 0, BOX, 0.9), (3, 0, BOX, 0.1), (3, 1, BOX, 0.8)],
        )
    )
    assert ranking.image_rows.tolist() == [0, 0, 1]
    assert ranking.is_right.tolist() == [True, False, True]
    assert ranking.starts.tolist()[:4] == [0, 3, 3, 3]
    assert ranking.ground_truths.tolist()[:3] == [2, 1, 0]


@settings(deadline=None)
@given(TRUTHS, DETECTIONS)
def test_the_fast_path_gives_the_very_score(truth, detections):
    matches = matches_of(truth, detections)
    assert map50_of(matches) == score(matches).map50


@settings(deadline=None)
@given(TRUTHS, DETECTIONS, st.data())
def test_fewer_detections_need_no_new_matching(truth, detections, data):
    matches = matches_of(truth, detections)
    keep = data.draw(hnp.arrays(bool, len(detections)))
    expected = score(Matches.of(make_truth(*truth), matches.results.take(keep))).map50
    assert map50_of(matches, keep) == expected


@settings(deadline=None)
@given(TRUTHS, DETECTIONS, hnp.arrays(bool, 4))
def test_some_images_score_as_if_the_others_were_not_there(truth, detections, images):
    part = matches_of(*([row for row in rows if images[row[0]]] for rows in (truth, detections)))
    assert map50_of(matches_of(truth, detections), images=images) == score(part).map50


@settings(deadline=None)
@given(TRUTHS, DETECTIONS, hnp.arrays(np.int32, (5, 4), elements=st.integers(0, 3)))
def test_weights_repeat_images_in_a_plain_loop_too(truth, detections, weights):
    ranking = rank(matches_of(truth, detections))
    aps = class_aps(ranking, weights)
    for way, row in enumerate(weights.tolist()):
        for label in range(3):
            to_find = sum(row[image] for image, of_class, _, crowd in truth if of_class == label and not crowd)
            span = slice(ranking.starts[label], ranking.starts[label + 1])
            of_image = [row[image] for image in ranking.image_rows[span]]
            is_right = np.repeat(ranking.is_right[span], of_image)
            expected = average_precision(is_right, to_find) if to_find else np.nan
            assert aps[way, label] == pytest.approx(expected, nan_ok=True)


@settings(deadline=None)
@given(TRUTHS, DETECTIONS, hnp.arrays(np.int32, 3, elements=st.integers(0, 3)), st.randoms(use_true_random=False))
def test_a_weight_counts_as_that_many_copies_of_the_image(truth, detections, weights, random):
    places = random.sample(range(len(detections)), len(detections))
    detections = [(*row[:3], (1 + place) / 100) for row, place in zip(detections, places, strict=True)]
    copies = [(10 * image + copy, image) for image, weight in enumerate(weights) for copy in range(weight)]
    annotations = make_truth(*[(copy, *row[1:]) for copy, image in copies for row in truth if row[0] == image])
    annotations["images"] = [{"id": copy, "file_name": f"{copy}", "width": 64, "height": 48} for copy, _ in copies]
    results = make_results(*[(copy, *row[1:]) for copy, image in copies for row in detections if row[0] == image])
    expected = score(Matches.of(annotations, results)).map50 if copies else None
    found = mean_ap(class_aps(rank(matches_of(truth, detections, images=3)), weights[np.newaxis]))[0]
    assert found == pytest.approx(np.nan if expected is None else expected, nan_ok=True)


def test_more_ways_than_are_worked_through_at_once_keep_their_order():
    ranking = rank(matches_of([(0, 0, BOX), (1, 0, BOX)], [(0, 0, BOX, 0.5)]))
    weights = np.zeros((2 * WAYS_AT_ONCE + 3, 4))
    weights[:, 0] = 1
    weights[:, 1] = np.arange(len(weights))
    assert class_aps(ranking, weights)[:, 0] == pytest.approx(1 / (1 + np.arange(len(weights))))


def test_a_crowd_regions_detections_are_not_ranked():
    ranking = rank(matches_of([(0, 0, BOX, 1), (1, 0, BOX)], [(0, 0, BOX, 0.9), (1, 0, BOX, 0.5)]))
    assert ranking.is_right.tolist() == [True]


def test_the_mean_leaves_out_what_is_not_defined():
    nan = np.nan
    assert mean_ap(np.array([[0.5, nan, 1.0], [nan, nan, nan]])) == pytest.approx([0.75, nan], nan_ok=True)
    assert mean_ap(np.empty((0, 3))).tolist() == []
