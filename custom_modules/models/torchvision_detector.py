"""torchvision's detectors as detectors of mmdet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmdet.models.detectors import BaseDetector
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import get_box_tensor
from mmengine.logging import print_log
from mmengine.structures import InstanceData

from custom_modules.models.torchvision_nets import (
    apply_test_cfg,
    backbone_norms,
    build_net,
    class_layers,
    label_offset,
    load_pretrained,
)
from sortline.errors import InputError, Problem


@MODELS.register_module()
class TorchvisionDetector(BaseDetector):
    """One of torchvision's box detectors with mmdet's inputs and predictions.

    The pipeline resizes photos and ``data_preprocessor`` normalises them; torchvision's own transform, which would do
    both again, only pads. Boxes are clipped to the photo without its padding. Crowd regions, which torchvision can't
    ignore, count as background.

    Args:
        model_name: torchvision's name, such as ``"fasterrcnn_resnet50_fpn_v2"``.
        num_classes: Number of classes without the background.
        trainable_backbone_layers: Number of the backbone's layers, counted from the last one, that are trained. The
            default is torchvision's: 3 of 5 for ResNet, all for SSDlite. As in torchvision, all are trained if the
            model does not start from pretrained weights.
        norm_eval: Freeze the batch norms of the backbone, as ``FrozenBatchNorm2d`` does. torchvision does so in the
            detectors without ``v2``, except SSD, if they start from pretrained weights.
        test_cfg: ``score_thr``, ``nms=dict(iou_threshold=...)`` and ``max_per_img`` in place of torchvision's.
        data_preprocessor: As for any detector of mmdet.
        init_cfg: ``dict(type="Pretrained", checkpoint=...)``: weights of a whole detector, whose class-dependent
            layers start fresh if the number of classes differs, or of the classifier in its backbone.

    Raises:
        InputError: torchvision has no such detector, or an unknown setting.
    """

    is_init: bool

    def __init__(
        self,
        model_name: str,
        num_classes: int,
        trainable_backbone_layers: int | None = None,
        norm_eval: bool = False,
        test_cfg: dict[str, Any] | None = None,
        data_preprocessor: dict[str, Any] | None = None,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(data_preprocessor, init_cfg)
        if init_cfg is not None and init_cfg.get("type") != "Pretrained":
            remedy = 'write init_cfg=dict(type="Pretrained", checkpoint=...) or None'
            raise InputError(Problem("model.init_cfg.type", f"is {init_cfg.get('type')!r}", remedy))
        self.model_name = model_name
        self.num_classes = num_classes
        self.norm_eval = norm_eval
        self.net = build_net(model_name, num_classes, init_cfg is not None, trainable_backbone_layers)
        self.label_offset = label_offset(model_name)
        apply_test_cfg(self.net, test_cfg or {})
        for module in backbone_norms(self.net) if norm_eval else ():
            module.requires_grad_(False)

    def init_weights(self) -> None:
        """Load the pretrained weights, once.

        Raises:
            InputError: The file does not hold weights of this detector.
        """
        if self.is_init or self.init_cfg is None:
            return
        checkpoint = self.init_cfg["checkpoint"]
        class_dependent = class_layers(self.net, self.model_name, self.num_classes)
        fresh = load_pretrained(self.net, checkpoint, class_dependent)
        self.is_init = True
        rest = f"; these start fresh: {', '.join(fresh)}" if fresh else ""
        print_log(f"{self.model_name}: weights from {checkpoint}{rest}", logger="current")

    def train(self, mode: bool = True) -> TorchvisionDetector:
        """Switch to training mode, except for the backbone's batch norms if ``norm_eval`` is set."""
        super().train(mode)
        for module in backbone_norms(self.net) if self.norm_eval else ():
            module.eval()
        return self

    def loss(self, batch_inputs: torch.Tensor, batch_data_samples: Sequence[DetDataSample]) -> dict[str, torch.Tensor]:
        """Return torchvision's losses, named ``loss_...``, by which mmengine recognises what to sum.

        Args:
            batch_inputs: Normalised photos, padded to one size, shape ``(N, 3, H, W)``.
            batch_data_samples: With ``gt_instances``, boxes in pixels of these photos.
        """
        targets = [self._target(sample) for sample in batch_data_samples]
        losses = self.net(_unpadded(batch_inputs, batch_data_samples), targets)
        return {f"loss_{name.removeprefix('loss_')}": value for name, value in losses.items()}

    def _target(self, sample: DetDataSample) -> dict[str, torch.Tensor]:
        """Convert a photo's ground truth to torchvision's form, without boxes of no area, which torchvision refuses."""
        boxes_xyxy = get_box_tensor(sample.gt_instances.bboxes)
        has_area = (boxes_xyxy[:, 2:] > boxes_xyxy[:, :2]).all(dim=1)
        labels = sample.gt_instances.labels + self.label_offset
        return {"boxes": boxes_xyxy[has_area], "labels": labels[has_area]}

    def predict(
        self, batch_inputs: torch.Tensor, batch_data_samples: Sequence[DetDataSample], rescale: bool = True
    ) -> Sequence[DetDataSample]:
        """Add ``pred_instances`` to the samples.

        Args:
            batch_inputs: Normalised photos, padded to one size, shape ``(N, 3, H, W)``.
            batch_data_samples: The samples of these photos.
            rescale: Return boxes in pixels of the photo before the pipeline resized it.
        """
        found = self.net(_unpadded(batch_inputs, batch_data_samples))
        results = [
            self._instances(detections, sample.scale_factor if rescale else (1.0, 1.0))
            for detections, sample in zip(found, batch_data_samples, strict=True)
        ]
        return self.add_pred_to_datasample(batch_data_samples, results)

    def _instances(self, detections: dict[str, torch.Tensor], scale_wh: Sequence[float]) -> InstanceData:
        """Convert one photo's detections to mmdet's form, with boxes divided by the scale of width and height."""
        boxes_xyxy = detections["boxes"]
        return InstanceData(
            bboxes=boxes_xyxy / boxes_xyxy.new_tensor([*scale_wh, *scale_wh]),
            scores=detections["scores"],
            labels=detections["labels"] - self.label_offset,
        )

    def _forward(self, batch_inputs: torch.Tensor, batch_data_samples: Any = None) -> list[dict[str, torch.Tensor]]:
        """Return torchvision's own detections, for tools that count operations or trace the model."""
        return self.net(list(batch_inputs))

    def extract_feat(self, batch_inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return the feature maps that the heads use."""
        features = self.net.backbone(batch_inputs)
        return tuple(features.values())


def _unpadded(batch_inputs: torch.Tensor, samples: Sequence[DetDataSample]) -> list[torch.Tensor]:
    """Return the photos of a batch without padding, as views: torchvision reads their sizes from their shapes."""
    return [
        image[:, : sample.img_shape[0], : sample.img_shape[1]]
        for image, sample in zip(batch_inputs, samples, strict=True)
    ]
