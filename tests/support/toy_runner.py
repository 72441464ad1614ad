"""A training that takes milliseconds: real runner, loops and hooks around a model of one weight."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch.utils.data import DataLoader, Dataset


class ToyModel(BaseModel):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def forward(self, inputs, mode="tensor"):
        outputs = self.layer(inputs)
        return {"loss": (outputs - inputs).square().mean()} if mode == "loss" else list(outputs)


class ToyDataset(Dataset):
    metainfo = {"classes": ("a", "b")}  # noqa: RUF012

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return torch.tensor([index / 8])


class GivenScores(BaseMetric):
    def __init__(self, scores):
        super().__init__(prefix="contest")
        self.scores = iter(scores)

    def process(self, data_batch, data_samples):
        self.results += [0] * len(data_samples)

    def compute_metrics(self, results):
        return {"mAP50": next(self.scores)}


def make_runner(
    work_dir: Path,
    scores: Sequence[float] = (0.1, 0.2, 0.3),
    epochs: int = 3,
    by_epoch: bool = True,
    **settings: Any,
) -> Runner:
    """Return a runner whose model learns ``y = x`` and whose metric reports the given scores in turn."""
    loader = DataLoader(ToyDataset(), batch_size=2, collate_fn=lambda items: {"inputs": torch.stack(items)})
    train_cfg = {"by_epoch": True, "max_epochs": epochs} if by_epoch else {"by_epoch": False, "max_iters": epochs}
    torch.manual_seed(0)
    defaults = {
        "model": ToyModel(),
        "work_dir": str(work_dir),
        "train_dataloader": loader,
        "train_cfg": train_cfg | ({} if by_epoch else {"val_interval": 1}),
        "optim_wrapper": {"optimizer": {"type": "SGD", "lr": 0.1, "momentum": 0.9}},
        "param_scheduler": {"type": "ExponentialLR", "gamma": 0.9},
        "val_dataloader": loader,
        "val_cfg": {},
        "val_evaluator": Evaluator([GivenScores(scores)]),
        "log_level": "WARNING",
        "default_scope": "mmengine",
        # Runners made within one second would share their message hub.
        "experiment_name": f"toy-{uuid.uuid4().hex}",
        "cfg": Config({"model": {"type": "ToyModel"}}),
    }
    return Runner(**{**defaults, **settings})
