"""Class weights for losses of sigmoid heads, which have none of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmdet.models.losses import QualityFocalLoss
from mmdet.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class ClassWeightedLoss(nn.Module):
    """Weights each sample of a classification loss by the class of its object.

    mmdet's FocalLoss, QualityFocalLoss and VarifocalLoss have no class weights, and ``class_weight`` of its sigmoid
    cross-entropy weights a class's column, not its samples. But all of them accept a weight for each sample: here a
    sample with an object of class c gets the weight ``class_weight[c]`` in all its columns, and a sample without an
    object gets ``background``.

    Args:
        loss: Config of the inner loss.
        class_weight: Weight of each class, in order.
        background: Weight of a sample without an object.
        use_sigmoid: Read by heads from a loss's config; always True.
    """

    def __init__(
        self, loss: dict[str, Any], class_weight: Sequence[float], background: float = 1.0, use_sigmoid: bool = True
    ) -> None:
        super().__init__()
        self.loss = MODELS.build(loss)
        self.use_sigmoid = use_sigmoid
        self.row_weights = [*class_weight, background]

    def forward(
        self,
        pred: Tensor,
        target: Tensor | tuple[Tensor, Tensor],
        weight: Tensor | None = None,
        avg_factor: float | None = None,
        reduction_override: str | None = None,
    ) -> Tensor:
        """Return the inner loss with weighted samples.

        Args:
            pred: ``(N, C)`` logits.
            target: ``(N,)`` labels with C for background; a pair of such labels and ``(N,)`` qualities; or ``(N, C)``
                targets with at most one above 0 in a row.
            weight: ``(N,)`` or ``(N, C)`` weights from the head.
            avg_factor: As for the inner loss.
            reduction_override: As for the inner loss.
        """
        is_dense = isinstance(target, Tensor) and target.dim() > 1
        rows = pred.new_tensor(self.row_weights, dtype=torch.float32)[labels_of(target)]
        # Losses with dense targets weight each value, except the quality focal loss, which sums over classes first.
        if (is_dense and not isinstance(self.loss, QualityFocalLoss)) or (weight is not None and weight.dim() > 1):
            rows = rows.unsqueeze(1)
        weight = rows if weight is None else weight * rows
        return self.loss(pred, target, weight, avg_factor=avg_factor, reduction_override=reduction_override)


def labels_of(target: Tensor | tuple[Tensor, Tensor]) -> Tensor:
    """Return ``(N,)`` labels from any form of target, with C, the number of classes, for no object."""
    if not isinstance(target, Tensor):
        return target[0]
    if target.dim() == 1:
        return target
    return torch.where(target.amax(1) > 0, target.argmax(1), target.size(1))
