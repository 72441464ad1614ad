import math

import pytest

from sortline.data.sampling.sampling_settings import setting_problems


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
