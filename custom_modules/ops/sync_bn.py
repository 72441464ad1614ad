"""Batch normalisation in steps, behind mmcv's ``norm_cfg=dict(type='MMSyncBN')``.

Between the steps mmcv exchanges the statistics of all processes. Input and gradients have the shape ``(N, C, S)``, with
all positions of an image in S; statistics the shape ``(C,)``, in float32.
"""

from __future__ import annotations

from torch import Tensor

from custom_modules.ops.dtypes import compute_dtype


def sync_bn_forward_mean(input: Tensor, mean: Tensor) -> None:
    """Fill ``mean`` with the mean of each channel."""
    mean.copy_(input.to(compute_dtype(input)).mean(dim=(0, 2)))


def sync_bn_forward_var(input: Tensor, mean: Tensor, var: Tensor) -> None:
    """Fill ``var`` with each channel's mean squared distance from ``mean``, that of all processes."""
    var.copy_((input.to(compute_dtype(input)) - mean[:, None]).square().mean(dim=(0, 2)))


def sync_bn_forward_output(
    input: Tensor,
    mean: Tensor,
    var: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    norm: Tensor,
    std: Tensor,
    output: Tensor,
    eps: float,
    momentum: float | Tensor,
    group_size: int,
) -> None:
    """Normalise, and update the running statistics where there are any.

    Args:
        norm: Filled in place with the normalised input.
        std: Filled in place with the standard deviation, ``eps`` included.
        output: Filled in place with ``norm * weight + bias``.
        momentum: Share of this batch in the running statistics.
        group_size: Number of processes; all are assumed to have the same number of values.
    """
    std.copy_((var + eps).sqrt())
    norm.copy_((input.to(compute_dtype(input)) - mean[:, None]) / std[:, None])
    output.copy_(norm if weight is None or bias is None else norm * weight[:, None] + bias[:, None])
    if running_mean is None or running_var is None:
        return
    count = input.shape[0] * input.shape[2] * group_size
    unbiased = var * (count / (count - 1)) if count > 1 else var
    for running, batch in ((running_mean, mean), (running_var, unbiased)):
        running.mul_(1 - momentum).add_(batch * momentum)


def sync_bn_backward_param(grad_output: Tensor, norm: Tensor, grad_weight: Tensor, grad_bias: Tensor) -> None:
    """Fill ``grad_weight`` and ``grad_bias`` with this process's part."""
    grad = grad_output.to(compute_dtype(grad_output))
    grad_weight.copy_((grad * norm).sum(dim=(0, 2)))
    grad_bias.copy_(grad.sum(dim=(0, 2)))


def sync_bn_backward_data(
    grad_output: Tensor,
    weight: Tensor,
    grad_weight: Tensor,
    grad_bias: Tensor,
    norm: Tensor,
    std: Tensor,
    grad_input: Tensor,
) -> None:
    """Fill ``grad_input``; ``grad_weight`` and ``grad_bias`` are the means over all processes."""
    grad = grad_output.to(compute_dtype(grad_output))
    count = grad_output.shape[0] * grad_output.shape[2]
    shared = (norm * grad_weight[:, None] + grad_bias[:, None]) / count
    grad_input.copy_((grad - shared) * (weight / std)[:, None])
