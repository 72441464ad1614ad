"""Bilinear interpolation as mmcv's kernels define it; shared by the ops that pool regions.

Up to one pixel beyond a feature map's border the border's value goes on; farther out everything is zero
(``bilinear_interpolate`` in mmcv's ``csrc/common/cuda/common_cuda_helper.hpp``).
"""

from __future__ import annotations

import torch
from torch import Tensor


def neighbours(position: Tensor, size: int) -> list[tuple[Tensor, Tensor]]:
    """The two pixels beside each position along one axis, and their weights.

    Args:
        position: In pixels, of any shape.
        size: Pixels along the axis.
    """
    inside = (position >= -1) & (position <= size)
    position = position.clamp(0, size - 1)
    low = position.long()
    fraction = position - low
    return [
        (low, (1 - fraction) * inside),
        ((low + 1).clamp_(max=size - 1), fraction * inside),
    ]


def corners(y: Tensor, x: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """The four pixels around each point (y, x).

    Returns:
        Their indices in the flattened map and their weights, both of the points' shape and a last axis of 4.
        The weights are differentiable with respect to the point.
    """
    pairs = [(row, column) for row in neighbours(y, height) for column in neighbours(x, width)]
    index = torch.stack([row * width + column for (row, _), (column, _) in pairs], dim=-1)
    weight = torch.stack([row_weight * column_weight for (_, row_weight), (_, column_weight) in pairs], dim=-1)
    return index, weight
