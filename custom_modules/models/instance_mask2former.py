"""Mask2Former for instance segmentation only, with the number of classes in one place."""

from __future__ import annotations

from typing import Any

from mmdet.models.detectors import Mask2Former
from mmdet.registry import MODELS
from mmengine.config import ConfigDict

NO_OBJECT_WEIGHT = 0.1  # weight of the class "no object" in the loss, as in the paper


@MODELS.register_module()
class InstanceMask2Former(Mask2Former):
    """Mask2Former (https://arxiv.org/abs/2112.01527) without stuff classes and panoptic fusion.

    mmdet's class takes the number of classes in five places; here it is ``mask_head.num_classes``, set from the
    dataset config when a run starts. Boxes are the masks' bounding boxes.

    Args:
        mask_head: A ``Mask2FormerHead`` with ``num_classes``.
        kwargs: As for mmdet's ``Mask2Former``, except its two panoptic heads.
    """

    def __init__(self, mask_head: dict[str, Any], **kwargs: Any) -> None:
        head = ConfigDict(mask_head)
        classes = head.pop("num_classes")
        counts = dict(num_things_classes=classes, num_stuff_classes=0)
        head.update(counts)
        head.loss_cls.class_weight = [1.0] * classes + [NO_OBJECT_WEIGHT]
        fusion = ConfigDict(type="MaskFormerFusionHead", loss_panoptic=None, init_cfg=None, **counts)
        super().__init__(panoptic_head=head, panoptic_fusion_head=fusion, **kwargs)
