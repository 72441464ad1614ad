import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sortline.data import sampling_weights as sampling
from sortline.data.sampling_weights import Pool, setting_problems

WEIGHTS = arrays(float, st.integers(1, 30), elements=st.floats(0, 100).map(lambda value: round(value, 3))).filter(
    lambda weights: weights.sum() > 0
)
COUNTS = arrays(np.int64, st.tuples(st.integers(1, 20), st.integers(1, 5)), elements=st.integers(0, 3))


def pool(*source_of, sources=("main", "more", "rest")):
    counts = np.ones((len(source_of), 1), dtype=np.int64)
    return Pool(("cup",), counts, sources, np.array(source_of, dtype=np.int64))


def rng(seed=0):
    return np.random.default_rng(seed)


def test_repeat_factors_follow_the_rarest_class():
    # cup on 4 of 5 images, can on 2, tin on 1; with thr 0.5: cup 1, can sqrt(0.5 / 0.4), tin sqrt(0.5 / 0.2)
    counts = np.array([[1, 0, 0], [3, 0, 0], [1, 1, 0], [2, 1, 1], [0, 0, 0]])
    factors = sampling.repeat_factors(counts, thr=0.5)
    assert factors.tolist() == pytest.approx([1, 1, math.sqrt(0.5 / 0.4), math.sqrt(0.5 / 0.2), 1])


def test_classes_are_the_reason_for_equally_many_draws():
    # two classes on 3 and 1 images; the images that hold both count for both
    counts = np.array([[2, 0], [1, 0], [5, 1]])
    assert sampling.class_balanced_weights(counts).tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3 + 1])


@given(COUNTS)
def test_images_without_boxes_keep_their_share(counts):
    weights = sampling.class_balanced_weights(counts)
    empty = counts.sum(axis=1) == 0
    assert (weights > 0).all()
    assert weights[empty].sum() / weights.sum() == pytest.approx(empty.mean())


def test_the_largest_factor_of_an_image_counts():
    counts = np.array([[1, 0, 0], [1, 2, 0], [0, 1, 1], [0, 0, 0]])
    weights = sampling.oversampling_weights(counts, np.array([1.0, 4.0, 0.5]))
    assert weights.tolist() == [1, 4, 4, 1]
    assert sampling.oversampling_weights(counts[:, [2]], np.array([0.5])).tolist() == [1, 1, 0.5, 1]


def test_factors_by_name_take_the_order_of_the_classes():
    assert sampling.class_factors({"can": 3}, ("cup", "can")).tolist() == [1, 3]


def test_a_source_adds_its_weight_for_each_main_image():
    drawn = sampling.source_draws(pool(0, 0, 0, 0, 1, 1, 2, 2, 2), {"more": 0.25})
    assert drawn.tolist() == [4, 0.25 * 4, 3]


def test_sources_without_images_draw_none():
    assert sampling.source_draws(pool(0, 0, 2), {"more": 0.5}).tolist() == [2, 0, 1]


def test_source_draws_fix_each_sources_sum_and_keep_the_ratios_within():
    weights = sampling.spread_over_sources(np.array([1.0, 3.0, 5.0, 5.0]), np.array([0, 0, 1, 1]), np.array([2.0, 1.0]))
    assert weights.tolist() == pytest.approx([2 * 1 / 4, 2 * 3 / 4, 0.5, 0.5])


@given(WEIGHTS, st.integers(1, 100), st.integers(0, 2**32 - 1))
def test_each_image_is_drawn_as_often_as_expected_up_to_rounding(weights, count, seed):
    drawn = sampling.systematic_draw(weights, count, rng(seed))
    times = np.bincount(drawn, minlength=len(weights))
    expected = weights / weights.sum() * count
    assert len(drawn) == count
    assert (times >= np.floor(expected - 1e-6)).all()
    assert (times <= np.ceil(expected + 1e-6)).all()
    assert (times[weights == 0] == 0).all()


@given(WEIGHTS, st.integers(1, 50), st.integers(0, 2**32 - 1))
def test_a_seed_gives_one_draw(weights, count, seed):
    first = sampling.systematic_draw(weights, count, rng(seed))
    assert (first == sampling.systematic_draw(weights, count, rng(seed))).all()


@given(WEIGHTS, st.integers(1, 100), st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_each_source_is_drawn_as_often_as_expected_up_to_rounding(weights, count, seed, sources):
    source_of = rng(seed).integers(sources, size=len(weights))
    drawn = sampling.systematic_draw(weights, count, rng(seed), source_of)
    times = np.bincount(source_of[drawn], minlength=sources)
    expected = np.bincount(source_of, weights=weights, minlength=sources) / weights.sum() * count
    assert (times >= np.floor(expected - 1e-6)).all()
    assert (times <= np.ceil(expected + 1e-6)).all()


def test_equal_weights_draw_each_image_once_in_changing_order():
    draws = [sampling.systematic_draw(np.full(50, 0.1), 50, rng(seed)) for seed in range(5)]
    assert all(sorted(drawn) == list(range(50)) for drawn in draws)
    assert len({tuple(drawn) for drawn in draws}) == 5


def test_fractions_even_out_over_epochs():
    # weights 1 and 2 for 4 draws: 4/3 and 8/3 expected; 3,000 epochs draw 4,000 and 8,000 up to chance
    draws = np.concatenate([sampling.systematic_draw(np.array([1.0, 2.0]), 4, rng(seed)) for seed in range(3000)])
    assert np.bincount(draws)[0] == pytest.approx(3000 * 4 / 3, rel=0.03)


def test_the_order_does_not_tell_an_images_place_or_weight():
    weights = np.array([1.0] * 50 + [9.0] * 50)
    first_half = np.concatenate([sampling.systematic_draw(weights, 100, rng(seed))[:50] for seed in range(200)])
    assert (first_half >= 50).mean() == pytest.approx(0.9, abs=0.01)


@pytest.mark.parametrize("weights", [[1, -1], [math.nan, 1], [math.inf, 1], [0, 0], []])
def test_weights_that_say_nothing_are_refused(weights):
    with pytest.raises(ValueError, match="weights must be"):
        sampling.systematic_draw(np.array(weights, dtype=float), 3, rng())


def problems(**settings):
    return [str(problem) for problem in setting_problems(settings, ("Paper", "Battery"), ("main", "taco"), "sampler")]


@pytest.mark.parametrize(
    "settings",
    [
        dict(),
        dict(thr=0.1, epoch_size=100, source_weights={"taco": 2}),
        dict(thr=1),
        dict(factors={"Battery": 4, "Paper": 0.5}),
        dict(epoch_size=None, source_weights=None),
    ],
)
def test_sound_settings_have_no_problems(settings):
    assert problems(**settings) == []


@pytest.mark.parametrize(
    ("settings", "place", "text"),
    [
        (dict(thr=0), "sampler.thr", "is 0"),
        (dict(thr=1.5), "sampler.thr", "is 1.5"),
        (dict(thr="0.1"), "sampler.thr", "is '0.1'"),
        (dict(thr=math.nan), "sampler.thr", "is nan"),
        (dict(epoch_size=0), "sampler.epoch_size", "is 0"),
        (dict(epoch_size=True), "sampler.epoch_size", "is True"),
        (dict(factors=4), "sampler.factors", "write a dict"),
        (dict(factors={}), "sampler.factors", "write a dict"),
        (dict(factors={"Batery": 4}), "sampler.factors.Batery", "did you mean 'Battery'?"),
        (dict(factors={"Zebra": 4}), "sampler.factors.Zebra", "known: Paper, Battery"),
        (dict(factors={"Battery": -4}), "sampler.factors.Battery", "is -4"),
        (dict(factors={"Battery": math.inf}), "sampler.factors.Battery", "is inf"),
        (dict(source_weights={"taca": 1}), "sampler.source_weights.taca", "did you mean 'taco'?"),
        (dict(source_weights={"main": 1}), "sampler.source_weights.main", "no source"),
        (dict(source_weights={"taco": 0}), "sampler.source_weights.taco", "is 0"),
    ],
)
def test_a_bad_setting_is_named(settings, place, text):
    (problem,) = problems(**settings)
    assert problem.startswith(f"{place}: ")
    assert text in problem


def test_all_problems_are_reported_together():
    assert len(problems(thr=0, factors={"Batery": 4, "Paper": 0}, epoch_size=0)) == 4
