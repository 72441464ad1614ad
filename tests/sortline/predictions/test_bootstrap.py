import doctest

import numpy as np
import pytest
from detection_cases import DETECTIONS, TRUTHS, make_results, make_truth
from hypothesis import given, settings

from sortline.predictions import bootstrap
from sortline.predictions.bootstrap import (
    Interval,
    bootstrap_map50,
    draw_parts,
    interval,
    joint_intervals,
    paired_difference,
    resamples,
)
from sortline.predictions.matching import Truth, match
from sortline.predictions.ranking import rank
from sortline.predictions.score import average_precision

BOX = [10, 10, 20, 20]
NAN = np.nan


def ranking_of(truth, detections, images=4):
    return rank(match(Truth.of(make_truth(*truth, images=images)), make_results(*detections)))


def test_a_resample_draws_as_many_images_as_there_are():
    counts = resamples(images=50, replicates=200, seed=0)
    assert counts.shape == (200, 50)
    assert (counts.sum(axis=1) == 50).all()
    # An image is left out of a resample with probability (1 - 1/50)^50.
    assert (counts == 0).mean() == pytest.approx((1 - 1 / 50) ** 50, abs=0.02)


def test_the_seed_decides_the_resamples():
    assert np.array_equal(resamples(20, 5, seed=3), resamples(20, 5, seed=3))
    assert not np.array_equal(resamples(20, 5, seed=3), resamples(20, 5, seed=4))
    assert np.array_equal(resamples(20, 9, seed=3)[:5], resamples(20, 5, seed=3))


@settings(deadline=None)
@given(TRUTHS, DETECTIONS)
def test_replicates_equal_a_plain_loop(truth, detections):
    ranking = ranking_of(truth, detections)
    weights = resamples(images=4, replicates=6, seed=1)
    for found, row in zip(bootstrap_map50(ranking, weights), weights, strict=True):
        aps = []
        for label in range(3):
            to_find = sum(row[image] for image, of_class, _, crowd in truth if of_class == label and not crowd)
            span = slice(ranking.starts[label], ranking.starts[label + 1])
            if to_find:  # a class without ground truth is left out of this resample's mean
                aps.append(average_precision(np.repeat(ranking.is_right[span], row[ranking.image_rows[span]]), to_find))
        assert found == pytest.approx(np.mean(aps) if aps else NAN, nan_ok=True)


def test_a_class_absent_from_a_resample_is_left_out_of_its_mean():
    ranking = ranking_of([(0, 0, BOX), (1, 1, BOX)], [(0, 0, BOX, 0.5)], images=3)
    weights = np.array([[1, 1, 1], [3, 0, 0], [0, 3, 0], [0, 0, 3]], dtype=np.int32)
    assert bootstrap_map50(ranking, weights) == pytest.approx([1 / 2, 1, 0, NAN], nan_ok=True)


def test_the_interval_is_a_percentile_of_what_is_defined():
    assert doctest.testmod(bootstrap, extraglobs={"np": np}).failed == 0
    assert interval(np.array([NAN, 0.25, NAN])) == Interval(0.25, 0.25)
    assert interval(np.array([NAN, NAN])) is None
    assert interval(np.array([])) is None


def test_the_interval_covers_the_true_score_as_often_as_it_says():
    """One box an image, found with probability 0.7 and never a wrong box: AP is the share found, 0.7 at large."""
    rng = np.random.default_rng(0)
    images, trials = 80, 150
    truth = [(image, 0, BOX) for image in range(images)]
    weights = resamples(images, 300, seed=0)
    covered = 0
    for _ in range(trials):
        found = [(image, 0, BOX, 0.5) for image in np.flatnonzero(rng.random(images) < 0.7).tolist()]
        bounds = interval(bootstrap_map50(ranking_of(truth, found, images), weights))
        covered += bounds.low <= 0.7 <= bounds.high
    # 0.95 is expected; the number covered then has a standard deviation of sqrt(150 * 0.95 * 0.05), about 2.7.
    assert covered / trials == pytest.approx(0.95, abs=0.05)


def test_the_difference_of_a_file_to_itself_is_nothing():
    values = np.array([0.25, 0.75, NAN])
    difference = paired_difference(0.5, 0.5, values, values)
    assert (difference.value, difference.interval, difference.share_better) == (0, Interval(0, 0), 0)
    assert not difference.is_beyond_chance


def test_files_that_vary_together_can_be_told_apart_though_their_intervals_overlap():
    rng = np.random.default_rng(0)
    others = rng.normal(0.5, 0.05, 1000)
    values = others + rng.normal(0.02, 0.005, 1000)
    assert interval(values).low < interval(others).high
    difference = paired_difference(0.52, 0.5, values, others)
    assert difference.is_beyond_chance
    assert difference.share_better > 0.99
    assert difference.value == pytest.approx(0.02)
    worse = paired_difference(0.5, 0.52, others, values)
    assert worse.is_beyond_chance
    assert worse.interval.high == pytest.approx(-difference.interval.low)


def test_without_resamples_a_difference_has_no_interval():
    difference = paired_difference(0.5, 0.25, np.array([]), np.array([]))
    assert (difference.value, difference.interval, difference.share_better) == (0.25, None, None)
    assert not difference.is_beyond_chance


def test_seeds_are_drawn_with_replacement_in_each_resample():
    values = np.array([[0.0] * 4000, [1.0] * 4000])
    means = draw_parts(2, 4000, np.random.default_rng(0), same_images=True).mean(values)
    # both of two draws the same: probability 1/4 for each value
    assert set(means) == {0.0, 0.5, 1.0}
    assert (means == 0.5).mean() == pytest.approx(1 / 2, abs=0.03)


@pytest.mark.parametrize(("same_images", "spread"), [(True, 1.0), (False, 1 / np.sqrt(2))])
def test_seeds_share_their_images_and_folds_do_not(same_images, spread):
    """Two runs of equal values: their mean varies as one of them does where they see the same images."""
    values = np.tile(np.random.default_rng(1).standard_normal(4000), (2, 1))
    means = draw_parts(2, 4000, np.random.default_rng(0), same_images).mean(values)
    assert means.std() == pytest.approx(spread, abs=0.04)


def test_one_run_is_always_itself():
    values = np.array([[0.1, NAN, 0.3]])
    draws = draw_parts(1, 3, np.random.default_rng(0), same_images=False)
    assert draws.mean(values) == pytest.approx([0.1, NAN, 0.3], nan_ok=True)


def test_what_a_run_leaves_undefined_is_left_out_of_the_mean():
    draws = draw_parts(2, 50, np.random.default_rng(0), same_images=True)
    means = draws.mean(np.stack([np.full((50, 1), NAN), np.full((50, 1), 0.25)]))
    assert means.shape == (50, 1)
    assert set(means[~np.isnan(means)]) == {0.25}
    assert np.isnan(means[:, 0]).mean() == pytest.approx(1 / 4, abs=0.2)


def test_ten_intervals_together_leave_out_zero_as_seldom_as_one():
    """Differences that are pure chance: each of ten classes estimated with an error of 1 in 200 trials."""
    rng = np.random.default_rng(0)
    alarms_of_one = alarms_of_all = 0
    for _ in range(200):
        values = rng.standard_normal(10)
        resampled = values + rng.standard_normal((300, 10))
        alone = [interval(resampled[:, index]) for index in range(10)]
        alarms_of_one += any(bounds.low > 0 or bounds.high < 0 for bounds in alone)
        alarms_of_all += any(bounds.low > 0 or bounds.high < 0 for bounds in joint_intervals(values, resampled))
    assert alarms_of_one / 200 == pytest.approx(1 - 0.95**10, abs=0.12)
    assert alarms_of_all / 200 == pytest.approx(0.05, abs=0.05)


def test_one_value_keeps_its_own_interval_and_undefined_ones_have_none():
    resampled = np.array([[0.0, NAN], [1.0, NAN], [4.0, NAN]])
    assert joint_intervals([1.0, NAN], resampled) == (interval(resampled[:, 0]), None)
    assert joint_intervals([NAN], np.full((3, 1), NAN)) == (None,)
    assert joint_intervals([0.0, 0.0], np.zeros((3, 2))) == (Interval(0, 0), Interval(0, 0))
