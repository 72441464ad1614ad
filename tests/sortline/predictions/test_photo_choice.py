import numpy as np
import pytest
from detection_cases import make_results, make_truth
from helpers import coco

from sortline.predictions.photo_choice import choose_by_counts, choose_photos
from sortline.predictions.photo_counts import PhotoCounts


def counts_of(right, errors):
    return PhotoCounts(np.array(right), np.array(errors), np.zeros(len(right), dtype=int))


def numbers(names):
    return [int(name[-8:-4]) for name in names]


def test_the_worst_and_the_best_come_first():
    # F1 = 2 right / (2 right + errors): 0, 1, 2/3, 0, 1, 10/11
    chosen = choose_by_counts(coco(images=6), counts_of([0, 1, 1, 0, 3, 5], [1, 0, 1, 4, 0, 1]), count=2)
    assert numbers(chosen.worst) == [3, 0]  # the more errors, the worse
    assert numbers(chosen.best) == [4, 1]  # the more right boxes, the better
    assert numbers(chosen.random) == [2, 5]
    assert list(chosen.groups()) == ["worst", "best", "random"]


def test_random_ones_stay_when_the_detections_change():
    images, rng = 300, np.random.default_rng(1)
    first, second = (
        choose_by_counts(coco(images=images), counts_of(rng.integers(9, size=images), rng.integers(9, size=images)))
        for _ in range(2)
    )
    assert first.worst != second.worst
    assert first.random == second.random
    other_seed = choose_by_counts(coco(images=images), counts_of([1] * images, [1] * images), seed=1)
    assert other_seed.random != first.random


def test_random_ones_do_not_hang_on_the_files_order():
    data, counts = coco(images=30), counts_of([1] * 30, [1] * 30)
    turned = {**data, "images": data["images"][::-1]}
    chosen = [choose_by_counts(content, counts, count=1, seed=3).random for content in (data, turned)]
    assert chosen[0] == chosen[1]


@pytest.mark.parametrize(("images", "sizes"), [(0, [0, 0, 0]), (1, [1, 0, 0]), (2, [1, 1, 0]), (7, [2, 2, 2])])
def test_few_photos_are_shared_out(images, sizes):
    chosen = choose_by_counts(coco(images=images), counts_of([1] * images, [1] * images))
    assert [len(names) for names in chosen.groups().values()] == sizes
    names = [name for group in chosen.groups().values() for name in group]
    assert len(set(names)) == len(names)


def test_photos_are_chosen_by_what_was_found():
    box = [4, 5, 30, 20]
    truth = make_truth((0, 0, box), (1, 0, box), (2, 0, box), images=3)
    found = make_results((0, 0, box, 0.9), (1, 0, box, 0.8), (1, 0, [4, 26, 30, 20], 0.85))
    chosen = choose_photos(truth, found, count=1)
    assert (numbers(chosen.worst), numbers(chosen.best), numbers(chosen.random)) == ([2], [0], [1])
