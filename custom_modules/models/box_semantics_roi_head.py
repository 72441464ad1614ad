"""Hybrid Task Cascade for data that has boxes and no masks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmdet.models.roi_heads.htc_roi_head import HybridTaskCascadeRoIHead
from mmdet.registry import MODELS
from mmdet.structures import SampleList
from mmdet.utils import InstanceList
from mmengine.structures import PixelData


@MODELS.register_module()
class BoxSemanticsRoIHead(HybridTaskCascadeRoIHead):
    """HTC's box cascade with its semantic branch, which learns from a map of filled boxes.

    HTC (https://arxiv.org/abs/1901.07518) combines a cascade of boxes, a cascade of masks and a semantic branch that
    gives every box head the context. Without masks there is no mask cascade, and no interleaved execution: if
    ``interleaved`` is set, mmdet refines boxes from stage to stage only on the way to a mask head
    (roi_heads/htc_roi_head.py, ``loss``). The semantic branch needs a map of classes; filled boxes are a coarse one.

    Args:
        semantic_head: A ``FusedSemanticHead``; its number of classes is set to that of the boxes plus background.
        bbox_head: One head for each stage.
        kwargs: As for mmdet's ``HybridTaskCascadeRoIHead``.
    """

    def __init__(self, semantic_head: dict[str, Any], bbox_head: Sequence[dict[str, Any]], **kwargs: Any) -> None:
        classes = bbox_head[0]["num_classes"] + 1
        # The map has the size of the branch's prediction, so it needs no scaling.
        semantic_head = dict(semantic_head, num_classes=classes, seg_scale_factor=1)
        super().__init__(
            semantic_head=semantic_head, bbox_head=bbox_head, interleaved=False, mask_info_flow=False, **kwargs
        )

    def loss(
        self, x: tuple[torch.Tensor, ...], rpn_results_list: InstanceList, batch_data_samples: SampleList
    ) -> dict[str, Any]:
        """Return the losses of all stages and of the semantic branch."""
        height, width = x[self.semantic_head.fusion_level].shape[-2:]
        for sample in batch_data_samples:
            stride = sample.batch_input_shape[1] / width
            instances = sample.gt_instances
            painted = paint_boxes(instances.bboxes / stride, instances.labels, (height, width))
            sample.gt_sem_seg = PixelData(sem_seg=painted[None])
        return super().loss(x, rpn_results_list, batch_data_samples)


def paint_boxes(boxes_xyxy: torch.Tensor, labels: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
    """Draw filled boxes of all classes into a map, the smallest on top.

    Args:
        boxes_xyxy: ``(N, 4)`` in cells of the map; every cell that a box touches is filled.
        labels: ``(N,)`` class indices.
        shape: Height and width of the map.

    Returns:
        ``(height, width)``: 0 for background, otherwise the class index plus 1.
    """
    painted = labels.new_zeros(shape)
    areas = (boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]).prod(dim=1)
    corners = torch.cat([boxes_xyxy[:, :2].floor(), boxes_xyxy[:, 2:].ceil()], dim=1).long().clamp(min=0)
    for index in areas.argsort(descending=True):
        x1, y1, x2, y2 = corners[index].tolist()
        painted[y1:y2, x1:x2] = labels[index] + 1
    return painted
