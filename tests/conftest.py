"""Shared fixtures: a tiny contest-shaped dataset, a config on it, and tools run as a user runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Two test processes on two cores: one thread each, set before torch is imported; what tools start inherits it.
os.environ.setdefault("OMP_NUM_THREADS", "1")
import _bootstrap  # noqa: F401
import numpy as np
import pytest
from helpers import ROOT, coco
from PIL import Image


@pytest.fixture(autouse=True)
def _mmdet_scope(request: pytest.FixtureRequest) -> None:
    """Let tests that build models look types up in mmdet, whichever test ran before."""
    if request.node.get_closest_marker("mm"):
        from mmengine.registry import init_default_scope

        init_default_scope("mmdet")


@pytest.fixture(scope="session", autouse=True)
def _photo_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep what is measured of the tests' photos out of the repository, also where a tool measures it."""
    os.environ["SORTLINE_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def make_dataset(tmp_path: Path) -> Callable[..., Path]:
    """Write a dataset with photos of noise; keyword arguments replace whole files' contents."""

    def make(images: int = 6, **files: Any) -> Path:
        root = tmp_path / "data"
        contents = {"train": coco("train", images), "test": coco("test", 3, boxes=False), **files}
        generator = np.random.default_rng(0)
        for split, content in contents.items():
            root.mkdir(exist_ok=True)
            (root / f"{split}.json").write_text(content if isinstance(content, str) else json.dumps(content))
            for index in range(images if split == "train" else 3):
                path = root / split / f"{index:04}.jpg"
                path.parent.mkdir(exist_ok=True)
                Image.fromarray(generator.integers(0, 255, (48, 64, 3), dtype=np.uint8)).save(path)
        return root

    return make


TINY_CONFIG = """
_base_ = [
    "{root}/configs/_base_/default_runtime.py",
    "{root}/configs/_base_/datasets/recycle.py",
    "{root}/configs/_base_/models/rtmdet_tiny.py",
    "{root}/configs/_base_/schedules/smoke.py",
]
data_root = "{data}"
model = dict(
    backbone=dict(widen_factor=0.125, deepen_factor=0.167, init_cfg=None),
    neck=dict(in_channels=[32, 64, 128], out_channels=16, num_csp_blocks=1),
    bbox_head=dict(in_channels=16, feat_channels=16, stacked_convs=1),
)
train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations", with_bbox=True),
    dict(type="Resize", scale=(64, 64), keep_ratio=False),
    dict(type="PackDetInputs"),
]
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=(64, 64), keep_ratio=False),
    dict(type="PackDetInputs", meta_keys=("img_id", "img_path", "ori_shape", "img_shape", "scale_factor")),
]
train_dataloader = dict(batch_size=2, num_workers=0, persistent_workers=False, batch_sampler=None)
val_dataloader = dict(batch_size=2, num_workers=0, persistent_workers=False)
test_dataloader = val_dataloader
val_fraction = 0.34
"""


@pytest.fixture
def make_config(tmp_path: Path) -> Callable[..., Path]:
    """Write a config of a very small detector on a dataset; further lines are put at its end."""

    def make(data: Path, extra: str = "", name: str = "tiny") -> Path:
        path = tmp_path / f"{name}.py"
        path.write_text(TINY_CONFIG.format(root=ROOT, data=data) + extra)
        return path

    return make


@pytest.fixture
def run_script() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a script from the repository root as a user would, offline and without a login."""

    def run(script: str, *args: object, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(ROOT / script), *map(str, args)],
            cwd=ROOT,
            env={**os.environ, "WANDB_MODE": "offline", **env},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture
def run_tool(
    run_script: Callable[..., subprocess.CompletedProcess[str]],
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a tool by its name; see ``run_script``."""
    return lambda name, *args, **env: run_script(f"tools/{name}.py", *args, **env)
