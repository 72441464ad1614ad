"""A tiny contest-shaped dataset and a config of a very small detector on it, which trains in a second."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from helpers import ROOT, coco
from PIL import Image

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


def write_dataset(root: Path, images: int = 6, **files: Any) -> Path:
    """Write photos of noise and their annotations.

    Args:
        root: The dataset's folder.
        images: Photos to train on; there are three more for the test.
        **files: Contents in place of ``train.json``, ``test.json``; of further files.
    """
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


def write_config(path: Path, data: Path, extra: str = "") -> Path:
    """Write the config; further lines are put at its end."""
    path.write_text(TINY_CONFIG.format(root=ROOT, data=data) + extra)
    return path
