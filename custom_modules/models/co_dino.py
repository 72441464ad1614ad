"""DINO trained together with one-to-many heads on its encoder's maps."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from mmdet.models.detectors.dino import DINO
from mmdet.models.utils import rename_loss_dict, reweight_loss_dict
from mmdet.registry import MODELS
from mmdet.structures import SampleList


@MODELS.register_module()
class CoDINO(DINO):
    """DINO whose encoder is also trained by a dense head and a Faster R-CNN, which are not used for prediction.

    In a DETR each object trains one query, which gives the encoder little supervision. Co-DETR
    (https://arxiv.org/abs/2211.12860) adds detectors that assign many boxes to each object, on the encoder's output.
    This class implements that part, collaborative hybrid assignments. The other part, additional decoder queries from
    those detectors' positive boxes, is not implemented.

    Args:
        args: As for mmdet's ``DINO``.
        auxiliary_head: A dense head with its ``train_cfg``, such as ``ATSSHead``; None for no such head.
        rpn_head: A proposal head with its ``train_cfg`` and the ``test_cfg`` that makes proposals; None for no
            Faster R-CNN.
        roi_head: The head that classifies the proposals, with its ``train_cfg``; required with ``rpn_head``.
        auxiliary_weight: Weight of these heads' losses. The paper's is 2 for each of the six decoder layers.
        kwargs: As for mmdet's ``DINO``.
    """

    def __init__(
        self,
        *args: Any,
        auxiliary_head: dict[str, Any] | None = None,
        rpn_head: dict[str, Any] | None = None,
        roi_head: dict[str, Any] | None = None,
        auxiliary_weight: float = 12.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.auxiliary_weight = auxiliary_weight
        self.auxiliary_head = MODELS.build(auxiliary_head) if auxiliary_head else None
        self.rpn_head = MODELS.build(rpn_head) if rpn_head else None
        self.roi_head = MODELS.build(roi_head) if roi_head else None

    def loss(self, batch_inputs: torch.Tensor, batch_data_samples: SampleList) -> dict[str, Any]:
        """Return DINO's losses and those of the auxiliary heads, named ``dense_...``, ``rpn_...`` and ``roi_...``."""
        maps = self.extract_feat(batch_inputs)
        encoder_inputs, decoder_inputs = self.pre_transformer(maps, batch_data_samples)
        encoded = self.forward_encoder(**encoder_inputs)
        queries, head_inputs = self.pre_decoder(**encoded, batch_data_samples=batch_data_samples)
        head_inputs |= self.forward_decoder(**(decoder_inputs | queries))
        losses = self.bbox_head.loss(**head_inputs, batch_data_samples=batch_data_samples)
        encoded_maps = split_levels(encoded["memory"], [feature.shape[-2:] for feature in maps])
        auxiliary = self.dense_losses(encoded_maps, batch_data_samples)
        auxiliary |= self.two_stage_losses(encoded_maps, batch_data_samples)
        return losses | reweight_loss_dict(auxiliary, self.auxiliary_weight)

    def dense_losses(self, maps: tuple[torch.Tensor, ...], samples: SampleList) -> dict[str, Any]:
        """Return the dense head's losses."""
        if self.auxiliary_head is None:
            return {}
        return rename_loss_dict("dense_", self.auxiliary_head.loss(maps, samples))

    def two_stage_losses(self, maps: tuple[torch.Tensor, ...], samples: SampleList) -> dict[str, Any]:
        """Return the losses of the proposal head, which has one class only, and of the RoI head after it."""
        if self.rpn_head is None or self.roi_head is None:
            return {}
        objects = copy.deepcopy(samples)
        for sample in objects:
            sample.gt_instances.labels = torch.zeros_like(sample.gt_instances.labels)
        losses, proposals = self.rpn_head.loss_and_predict(maps, objects, proposal_cfg=self.rpn_head.test_cfg)
        losses = rename_loss_dict("rpn_", losses)
        return losses | rename_loss_dict("roi_", self.roi_head.loss(maps, proposals, samples))


def split_levels(memory: torch.Tensor, shapes: Sequence[tuple[int, int]]) -> tuple[torch.Tensor, ...]:
    """Convert an encoder's output to feature maps.

    Args:
        memory: ``(N, positions of all levels, channels)``.
        shapes: Height and width of each level.

    Returns:
        A map ``(N, channels, height, width)`` for each level.
    """
    levels = memory.split([height * width for height, width in shapes], dim=1)
    return tuple(
        level.transpose(1, 2).reshape(len(memory), -1, *shape) for level, shape in zip(levels, shapes, strict=True)
    )
