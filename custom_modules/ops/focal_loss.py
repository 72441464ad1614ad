"""Focal loss, behind ``mmcv.ops.SigmoidFocalLoss`` and ``SoftmaxFocalLoss``: https://arxiv.org/abs/1708.02002.

Targets are class indices. ``weight`` has one factor for each class, applied by the target's class, or is empty. Rows
whose target is not a class have the factor 1 (for these mmcv reads beyond the end of ``weight``).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from custom_modules.ops.dtypes import compute_dtype


def sigmoid_focal_loss_forward(
    input: Tensor, target: Tensor, weight: Tensor, output: Tensor, gamma: float, alpha: float
) -> None:
    """Fill ``output`` with the loss of each class of each row, each class independently.

    Args:
        input: Logits, shape ``(N, C)``.
        target: Class of each row, shape ``(N,)``; any other value (mmdet passes C) means background.
        weight: Shape ``(C,)`` or empty.
        output: Filled in place; shape ``(N, C)``.
        gamma: Focusing exponent, which reduces the loss of easy rows.
        alpha: Weight of the target class; the others have ``1 - alpha``.
    """
    logits = input.to(compute_dtype(input))
    negative = torch.sigmoid(logits).pow_(gamma).mul_(F.logsigmoid(-logits)).mul_(alpha - 1)

    def positive(logit: Tensor) -> Tensor:
        return torch.sigmoid(-logit).pow_(gamma) * F.logsigmoid(logit) * -alpha

    _fill(output, logits, target, weight, negative, positive(_at_target(logits, target)))


def sigmoid_focal_loss_backward(
    input: Tensor, target: Tensor, weight: Tensor, grad_input: Tensor, gamma: float, alpha: float
) -> None:
    """Fill ``grad_input`` with the derivative of each loss with respect to its logit; arguments as for forward."""
    logits = input.to(compute_dtype(input))
    p = torch.sigmoid(logits)
    # p^gamma (gamma (1 - p) log(1 - p) - p), where log(1 - p) = logsigmoid(-x) is precise for large x.
    negative = (F.logsigmoid(-logits) * (1 - p) * gamma - p) * p.pow(gamma) * (alpha - 1)
    logit = _at_target(logits, target)
    p, rest = torch.sigmoid(logit), torch.sigmoid(-logit)
    positive = rest.pow(gamma) * (rest - gamma * p * F.logsigmoid(logit)) * -alpha
    _fill(grad_input, logits, target, weight, negative, positive)


def _at_target(values: Tensor, target: Tensor) -> Tensor:
    """Return the value at each row's target, at an arbitrary class if the target is not a class; shape ``(N, 1)``."""
    return values.gather(1, target.clamp(0, values.shape[1] - 1)[:, None])


def _fill(output: Tensor, logits: Tensor, target: Tensor, weight: Tensor, negative: Tensor, positive: Tensor) -> None:
    """Write ``positive`` ``(N, 1)`` into the target column of ``negative`` ``(N, C)``, weight rows, fill ``output``."""
    is_class = ((target >= 0) & (target < logits.shape[1]))[:, None]
    column = target.clamp(0, logits.shape[1] - 1)[:, None]
    negative.scatter_(1, column, torch.where(is_class, positive, negative.gather(1, column)))
    if weight.numel():
        negative *= _row_weights(target, weight, negative)[:, None]
    output.copy_(negative)


def _row_weights(target: Tensor, weight: Tensor, like: Tensor) -> Tensor:
    """Return the factor of each row, shape ``(N,)``."""
    if weight.numel() == 0:
        return like.new_ones(len(target))
    is_class = (target >= 0) & (target < len(weight))
    factors = weight.to(like.dtype)[target.clamp(0, len(weight) - 1)]
    return torch.where(is_class, factors, factors.new_ones(()))


def softmax_focal_loss_forward(
    softmax: Tensor, target: Tensor, weight: Tensor, output: Tensor, gamma: float, alpha: float
) -> None:
    """Fill ``output`` with the loss of each row.

    Args:
        softmax: Probabilities, shape ``(N, C)``.
        target: Class of each row, shape ``(N,)``; a row with a negative one has loss 0.
        weight: Shape ``(C,)`` or empty.
        output: Filled in place; shape ``(N,)``.
        gamma: Focusing exponent, which reduces the loss of easy rows.
        alpha: Factor of the loss.
    """
    p = _at_target(softmax.to(compute_dtype(softmax)), target)[:, 0]
    loss = (1 - p).pow(gamma) * _log(p) * -alpha
    output.copy_(torch.where(target >= 0, loss * _row_weights(target, weight, loss), 0))


def softmax_focal_loss_backward(
    softmax: Tensor, target: Tensor, weight: Tensor, buff: Tensor, grad_input: Tensor, gamma: float, alpha: float
) -> None:
    """Fill ``grad_input`` with the derivative of each row's loss with respect to the row's logits.

    Args:
        buff: Filled in place with the factor shared by a row's classes; shape ``(N,)``.
        grad_input: Filled in place; shape ``(N, C)``.

    The other arguments are those of the forward call.
    """
    probabilities = softmax.to(compute_dtype(softmax))
    p = _at_target(probabilities, target)[:, 0]
    rest = 1 - p
    # Where p is 1 and gamma below 1, rest^(gamma - 1) would be infinite and its product with log(p) = 0 NaN.
    fading = gamma * rest.clamp(min=_tiny(rest)).pow(gamma - 1) * p * _log(p)
    shared = alpha * (fading - rest.pow(gamma)) * _row_weights(target, weight, p)
    shared = torch.where(target >= 0, shared, 0)
    buff.copy_(shared)
    is_target = F.one_hot(target.clamp(min=0), softmax.shape[1])
    grad_input.copy_(shared[:, None] * (is_target - probabilities))


def _log(p: Tensor) -> Tensor:
    return p.clamp(min=_tiny(p)).log()


def _tiny(like: Tensor) -> float:
    return torch.finfo(like.dtype).tiny
