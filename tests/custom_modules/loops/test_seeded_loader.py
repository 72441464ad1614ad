"""Every item has its own seed, whichever worker loads it and whatever was loaded before."""

import pickle
import random

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.utils.data import BatchSampler, DataLoader, Dataset, SequentialSampler  # noqa: E402

from custom_modules.loops.seeded_loader import (  # noqa: E402
    SeededBatchSampler,
    SeededIndex,
    caching_transforms,
    derived_seed,
    forget_photos,
    samples_behind,
    seeded_loader,
)

pytestmark = pytest.mark.mm


class Noise(Dataset):
    """Items that are an index and a number of each generator."""

    def __len__(self):
        return 6

    def __getitem__(self, index):
        assert type(index) is int
        return [float(index), random.random(), float(np.random.rand()), float(torch.rand(1))]


def loader(workers=0, seed=7, **kwargs):
    return seeded_loader(DataLoader(Noise(), batch_size=2, num_workers=workers, collate_fn=list, **kwargs), seed)


def items(made, epoch=0, first=0):
    made.batch_sampler.start_at(epoch, first)
    return [item for batch in made for item in batch]


def test_seeds_of_neighbouring_places_are_unlike():
    seeds = {derived_seed(seed, epoch, place) for seed in range(10) for epoch in range(10) for place in range(10)}
    assert len(seeds) == 10**3
    assert all(0 <= seed < 2**32 for seed in seeds)
    assert derived_seed(1, 2, 3) == derived_seed(1, 2, 3)


def test_an_index_survives_the_way_to_a_worker():
    index = pickle.loads(pickle.dumps(SeededIndex(3, 99)))
    assert (index, index.seed, list("abcd")[index]) == (3, 99, "d")


def test_batches_before_the_first_are_left_out_and_the_rest_stays():
    sampler = SeededBatchSampler(BatchSampler(SequentialSampler(range(5)), 2, False), seed=0, rank=0)
    whole = [[(int(index), index.seed) for index in batch] for batch in sampler]
    assert [[index for index, _ in batch] for batch in whole] == [[0, 1], [2, 3], [4]]
    sampler.start_at(0, first=1)
    assert [[(int(index), index.seed) for index in batch] for batch in sampler] == whole[1:]
    assert len(sampler) == 3


def test_an_epoch_and_a_process_change_the_seeds():
    inner = BatchSampler(SequentialSampler(range(4)), 2, False)

    def seeds(epoch, rank):
        sampler = SeededBatchSampler(inner, 0, rank)
        sampler.start_at(epoch)
        return [index.seed for batch in sampler for index in batch]

    assert len({*seeds(0, 0), *seeds(1, 0), *seeds(0, 1)}) == 3 * 4


@pytest.mark.parametrize("workers", [1, 2])
def test_the_number_of_workers_changes_nothing(workers):
    assert items(loader(workers, persistent_workers=True)) == items(loader())


def test_what_was_drawn_before_changes_nothing():
    made = loader()
    whole = items(made, epoch=3)
    random.random(), np.random.rand(), torch.rand(3)
    assert items(made, epoch=3, first=2) == whole[4:]
    assert items(made, epoch=4) != whole
    assert items(loader(seed=8), epoch=3) != whole
    assert [item[0] for item in whole] == list(range(6))


def test_the_dataset_stays_what_it_is_to_hooks():
    made = loader()
    assert type(made.dataset) is Noise
    assert made.batch_sampler.batch_size == 2
    assert isinstance(made.batch_sampler.sampler, SequentialSampler)


class Mixing:
    """A transform that mixes a sample with those that came to it before, as mmdet's cached ones do."""

    max_cached_images = 3

    def __init__(self):
        self.results_cache = []

    def __call__(self, value):
        self.results_cache.append(value)
        if len(self.results_cache) > self.max_cached_images:
            self.results_cache.pop(0)
        return sum(random.random() * kept for kept in self.results_cache)


class MixedNoise(Dataset):
    """Noise that goes through two mixing transforms, the second of which keeps what the first has mixed."""

    def __init__(self):
        self.pipeline = [Mixing(), Mixing()]

    def __len__(self):
        return 40

    def __getitem__(self, index):
        value = index + random.random()
        for transform in self.pipeline:
            value = transform(value)
        return value


@pytest.mark.filterwarnings("ignore:This DataLoader will create 3 worker")
@pytest.mark.parametrize("workers", [0, 1, 2, 3])
@pytest.mark.parametrize("first", [1, 2, 5, 9, 19])
def test_photos_that_transforms_keep_are_those_of_the_whole_pass(workers, first):
    def mixed(first):
        made = DataLoader(MixedNoise(), batch_size=2, num_workers=workers, collate_fn=list)
        return items(seeded_loader(made, 7), epoch=1, first=first)

    whole = mixed(0)
    assert mixed(first) == whole[2 * first :]


def test_a_pass_begins_without_the_photos_of_the_last_one():
    made = DataLoader(MixedNoise(), batch_size=2, num_workers=1, collate_fn=list, persistent_workers=True)
    made = seeded_loader(made, 7)
    items(made, epoch=0)
    second = items(made, epoch=1)
    assert items(seeded_loader(DataLoader(MixedNoise(), batch_size=2, collate_fn=list), 7), epoch=1) == second


def test_transforms_that_keep_photos_are_found_wherever_they_are():
    from mmdet.datasets.transforms import CachedMixUp, CachedMosaic
    from mmengine.dataset import BaseDataset, Compose, ConcatDataset

    class Holder(BaseDataset):
        def load_data_list(self):
            return []

    def holder(*steps):
        made = Holder(lazy_init=True)
        made.pipeline.transforms = list(steps)
        return made

    mosaic, mixup = CachedMosaic(max_cached_images=7), CachedMixUp(img_scale=(8, 8), max_cached_images=5)
    chosen = Compose([])
    chosen.transforms = [mixup]
    both = ConcatDataset([holder(), holder(mosaic, chosen)], lazy_init=True)
    assert caching_transforms(both) == [mosaic, mixup]
    assert samples_behind(both) == 7 + 5
    mosaic.results_cache.append(1)
    forget_photos(both)
    assert mosaic.results_cache == []
