"""A training of a fraction of a second that draws random numbers wherever a real one does.

As a script it kills trainings at random moments and resumes them until they are done:

    python tests/support/noisy_training.py FOLDER KILLS SEED
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch.utils.data import DataLoader, Dataset

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
import custom_modules.register_all  # noqa: F401
from sortline.errors import InputError
from sortline.runs.checkpoints import find_resume
from sortline.weights.checkpoint_loading import install_safe_loading, load_checkpoint_safely

IMAGES, BATCH, EPOCHS = 14, 2, 4
ITERATIONS = IMAGES // BATCH


class NoisyModel(BaseModel):
    """Learns with dropout and batch normalisation, so that its weights depend on all random numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.body = torch.nn.Sequential(
            torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8), torch.nn.Dropout(0.3), torch.nn.Linear(8, 1)
        )

    def forward(self, inputs: Any, mode: str = "tensor") -> Any:
        outputs = self.body(inputs)
        return {"loss": (outputs - inputs.sum(1, keepdim=True)).square().mean()} if mode == "loss" else list(outputs)


class NoisyDataset(Dataset[Any]):
    """Items with noise of each generator."""

    metainfo = {"classes": ("a", "b")}  # noqa: RUF012

    def __len__(self) -> int:
        return IMAGES

    def __getitem__(self, index: int) -> Any:
        return torch.tensor([index / IMAGES, random.random(), np.random.rand(), float(torch.rand(1))])


class OutputMetric(BaseMetric):
    """A score that goes up and down with the weights."""

    def process(self, data_batch: Any, data_samples: Any) -> None:
        self.results += [float(sample.sum()) for sample in data_samples]

    def compute_metrics(self, results: list[float]) -> dict[str, float]:
        return {"score": float(np.modf(1000 * np.mean(results))[0])}


def loader(workers: int = 0) -> DataLoader[Any]:
    """Shuffle as mmengine does."""
    from mmengine.dataset import DefaultSampler

    data = NoisyDataset()
    sampler = DefaultSampler(data, shuffle=True, seed=3)
    collate = lambda items: {"inputs": torch.stack(items)}  # noqa: E731
    return DataLoader(data, batch_size=BATCH, sampler=sampler, collate_fn=collate, num_workers=workers)


def make_runner(folder: Path, by_epoch: bool = True, accumulate: int = 3, workers: int = 0, **changes: Any) -> Runner:
    """Build a runner in a folder; it resumes what it finds there."""
    install_safe_loading()
    torch.manual_seed(0)
    try:
        load_from: str | None = str(find_resume(folder))
    except InputError:
        load_from = None
    train_cfg = {"type": "ResumableEpochLoop", "max_epochs": EPOCHS}
    if not by_epoch:
        train_cfg = {"type": "ResumableIterLoop", "max_iters": EPOCHS * ITERATIONS, "val_interval": 5}
    optimizer = {"type": "AdamW", "lr": 0.01}
    settings = {
        "model": NoisyModel(),
        "work_dir": str(folder),
        "train_dataloader": loader(workers),
        "train_cfg": train_cfg,
        "optim_wrapper": {"type": "OptimWrapper", "optimizer": optimizer, "accumulative_counts": accumulate},
        "param_scheduler": [
            {"type": "LinearLR", "start_factor": 0.1, "begin": 0, "end": 6, "by_epoch": False},
            {"type": "ReduceOnPlateauLR", "monitor": "score", "rule": "greater", "patience": 1},
        ],
        "val_dataloader": loader(),
        "val_cfg": {},
        "val_evaluator": Evaluator([OutputMetric(prefix=None)]),
        "default_hooks": {
            "checkpoint": {
                "type": "AtomicCheckpointHook",
                "interval": 1 if by_epoch else 4,
                "by_epoch": by_epoch,
                "max_keep_ckpts": 2,
                "save_best": "score",
                "rule": "greater",
                "keep_best": 2,
            },
            "training_state": {"type": "TrainingStateHook"},
            "stop_signal": {"type": "StopSignalHook"},
            "finite_loss": {"type": "FiniteLossHook"},
        },
        "custom_hooks": [
            {"type": "EMAHook", "momentum": 0.1, "update_buffers": True, "priority": 49},
            {"type": "ResumableEarlyStoppingHook", "monitor": "score", "rule": "greater", "patience": 50},
        ],
        "randomness": {"seed": 5},
        "log_level": "ERROR",
        "default_scope": "mmengine",
        "experiment_name": f"noisy-{uuid.uuid4().hex}",
        "load_from": load_from,
        "resume": load_from is not None,
        "cfg": Config({"model": {"type": "NoisyModel"}}),
    }
    return Runner(**{**settings, **changes})


def final_state(folder: Path, last: str = f"epoch_{EPOCHS}.pth") -> dict[str, Any]:
    """Return the state of a run from its last checkpoint, and the names of its files."""
    checkpoint = load_checkpoint_safely(folder / last)
    state = {key: checkpoint[key] for key in ("state_dict", "ema_state_dict", "optimizer", "param_schedulers")}
    info = checkpoint["message_hub"]["runtime_info"]
    state |= {key: info[key] for key in ("best_score", "kept_best_score", "early_stopping_scores")}
    state["iter"] = checkpoint["meta"]["iter"]
    # Without the copies of the config, one for each start, named after the time.
    state["files"] = sorted(path.name for path in folder.iterdir() if path.is_file() and path.suffix != ".py")
    return state


def differences(left: Any, right: Any, place: str = "") -> list[str]:
    """Return the places where two nested states are not equal bit for bit."""
    if isinstance(left, dict) and isinstance(right, dict) and left.keys() == right.keys():
        return [found for key in left for found in differences(left[key], right[key], f"{place}.{key}")]
    if isinstance(left, list | tuple) and isinstance(right, list | tuple) and len(left) == len(right):
        pairs = enumerate(zip(left, right, strict=True))
        return [found for number, pair in pairs for found in differences(*pair, f"{place}.{number}")]
    if isinstance(left, torch.Tensor):
        return [] if torch.equal(left, right) else [place]
    return [] if left == right else [f"{place}: {left} {right}"]


def start(folder: Path) -> int:
    """Train in a forked process, which starts within milliseconds; return its id."""
    child = os.fork()
    if child:
        return child
    try:
        torch.set_num_threads(1)
        make_runner(folder).train()
        os._exit(0)
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        os._exit(1)


def train_with_kills(folder: Path, longest: float, most: int, chance: random.Random) -> int:
    """Train to the end, killed at random times at most ``most`` times; return the number of kills."""
    kills = 0
    while True:
        child = start(folder)
        deadline = time.monotonic() + (chance.uniform(0, longest) if kills < most else 60)
        ended = (0, 0)
        while not ended[0] and time.monotonic() < deadline:
            time.sleep(0.001)
            ended = os.waitpid(child, os.WNOHANG)
        if ended[0]:
            assert ended[1] == 0, f"the training failed in {folder}"
            return kills
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        kills += 1
        for path in folder.glob("*.pth"):
            load_checkpoint_safely(path)


def main(folder: Path, kills: int, seed: int) -> dict[str, Any]:
    """Compare killed runs with an uninterrupted one."""
    chance = random.Random(seed)
    began = time.monotonic()
    assert os.waitpid(start(folder / "whole"), 0)[1] == 0
    # Some kills come before the first checkpoint, some runs end before they are killed.
    longest = 1.5 * (time.monotonic() - began)
    whole = final_state(folder / "whole")
    done, runs, found = 0, 0, []
    while done < kills:
        done += train_with_kills(folder / str(runs), longest, kills - done, chance)
        found += [f"run {runs}{place}" for place in differences(final_state(folder / str(runs)), whole)]
        runs += 1
    return {"kills": done, "runs": runs, "differences": found}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
