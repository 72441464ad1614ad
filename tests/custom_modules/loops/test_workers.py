"""Workers go on for a while after a signal to the whole job, and end with the training."""

import os
import signal

import pytest

torch = pytest.importorskip("torch")

from functools import partial  # noqa: E402

from torch.utils.data import DataLoader, Dataset  # noqa: E402

from custom_modules.loops.workers import end_workers, init_worker  # noqa: E402

pytestmark = pytest.mark.mm


class OwnNumbers(Dataset):
    """Numbers of the processes that load the items, which send themselves SIGTERM at the first."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        if index == 0:
            os.kill(os.getpid(), signal.SIGTERM)
        return os.getpid()


@pytest.mark.parametrize("persistent", [True, False])
def test_a_signalled_worker_loads_on_and_is_ended(persistent):
    made = []
    init = partial(init_worker, made.append)
    loader = DataLoader(OwnNumbers(), num_workers=1, worker_init_fn=init, persistent_workers=persistent)
    batches = iter(loader)
    numbers = {int(next(batches)) for _ in range(4)}
    assert len(numbers) == 1
    end_workers(batches)
    assert all(not worker.is_alive() for worker in batches._workers)


def test_an_iterator_without_workers_has_none_to_end():
    end_workers(iter(DataLoader(OwnNumbers())))
    end_workers(None)
