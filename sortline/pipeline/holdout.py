"""A validation part for datasets that come without one."""

from __future__ import annotations

import os
from pathlib import Path

from mmengine.config import Config

from sortline.data.annotations import read_annotations
from sortline.data.folding.folds import holdout_split
from sortline.files import write_json

SPLIT_SEED = 0  # not the run's seed: runs of several seeds are compared on the same images


def hold_out_validation(cfg: Config, folder: str | Path) -> list[str]:
    """Split the train file where the dataset config names no validation file.

    The two parts are written to ``folder`` as COCO files, so that every later step reads ordinary files;
    the same train file and fraction always give the same parts.

    Args:
        cfg: An unbound config; its ``ann_files`` are pointed at the parts, and say where these are from.
        folder: Where ``train.json`` and ``val.json`` go.

    Returns:
        A line for the log, or none when there was nothing to do.

    Raises:
        InputError: The train file can't be read.
    """
    ann_files = cfg.get("ann_files")
    if not ann_files or ann_files.get("val") or not ann_files.get("train") or not cfg.get("val_dataloader"):
        return []
    source = os.path.join(cfg.get("data_root") or "", ann_files.train)
    ann_files.held_out_from = ann_files.train
    parts = holdout_split(read_annotations(source), cfg.val_fraction, SPLIT_SEED)
    for name, part in zip(("train", "val"), parts, strict=True):
        path = Path(folder).resolve() / f"{name}.json"
        write_json(path, part)
        ann_files[name] = str(path)
    train, val = (len(part["images"]) for part in parts)
    return [f"{source} split into {train} images to train on and {val} to validate on ({folder})"]
