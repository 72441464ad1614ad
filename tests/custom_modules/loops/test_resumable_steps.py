"""The message for a batch that does not fit the GPU, and worker processes that end with their training."""

import os
import signal
from functools import partial

import pytest

torch = pytest.importorskip("torch")

import noisy_training  # noqa: E402
from mmengine.config import Config  # noqa: E402
from torch.utils.data import DataLoader, Dataset  # noqa: E402

from custom_modules.loops.resumable_steps import end_workers, out_of_memory  # noqa: E402
from custom_modules.loops.seeded_loader import init_worker  # noqa: E402
from sortline.errors import RunFailed  # noqa: E402

pytestmark = pytest.mark.mm

ERROR = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has ...")


def config(batch_size=8, wrapper="OptimWrapper"):
    return Config({"train_dataloader": {"batch_size": batch_size}, "optim_wrapper": {"type": wrapper}})


def test_the_message_names_batch_and_size():
    batch = {"inputs": [torch.zeros(3, 800, 1024), torch.zeros(3, 640, 1333)]}
    message = str(out_of_memory(config(2), batch, 11, ERROR))
    assert "train_dataloader.batch_size = 2: iteration 12 ran out of memory" in message
    assert "with 2 photos of up to 1333x800 pixels: CUDA out of memory" in message
    assert "train_dataloader.batch_size=1 --auto-scale-lr" in message
    assert "--amp takes about half" in message


@pytest.mark.parametrize("wrapper", ["AmpOptimWrapper", "BFloat16OptimWrapper"])
def test_what_is_done_already_is_not_advised(wrapper):
    message = str(out_of_memory(config(1, wrapper), {"inputs": torch.zeros(1, 3, 64, 64)}, 0, ERROR))
    assert "--amp" not in message
    assert "batch_size=" not in message
    assert "--auto-batch" in message


def test_an_unknown_batch_is_no_second_error():
    assert "with its photos: CUDA" in str(out_of_memory(Config({}), None, 0, ERROR))


def test_the_loop_explains_it(tmp_path):
    runner = noisy_training.make_runner(tmp_path)

    def full(*args, **kwargs):
        raise ERROR

    runner.model.train_step = full
    with pytest.raises(RunFailed, match="iteration 1 ran out of memory on the GPU with 2 photos"):
        runner.train()


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
