"""RoIPool, behind ``mmcv.ops.RoIPool``: https://arxiv.org/abs/1504.08083.

torchvision's op of this name rounds regions to whole pixels; mmcv's does not, so it is built here from maxima over
bags of pixels. Semantics follow mmcv's ``csrc/common/cuda/roi_pool_cuda_kernel.cuh``. Regions are rows of ``(K, 5)``:
index in the batch and box (x1, y1, x2, y2) in image pixels, the last pixel included.
"""

from __future__ import annotations

import torch
from torch import Tensor

from custom_modules.ops.dtypes import compute_dtype
from custom_modules.ops.pooling import bin_corners, chunks, grid_cells, maxima, pixel_rows


def roi_pool_forward(
    input: Tensor,
    rois: Tensor,
    output: Tensor,
    argmax: Tensor,
    pooled_height: int,
    pooled_width: int,
    spatial_scale: float,
) -> None:
    """Take the largest pixel of each of ``pooled_height`` x ``pooled_width`` bins of each region.

    Args:
        input: Features, shape ``(B, C, H, W)``.
        rois: Shape ``(K, 5)``.
        output: Filled in place, with 0 for a bin without pixels; shape ``(K, C, pooled_height, pooled_width)``.
        argmax: Filled in place with the winning pixel's index in the flattened map, -1 where there is none;
            shaped like ``output``. In a region without area mmcv leaves 0 here, which sends gradient to the
            first pixel.
        spatial_scale: Feature pixels an image pixel.
    """
    dtype = compute_dtype(input)
    pixels, (channels, height, width) = pixel_rows(input, dtype), input.shape[1:]
    size = (pooled_height, pooled_width)
    first, counts = _windows(rois.to(dtype), size, spatial_scale, height, width)
    image = rois[:, 0].long().repeat_interleave(pooled_height * pooled_width).view(first.shape[:2])
    for part in chunks(counts.prod(2).sum(1)):
        corner = first[part].flatten(0, 1)
        bag, row, column = grid_cells(*counts[part].flatten(0, 1).unbind(1))
        within = (corner[bag, 0] + row) * width + corner[bag, 1] + column
        index = image[part].flatten()[bag] * (height * width) + within
        values, winners = maxima(pixels, bag, index, len(corner))
        winners = torch.where(winners < 0, winners, winners % (height * width))
        output[part], argmax[part] = (
            result.view(-1, *size, channels).movedim(3, 1).to(target.dtype)
            for result, target in ((values, output), (winners, argmax))
        )


def roi_pool_backward(
    grad_output: Tensor,
    rois: Tensor,
    argmax: Tensor,
    grad_input: Tensor,
    pooled_height: int,
    pooled_width: int,
    spatial_scale: float,
) -> None:
    """Fill ``grad_input`` ``(B, C, H, W)``: each bin's gradient goes to the pixel that won it.

    Args:
        grad_output: Shape ``(K, C, pooled_height, pooled_width)``.

    The other arguments are those of the forward call, ``argmax`` as it left it.
    """
    _, channels, height, width = grad_input.shape
    total = torch.zeros(grad_input.numel(), dtype=compute_dtype(grad_output), device=grad_input.device)
    planes = rois[:, :1].long() * channels + torch.arange(channels, device=rois.device)
    winners = argmax.flatten(2).long()
    index = planes[:, :, None] * (height * width) + winners.clamp(min=0)
    grad = grad_output.to(total.dtype).flatten(2) * (winners >= 0)
    total.scatter_add_(0, index.flatten(), grad.flatten())
    grad_input.copy_(total.view_as(grad_input))


def _windows(
    rois: Tensor, size: tuple[int, int], spatial_scale: float, height: int, width: int
) -> tuple[Tensor, Tensor]:
    """Return the pixels that each bin touches.

    Returns:
        First pixel (y, x) and number of rows and columns, both of shape ``(K, bins, 2)``.
    """
    start = rois[:, [2, 1]] * spatial_scale
    length = (rois[:, [4, 3]] + 1) * spatial_scale - start
    low, high = bin_corners(start, length, size)
    limits = low.new_tensor((height, width))
    first = torch.minimum(low.floor().clamp(min=0), limits)
    counts = (torch.minimum(high.ceil(), limits) - first).clamp(min=0)
    has_area = (length > 0).all(dim=1)[:, None, None]
    return first.long(), torch.where(has_area, counts, 0).long()
