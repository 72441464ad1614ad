import math

import numpy as np
import pytest

pytest.importorskip("torch")

from custom_modules.samplers import RepeatFactorSampler
from sortline.errors import InputError

pytestmark = pytest.mark.mm


def test_the_epoch_keeps_its_length_and_rare_classes_gain(boxes):
    # cup on 9 of 10 images, can on 1: sqrt(0.4 / 0.1) = 2 against 1, of 9 + 2 in all
    sampler = RepeatFactorSampler(boxes([[0]] * 9 + [[1]]), thr=0.4, seed=0)
    assert len(sampler) == 10
    times = sum(np.bincount(sampler.draw(epoch), minlength=10) for epoch in range(500))
    assert times[9] / 500 == pytest.approx(10 * 2 / 11, abs=0.05)


def test_source_weights_hold_and_rare_classes_gain_within_a_source(boxes):
    dataset = boxes([[0]] * 8 + [[0]] * 3 + [[1]], ["main"] * 8 + ["more"] * 4)
    sampler = RepeatFactorSampler(dataset, thr=0.5, source_weights={"more": 0.5}, seed=0)
    factor = math.sqrt(0.5 / (1 / 12))
    assert sampler.weights[:8].tolist() == pytest.approx([1] * 8)
    assert sampler.weights[8:].tolist() == pytest.approx([4 / (3 + factor)] * 3 + [4 * factor / (3 + factor)])


def test_a_share_above_one_is_refused(boxes):
    with pytest.raises(InputError, match="thr: is 10"):
        RepeatFactorSampler(boxes([[0]]), thr=10, seed=0)
