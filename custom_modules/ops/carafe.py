"""Content-aware upsampling, behind ``mmcv.ops.CARAFEPack`` and ``CARAFENaive``: https://arxiv.org/abs/1905.02188.

Each output pixel is a weighted sum of the ``kernel_size`` x ``kernel_size`` input pixels around its source, with
weights of its own. Semantics follow mmcv's ``csrc/common/cuda/carafe_naive_cuda_kernel.cuh``, of which ``carafe`` is a
faster form; here the two are one, a pass over the output for each element of the kernel. Shapes: features
``(N, C, H, W)``, masks ``(N, group_size * kernel_size ** 2, sH, sW)``, output ``(N, C, sH, sW)``, where s is
``scale_factor``.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from custom_modules.ops.dtypes import compute_dtype


def carafe_forward(
    features: Tensor,
    masks: Tensor,
    rfeatures: Tensor,
    routput: Tensor,
    rmasks: Tensor,
    output: Tensor,
    kernel_size: int,
    group_size: int,
    scale_factor: int,
) -> None:
    """Fill ``output``; and ``rfeatures`` with the features, which is all that mmcv hands to ``carafe_backward``.

    mmcv keeps rearranged copies in ``rfeatures``, ``routput`` and ``rmasks``; here the latter two are left alone.
    """
    rfeatures.copy_(features)
    carafe_naive_forward(features, masks, output, kernel_size, group_size, scale_factor)


def carafe_backward(
    top_grad: Tensor,
    rfeatures: Tensor,
    masks: Tensor,
    rtop_grad: Tensor,
    rbottom_grad_hs: Tensor,
    rbottom_grad: Tensor,
    rmask_grad: Tensor,
    bottom_grad: Tensor,
    mask_grad: Tensor,
    kernel_size: int,
    group_size: int,
    scale_factor: int,
) -> None:
    """Fill ``bottom_grad``, shaped like the features, and ``mask_grad``, shaped like the masks."""
    carafe_naive_backward(top_grad, rfeatures, masks, bottom_grad, mask_grad, kernel_size, group_size, scale_factor)


def carafe_naive_forward(
    features: Tensor, masks: Tensor, output: Tensor, kernel_size: int, group_size: int, scale_factor: int
) -> None:
    """Fill ``output``."""
    dtype = compute_dtype(features)
    padded = F.pad(features.to(dtype), [kernel_size // 2] * 4)
    weights = _by_source(masks.to(dtype), group_size, scale_factor)
    total = _by_source(torch.zeros_like(output, dtype=dtype), group_size, scale_factor)
    for element, window in enumerate(_windows(padded, kernel_size, group_size)):
        total.addcmul_(window[:, :, :, None, None], weights[:, :, element, None])
    output.copy_(_by_pixel(total, output.shape))


def carafe_naive_backward(
    top_grad: Tensor,
    features: Tensor,
    masks: Tensor,
    bottom_grad: Tensor,
    mask_grad: Tensor,
    kernel_size: int,
    group_size: int,
    scale_factor: int,
) -> None:
    """Fill ``bottom_grad``, shaped like the features, and ``mask_grad``, shaped like the masks."""
    dtype = compute_dtype(top_grad)
    half = kernel_size // 2
    grad = _by_source(top_grad.to(dtype), group_size, scale_factor)
    padded = F.pad(features.to(dtype), [half] * 4)
    padded_grad = torch.zeros_like(padded)
    weights = _by_source(masks.to(dtype), group_size, scale_factor)
    grad_weights = torch.empty_like(weights)
    windows = zip(*(_windows(tensor, kernel_size, group_size) for tensor in (padded, padded_grad)), strict=True)
    for element, (window, window_grad) in enumerate(windows):
        window_grad += (grad * weights[:, :, element, None]).sum(dim=(3, 4))
        grad_weights[:, :, element] = (grad * window[:, :, :, None, None]).sum(dim=2)
    bottom_grad.copy_(padded_grad[..., half : half + features.shape[2], half : half + features.shape[3]])
    mask_grad.copy_(_by_pixel(grad_weights, mask_grad.shape))


def _by_source(output: Tensor, group_size: int, scale_factor: int) -> Tensor:
    """Reshape an output, or masks, by source pixel: ``(N, groups, C / groups, s, s, H, W)``.

    A group's channels of the masks are the elements of its kernel. With the source's pixels innermost, products with
    it use contiguous memory.
    """
    batch, channels, height, width = output.shape
    s = scale_factor
    parts = output.reshape(batch, group_size, channels // group_size, height // s, s, width // s, s)
    return parts.permute(0, 1, 2, 4, 6, 3, 5).contiguous()


def _by_pixel(parts: Tensor, shape: torch.Size) -> Tensor:
    """Undo ``_by_source``."""
    return parts.permute(0, 1, 2, 5, 3, 6, 4).reshape(shape)


def _windows(padded: Tensor, kernel_size: int, group_size: int) -> Iterator[Tensor]:
    """Yield the view of a padded map for each kernel element, row by row: ``(N, groups, C / groups, H, W)``."""
    groups = padded.unflatten(1, (group_size, -1))
    height, width = (size - kernel_size + 1 for size in padded.shape[2:])
    for top in range(kernel_size):
        for left in range(kernel_size):
            yield groups[..., top : top + height, left : left + width]
