import numpy as np
import pytest

pytest.importorskip("torch")

from custom_modules.samplers import ClassBalancedSampler

pytestmark = pytest.mark.mm


def test_each_class_is_drawn_equally_often(boxes):
    # three classes on 9, 2 and 1 images, 12 draws: 4 of each class
    dataset = boxes([[0]] * 9 + [[1]] * 2 + [[2]])
    sampler = ClassBalancedSampler(dataset, seed=0)
    times = np.bincount(sampler.draw(0), minlength=12)
    assert times.sum() == 12
    assert times[9:].tolist() == [2, 2, 4]


def test_images_without_any_box_are_drawn_once_each(boxes):
    assert sorted(ClassBalancedSampler(boxes([[], [], []]), seed=0)) == [0, 1, 2]
