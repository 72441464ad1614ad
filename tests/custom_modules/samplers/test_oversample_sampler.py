import numpy as np
import pytest

pytest.importorskip("torch")

from custom_modules.samplers import OversampleSampler
from sortline.errors import InputError

pytestmark = pytest.mark.mm


def test_named_classes_are_drawn_by_their_factor(boxes):
    # weights 1, 1, 1, 3: 6 draws give them once each and three times
    sampler = OversampleSampler(boxes([[0], [0], [], [0, 1]]), factors={"can": 3}, epoch_size=6, seed=0)
    assert np.bincount(sampler.draw(5)).tolist() == [1, 1, 1, 3]


def test_a_class_that_there_is_not_is_named(boxes):
    with pytest.raises(InputError, match="did you mean 'can'"):
        OversampleSampler(boxes([[0]]), factors={"cann": 3}, seed=0)
