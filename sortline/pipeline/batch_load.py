"""The heaviest image that a config's training can meet: its size, boxes and masks."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mmengine.config import Config

from sortline.data.annotations import read_annotations
from sortline.pipeline.bind import annotation_path, class_names, leaf_datasets
from sortline.pipeline.plan import image_size

LEAST_BOXES = 50
# How many photos' boxes these steps put into one.
MIXED_PHOTOS = {"Mosaic": 4, "CachedMosaic": 4, "MixUp": 2, "CachedMixUp": 2}
RESIZE = "BatchSyncRandomResize"


@dataclass(frozen=True)
class Load:
    """The heaviest image that training can meet.

    Attributes:
        width: In pixels.
        height: In pixels.
        boxes: Ground-truth boxes on it.
        classes: Number of classes.
        masks: Whether each box has a mask.
        semantic: Whether the image has a map of classes.
    """

    width: int
    height: int
    boxes: int
    classes: int
    masks: bool = False
    semantic: bool = False


def heaviest_load(cfg: Config) -> Load:
    """Work out the heaviest image from a bound config's pipeline and annotation files."""
    pipeline = [step for dataset in _pipelines(cfg.train_dataloader.dataset) for step in dataset]
    width, height = image_size(cfg.get("train_pipeline") or pipeline)
    augments = (cfg.model.get("data_preprocessor") or {}).get("batch_augments") or []
    for augment in augments:
        if augment.get("type") == RESIZE:
            width = height = max(width, height, *augment.random_size_range)
    batch_sampler = (cfg.train_dataloader.get("batch_sampler") or {}).get("type", "")
    if "AspectRatio" not in batch_sampler:  # landscape and portrait images share a batch, padded to hold both
        width = height = max(width, height)
    loads = [step for step in pipeline if step.get("type") == "LoadAnnotations"]
    loads += [step for step in pipeline if step.get("type") == "LoadPanopticAnnotations"]
    mixed = math.prod(MIXED_PHOTOS.get(step.get("type"), 1) for step in pipeline)
    return Load(
        width,
        height,
        max(LEAST_BOXES, mixed * _most_boxes(cfg)),
        max(len(class_names(cfg)), 1),
        any(step.get("with_mask") for step in loads),
        any(step.get("with_seg") for step in loads),
    )


def _pipelines(dataset: Any) -> Iterator[Any]:
    """Walk through dataset wrappers and yield every pipeline."""
    if dataset.get("pipeline"):
        yield dataset.pipeline
    children = dataset.get("datasets") or [dataset.get("dataset")]
    for child in children:
        if child:
            yield from _pipelines(child)


def _most_boxes(cfg: Config) -> int:
    """Count the boxes of the fullest training image."""
    most = 0
    for dataset in leaf_datasets(cfg.train_dataloader.dataset):
        content = read_annotations(annotation_path(dataset))
        counts = Counter(box["image_id"] for box in content["annotations"])
        most = max([most, *counts.values()])
    return most


def image_count(cfg: Config) -> int:
    """Count the training images of a bound config."""
    leaves = leaf_datasets(cfg.train_dataloader.dataset)
    return sum(len(read_annotations(annotation_path(dataset))["images"]) for dataset in leaves)
