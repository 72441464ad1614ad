"""Cross-entropy with focusing and label smoothing, for softmax and for sigmoid heads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmdet.models.losses.utils import weight_reduce_loss
from mmdet.registry import MODELS
from torch import Tensor, nn

from sortline.pipeline.check.training import refuse_arguments


def smoothed_targets(labels: Tensor, count: int, smoothing: float) -> Tensor:
    """Convert labels to distributions: ``1 - smoothing`` on the label, the rest spread evenly over all classes.

    Szegedy et al., https://arxiv.org/abs/1512.00567, section 7.

    Args:
        labels: ``(N,)`` class indices.
        count: Number of classes, including the background if it is one.
        smoothing: Probability to spread, from 0 to below 1.

    Returns:
        ``(N, count)`` float32, rows sum to 1.
    """
    return F.one_hot(labels, count).float() * (1 - smoothing) + smoothing / count


def softmax_focal_cross_entropy(logits: Tensor, labels: Tensor, gamma: float = 0.0, smoothing: float = 0.0) -> Tensor:
    """Return the loss of each sample: the sum over classes of ``-q (1 - p)^gamma log p``.

    Args:
        logits: ``(N, C)``, including the background's if there is one.
        labels: ``(N,)`` class indices.
        gamma: Focusing, 0 for none: https://arxiv.org/abs/1708.02002, equation 4.
        smoothing: As for :func:`smoothed_targets`.

    Returns:
        ``(N,)`` float32.
    """
    log_p = F.log_softmax(logits.float(), dim=-1)
    terms = -smoothed_targets(labels, logits.size(-1), smoothing) * log_p
    if gamma:
        terms = terms * (1 - log_p.exp()).pow(gamma)
    return terms.sum(-1)


def sigmoid_focal_cross_entropy(
    logits: Tensor, targets: Tensor, gamma: float = 0.0, alpha: float | None = None, smoothing: float = 0.0
) -> Tensor:
    """Return the loss of each sample and class: binary cross-entropy times ``|q - p|^gamma``.

    For hard targets this is the focal loss; for soft ones it focuses as the quality focal loss does
    (https://arxiv.org/abs/2006.04388). Only samples with an object are smoothed: their class to
    ``1 - smoothing + smoothing / C``, the others to ``smoothing / C``. Background targets stay 0: a one-stage detector
    has thousands of background samples for each object.

    Args:
        logits: ``(N, C)``.
        targets: ``(N,)`` class indices, C for background; or ``(N, C)`` targets from 0 to 1.
        gamma: Focusing, 0 for none.
        alpha: Weight of targets of 1; targets of 0 have ``1 - alpha``. None weights both by 1.
        smoothing: Probability to spread, from 0 to below 1.

    Returns:
        ``(N, C)`` float32.
    """
    logits, count = logits.float(), logits.size(-1)
    if targets.dim() == 1:
        targets = F.one_hot(targets, count + 1)[:, :count]
    targets = targets.float()
    if smoothing:
        with_object = targets.sum(-1, keepdim=True) > 0
        targets = torch.where(with_object, targets * (1 - smoothing) + smoothing / count, targets)
    loss = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    if gamma:
        loss = loss * (targets - logits.sigmoid()).abs().pow(gamma)
    if alpha is not None:
        loss = loss * (alpha * targets + (1 - alpha) * (1 - targets))
    return loss


@MODELS.register_module()
class FocalCrossEntropyLoss(nn.Module):
    """mmdet's ``CrossEntropyLoss`` and ``FocalLoss`` in one, with label smoothing.

    It accepts the keys of both: a recipe changes only the ``type`` of a loss and adds a key, and two recipes can be
    combined. With ``gamma=0`` and ``smoothing=0`` it is the cross-entropy; with sigmoid, ``alpha=0.25`` and
    ``gamma=2`` it is the focal loss. mmdet's focal loss is for sigmoid only, while two-stage heads predict by softmax.

    Args:
        use_sigmoid: Use a sigmoid for each class instead of a softmax over classes and background.
        gamma: Focusing: 2 is usual, 0 means none.
        alpha: Weight of targets of 1 against those of 0, sigmoid only; None weights both by 1.
        smoothing: Probability that label smoothing spreads over the classes.
        class_weight: Weight of a sample by its label: of each class, then of the background. Softmax only;
            :class:`ClassWeightedLoss` does the same for sigmoid.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.
        loss_weight: Factor on the result.

    Raises:
        InputError: A value is out of range, or not available with softmax or sigmoid.
    """

    def __init__(
        self,
        use_sigmoid: bool = False,
        gamma: float = 0.0,
        alpha: float | None = None,
        smoothing: float = 0.0,
        class_weight: Sequence[float] | None = None,
        reduction: str = "mean",
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        ranged = dict(gamma=gamma, alpha=alpha, smoothing=smoothing, class_weight=class_weight)
        refuse_arguments("FocalCrossEntropyLoss", use_sigmoid=use_sigmoid, **ranged)
        self.use_sigmoid = use_sigmoid
        self.gamma = gamma
        self.alpha = alpha
        self.smoothing = smoothing
        self.class_weight = class_weight
        self.reduction = reduction
        self.loss_weight = loss_weight

    def forward(
        self,
        pred: Tensor,
        target: Tensor,
        weight: Tensor | None = None,
        avg_factor: float | None = None,
        reduction_override: str | None = None,
        **_: Any,
    ) -> Tensor:
        """Return the loss.

        Args:
            pred: ``(N, C)`` logits; ``(N, C + 1)`` for softmax with background.
            target: ``(N,)`` labels; for sigmoid also ``(N, C)`` targets from 0 to 1.
            weight: ``(N,)`` weight of each sample, or ``(N, C)``.
            avg_factor: Divisor of the sum; the number of values by default.
            reduction_override: Used in place of ``reduction``.
            **_: Arguments that mmdet passes to cross-entropy only, such as ``ignore_index``.
        """
        if self.use_sigmoid:
            loss = sigmoid_focal_cross_entropy(pred, target, self.gamma, self.alpha, self.smoothing)
            if weight is not None and weight.dim() == 1:
                weight = weight.view(-1, 1) if weight.numel() == loss.size(0) else weight.view_as(loss)
        else:
            loss = softmax_focal_cross_entropy(pred, target, self.gamma, self.smoothing)
            if self.class_weight is not None:
                loss = loss * loss.new_tensor(self.class_weight)[target]
        weight = None if weight is None else weight.float()
        return self.loss_weight * weight_reduce_loss(loss, weight, reduction_override or self.reduction, avg_factor)
