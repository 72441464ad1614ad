"""BorderAlign, behind ``mmcv.ops.BorderAlign``: https://arxiv.org/abs/2007.11056.

Semantics follow mmcv's ``csrc/common/cuda/border_align_cuda_kernel.cuh``. The features' channels are four groups of C,
one a side of the boxes, in the order top, left, bottom, right.
"""

from __future__ import annotations

import torch
from torch import Tensor

from custom_modules.ops.bilinear import corners
from custom_modules.ops.dtypes import compute_dtype


def border_align_forward(input: Tensor, boxes: Tensor, output: Tensor, argmax_idx: Tensor, pool_size: int) -> None:
    """Take the largest of ``pool_size + 1`` bilinear samples along each side of each box.

    Args:
        input: Features, shape ``(B, 4 * C, H, W)``.
        boxes: (x1, y1, x2, y2) in feature pixels, shape ``(B, N, 4)``.
        output: Filled in place; shape ``(B, C, N, 4)``.
        argmax_idx: Filled in place with the number of the winning sample, of equal ones the first; shaped like
            ``output``. Top and left count from the first corner, bottom and right from the last.
    """
    dtype = compute_dtype(input)
    height, width = input.shape[2:]
    features = input.to(dtype).unflatten(1, (4, -1)).flatten(3)
    start, step = _sides(boxes.to(dtype), pool_size)
    best = _samples(features, start, height, width)
    winner = torch.zeros_like(best, dtype=torch.long)
    for number in range(1, pool_size + 1):
        values = _samples(features, start + number * step, height, width)
        better = values > best
        best = torch.where(better, values, best)
        winner.masked_fill_(better, number)
    output.copy_(best.permute(0, 2, 3, 1))
    argmax_idx.copy_(winner.permute(0, 2, 3, 1))


def border_align_backward(
    grad_output: Tensor, boxes: Tensor, argmax_idx: Tensor, grad_input: Tensor, pool_size: int
) -> None:
    """Fill ``grad_input`` ``(B, 4 * C, H, W)``: each gradient goes to the pixels around the sample that won.

    Args:
        grad_output: Shape ``(B, C, N, 4)``.

    The other arguments are those of the forward call, ``argmax_idx`` as it left it.
    """
    dtype = compute_dtype(grad_output)
    height, width = grad_input.shape[2:]
    grad = grad_output.to(dtype).permute(0, 3, 1, 2)
    start, step = _sides(boxes.to(dtype), pool_size)
    # (B, 4, C, N, 2): each channel has its own winner.
    point = start[:, :, None] + argmax_idx.permute(0, 3, 1, 2)[..., None] * step[:, :, None]
    index, weight = corners(point[..., 0], point[..., 1], height, width)
    total = torch.zeros((*grad.shape[:3], height * width), dtype=dtype, device=grad.device)
    total.scatter_add_(3, index.flatten(3), (grad[..., None] * weight).flatten(3))
    grad_input.copy_(total.view_as(grad_input))


def _sides(boxes: Tensor, pool_size: int) -> tuple[Tensor, Tensor]:
    """First sample (y, x) on each side of each box, and the step to the next, both of shape ``(B, 4, N, 2)``."""
    first, last = boxes[..., [1, 0]], boxes[..., [3, 2]]
    step = (last - first) / pool_size
    along_x, along_y = step * step.new_tensor([0, 1]), step * step.new_tensor([1, 0])
    starts = torch.stack([first, first, last, last], dim=1)
    return starts, torch.stack([along_x, along_y, -along_x, -along_y], dim=1)


def _samples(features: Tensor, point: Tensor, height: int, width: int) -> Tensor:
    """Bilinear samples of features ``(B, 4, C, H * W)`` at the points ``(B, 4, N, 2)``; shape ``(B, 4, C, N)``."""
    index, weight = corners(point[..., 0], point[..., 1], height, width)
    channels = features.shape[2]
    return sum(
        features.gather(3, index[:, :, None, :, corner].expand(-1, -1, channels, -1)) * weight[:, :, None, :, corner]
        for corner in range(4)
    )
