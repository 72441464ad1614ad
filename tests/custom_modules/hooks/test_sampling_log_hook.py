"""Each epoch's draw is logged and written, resumed runs included."""

import json

import pytest

torch = pytest.importorskip("torch")

from mmengine.dataset import DefaultSampler, InfiniteSampler  # noqa: E402
from torch.utils.data import DataLoader, Dataset  # noqa: E402

from custom_modules.hooks import SamplingLogHook  # noqa: E402
from custom_modules.samplers import OversampleSampler  # noqa: E402

pytestmark = pytest.mark.mm

HOOKS = [dict(type="SamplingLogHook"), dict(type="DistSamplerSeedHook")]


class TwoClasses(Dataset):
    """Eight numbers as images: seven with a cup, the last with two cans."""

    metainfo = {"classes": ("cup", "can")}  # noqa: RUF012

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return torch.tensor([index / 8])

    def get_data_info(self, index):
        labels = [0] if index < 7 else [1, 1]
        return {"instances": [{"bbox_label": label, "ignore_flag": 0} for label in labels]}


def loader(sampler):
    return DataLoader(
        sampler.dataset, batch_size=2, sampler=sampler, collate_fn=lambda items: {"inputs": torch.stack(items)}
    )


def oversampled():
    # weights 1 for seven images and 5 for one: 12 draws take each cup once and the cans five times
    return OversampleSampler(TwoClasses(), factors={"can": 5}, epoch_size=12, seed=0)


def trained(make_runner, sampler, folder, **settings):
    make_runner(
        train_dataloader=loader(sampler), custom_hooks=HOOKS, work_dir=folder, log_level="INFO", **settings
    ).train()
    path = folder / "sampling.json"
    return json.loads(path.read_text()) if path.exists() else None


def test_it_comes_after_the_losses_of_an_epoch():
    assert SamplingLogHook().priority == "LOW"


def test_an_epoch_is_logged_and_written(make_runner, tmp_path, capsys):
    record = trained(make_runner, oversampled(), tmp_path / "run")
    text = capsys.readouterr().out
    assert record == {
        "sampler": "OversampleSampler",
        "epochs": 3,
        "data": {"images": 8, "distinct_images": 8, "boxes": {"cup": 7, "can": 2}, "sources": {"main": 8}},
        "last_epoch": {"images": 12, "distinct_images": 8, "boxes": {"cup": 7, "can": 10}, "sources": {"main": 12}},
        "all_epochs": {"images": 36, "distinct_images": 8, "boxes": {"cup": 21, "can": 30}, "sources": {"main": 36}},
    }
    line = "drew 12 images, 8 of them distinct; 17 boxes: cup 41.2%, can 58.8%"
    assert [f"epoch {epoch} {line}" in text for epoch in (1, 2, 3)] == [True] * 3
    assert text.count("boxes drawn") == 1


def test_a_resumed_run_counts_its_earlier_epochs(make_runner, tmp_path):
    sampler = OversampleSampler(TwoClasses(), factors={"can": 2}, epoch_size=5, seed=0)
    whole = trained(make_runner, sampler, tmp_path / "whole", epochs=3)
    trained(make_runner, sampler, tmp_path / "parts", epochs=2)
    resumed = {"resume": True, "load_from": str(tmp_path / "parts/epoch_2.pth")}
    assert trained(make_runner, sampler, tmp_path / "parts", epochs=3, **resumed) == whole
    assert whole["all_epochs"]["images"] == 15


def test_an_ordinary_run_says_once_what_each_epoch_draws(make_runner, tmp_path, capsys):
    record = trained(make_runner, DefaultSampler(TwoClasses(), seed=0), tmp_path / "run")
    text = capsys.readouterr().out
    assert text.count("each epoch draws 8 images, 8 of them distinct; 9 boxes: cup 77.8%, can 22.2%") == 1
    assert "boxes drawn" not in text
    assert record["last_epoch"] == record["data"]
    assert record["all_epochs"]["images"] == 3 * 8


def test_what_is_not_known_is_not_logged(make_runner, tmp_path):
    assert trained(make_runner, InfiniteSampler(TwoClasses(), seed=0), tmp_path / "a", by_epoch=False) is None
    assert trained(make_runner, oversampled(), tmp_path / "b", by_epoch=False) is None
