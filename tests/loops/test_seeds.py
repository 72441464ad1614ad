"""Every item has its own seed, whichever worker loads it and whatever was loaded before."""

import pickle
import random

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.utils.data import BatchSampler, DataLoader, Dataset, SequentialSampler  # noqa: E402

from custom_modules.loops.seeds import SeededBatchSampler, SeededIndex, derived_seed, seeded_loader  # noqa: E402

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
