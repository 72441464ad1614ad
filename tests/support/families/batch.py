"""Photos of noise with a few objects, in the form of a loader's batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import HorizontalBoxes
from mmdet.structures.mask import BitmapMasks
from mmengine.structures import InstanceData, PixelData

# Corners as parts of width and height: a small, a middle-sized and a large object, all inside.
BOXES_XYXYN = ((0.10, 0.15, 0.25, 0.40), (0.40, 0.30, 0.75, 0.80), (0.05, 0.05, 0.90, 0.95))
BATCH_SIZE = 2


def make_batch(
    size_wh: tuple[int, int], classes: int, masks: bool = False, semantic: bool = False, proposals: bool = False
) -> dict[str, Any]:
    """Make two photos, the first with three objects, the second with two.

    Args:
        size_wh: Width and height in pixels.
        classes: Number of classes; the objects' labels are taken from all of them.
        masks: Add a mask to each object: its filled box.
        semantic: Add a map of classes to each photo, shape ``(1, height, width)``.
        proposals: Add proposals to each photo, for detectors that read them from a file: the objects' boxes.

    Returns:
        ``inputs`` and ``data_samples``, as mmdet's data preprocessors take them.
    """
    width, height = size_wh
    generator = torch.Generator().manual_seed(0)
    photos = [
        torch.randint(0, 256, (3, height, width), generator=generator, dtype=torch.uint8) for _ in range(BATCH_SIZE)
    ]
    samples = [_sample(index, size_wh, classes, masks) for index in range(BATCH_SIZE)]
    for sample in samples:
        if semantic:
            sample.gt_sem_seg = PixelData(sem_seg=torch.zeros(1, height, width, dtype=torch.int64))
        if proposals:
            boxes_xyxy = sample.gt_instances.bboxes.tensor
            sample.proposals = InstanceData(bboxes=boxes_xyxy, scores=torch.ones(len(boxes_xyxy)))
    return dict(inputs=photos, data_samples=samples)


def semi_supervised(batch: dict[str, Any]) -> dict[str, Any]:
    """Use one batch for all three branches of a semi-supervised detector: labelled, teacher's and student's."""
    branches = ("sup", "unsup_teacher", "unsup_student")
    for sample in batch["data_samples"]:
        sample.set_metainfo(dict(homography_matrix=np.eye(3, dtype=np.float32)))
    samples = {name: [sample.clone() for sample in batch["data_samples"]] for name in branches}
    return dict(inputs={name: list(batch["inputs"]) for name in branches}, data_samples=samples)


def _sample(index: int, size_wh: tuple[int, int], classes: int, masks: bool) -> DetDataSample:
    width, height = size_wh
    meta = dict(
        img_id=index,
        img_path=f"{index}.jpg",
        img_shape=(height, width),
        ori_shape=(height, width),
        pad_shape=(height, width),
        batch_input_shape=(height, width),
        scale_factor=(1.0, 1.0),
        flip=False,
        flip_direction=None,
        border=np.array([0, height, 0, width]),
    )
    sample = DetDataSample(metainfo=meta)
    boxes_xyxy = torch.tensor(BOXES_XYXYN[index:]) * torch.tensor([width, height, width, height])
    sample.gt_instances = _instances(boxes_xyxy, size_wh, classes, masks)
    sample.ignored_instances = _instances(torch.zeros(0, 4), size_wh, classes, masks)
    return sample


def _instances(boxes_xyxy: torch.Tensor, size_wh: tuple[int, int], classes: int, masks: bool) -> InstanceData:
    width, height = size_wh
    instances = InstanceData(
        bboxes=HorizontalBoxes(boxes_xyxy, dtype=torch.float32), labels=torch.arange(len(boxes_xyxy)) % classes
    )
    if masks:
        filled = np.zeros((len(boxes_xyxy), height, width), dtype=np.uint8)
        for mask, (left, top, right, bottom) in zip(filled, boxes_xyxy.int().tolist(), strict=True):
            mask[top:bottom, left:right] = 1
        instances.masks = BitmapMasks(filled, height, width)
    return instances
