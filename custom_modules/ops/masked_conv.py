"""Convolution at chosen positions only, behind ``mmcv.ops.MaskedConv2d``, which guided anchoring predicts with.

mmcv gathers the windows of the chosen positions, multiplies them with the weights itself, and puts the results into
a map of zeros. There is no gradient: in training the layer is an ordinary convolution. Semantics follow mmcv's
``csrc/common/cuda/masked_conv2d_cuda_kernel.cuh``.
"""

from __future__ import annotations

import torch
from torch import Tensor


def masked_im2col_forward(
    im: Tensor,
    mask_h_idx: Tensor,
    mask_w_idx: Tensor,
    col: Tensor,
    kernel_h: int,
    kernel_w: int,
    pad_h: int,
    pad_w: int,
) -> None:
    """Copy the window around each chosen position.

    Args:
        im: Features of one image, shape ``(1, C, H, W)``.
        mask_h_idx: Row of each position, shape ``(N,)``.
        mask_w_idx: Column of each position, shape ``(N,)``.
        col: Filled in place, with 0 beyond the border; shape ``(C * kernel_h * kernel_w, N)``.
    """
    _, channels, height, width = im.shape
    rows, inside_rows = _window(mask_h_idx, kernel_h, pad_h, height)
    columns, inside_columns = _window(mask_w_idx, kernel_w, pad_w, width)
    index = rows[:, None] * width + columns
    outside = ~(inside_rows[:, None] & inside_columns)
    windows = im.reshape(channels, -1)[:, index].masked_fill_(outside, 0)
    col.copy_(windows.view_as(col))


def masked_col2im_forward(
    col: Tensor, mask_h_idx: Tensor, mask_w_idx: Tensor, im: Tensor, height: int, width: int, channels: int
) -> None:
    """Write each position's column of ``col`` ``(C, N)`` to its position in ``im`` ``(1, C, height, width)``."""
    im[0, :, mask_h_idx, mask_w_idx] = col.to(im.dtype)


def _window(position: Tensor, kernel: int, padding: int, size: int) -> tuple[Tensor, Tensor]:
    """Return the pixels of each position's window along one axis and which lie inside, both ``(kernel, N)``."""
    pixels = position + torch.arange(kernel, device=position.device)[:, None] - padding
    return pixels.clamp(0, size - 1), (pixels >= 0) & (pixels < size)
