"""Precise RoI pooling, behind ``mmcv.ops.PrRoIPool``: https://arxiv.org/abs/1807.11590.

A bin's value is the mean of the bilinearly interpolated features over the bin, as an exact integral: each pixel counts
with the integral of its tent function along y times that along x. Outside the map the features are zero. Semantics
follow mmcv's ``csrc/common/cuda/prroi_pool_cuda_kernel.cuh``. Regions are rows of ``(K, 5)``: index in the batch and
box (x1, y1, x2, y2) in image pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from custom_modules.ops.bags import bin_corners, grid_cells, pixel_maps, pixel_rows, runs, spread, weighted_sums
from custom_modules.ops.dtypes import compute_dtype


def prroi_pool_forward(
    input: Tensor, rois: Tensor, output: Tensor, pooled_height: int, pooled_width: int, spatial_scale: float
) -> None:
    """Average the features over each of ``pooled_height`` x ``pooled_width`` bins of each region.

    Args:
        input: Features, shape ``(B, C, H, W)``.
        rois: Shape ``(K, 5)``.
        output: Filled in place, with 0 for a region without area; shape ``(K, C, pooled_height, pooled_width)``.
        spatial_scale: Feature pixels an image pixel.
    """
    dtype = compute_dtype(input)
    pixels, size = pixel_rows(input, dtype), (pooled_height, pooled_width)
    for part, entries in _parts(rois.to(dtype), size, spatial_scale, input.shape):
        sums = weighted_sums(pixels, *entries)
        output[part] = sums.view(-1, *size, input.shape[1]).movedim(3, 1).to(output.dtype)


def prroi_pool_backward(
    grad_output: Tensor, rois: Tensor, grad_input: Tensor, pooled_height: int, pooled_width: int, spatial_scale: float
) -> None:
    """Fill ``grad_input`` ``(B, C, H, W)`` from ``grad_output`` ``(K, C, pooled_height, pooled_width)``."""
    dtype = compute_dtype(grad_output)
    shape, size = grad_input.shape, (pooled_height, pooled_width)
    total = torch.zeros((shape.numel() // shape[1], shape[1]), dtype=dtype, device=grad_input.device)
    for part, entries in _parts(rois.to(dtype), size, spatial_scale, shape):
        total += spread(pixel_rows(grad_output[part], dtype), *entries[:3], pixels=len(total))
    grad_input.copy_(pixel_maps(total, shape))


def prroi_pool_coor_backward(
    output: Tensor,
    grad_output: Tensor,
    input: Tensor,
    rois: Tensor,
    grad_rois: Tensor,
    pooled_height: int,
    pooled_width: int,
    spatial_scale: float,
) -> None:
    """Fill ``grad_rois`` ``(K, 5)``: the gradient with respect to the boxes, 0 for the index in the batch.

    Args:
        output: The forward call's result, for which there is no use here.
        grad_output: Shape ``(K, C, pooled_height, pooled_width)``.
    """
    dtype = compute_dtype(input)
    pixels, size = pixel_rows(input, dtype), (pooled_height, pooled_width)
    with torch.enable_grad():
        boxes = rois.detach().to(dtype).clone().requires_grad_()
        total = torch.zeros_like(boxes)
        for part, entries in _parts(boxes, size, spatial_scale, input.shape):
            sums = weighted_sums(pixels.detach(), *entries)
            total += torch.autograd.grad(sums, boxes, pixel_rows(grad_output[part], dtype))[0]
    grad_rois.copy_(total)


class Entries(NamedTuple):
    """The pixels that bins see; arguments of ``weighted_sums``."""

    bag: Tensor
    index: Tensor
    weight: Tensor
    count: int


def _parts(
    rois: Tensor, size: tuple[int, int], spatial_scale: float, shape: torch.Size
) -> Iterator[tuple[slice, Entries]]:
    """The entries of one run of regions after the other; weights are differentiable with respect to ``rois``."""
    with torch.no_grad():
        first, counts = _support(*_bins(rois, size, spatial_scale), shape)
    image = rois[:, 0].long()[:, None].expand(first.shape[:2])
    for part in runs(counts.prod(2).sum(1)):
        low, high = (corner.flatten(0, 1) for corner in _bins(rois[part], size, spatial_scale))
        bag, row, column = grid_cells(*counts[part].flatten(0, 1).unbind(1))
        pixel = first[part].flatten(0, 1)[bag] + torch.stack([row, column], dim=1)
        weight = ((_tent_integral(high[bag] - pixel) - _tent_integral(low[bag] - pixel)) / (high - low)[bag]).prod(1)
        index = (image[part].flatten()[bag] * shape[2] + pixel[:, 0]) * shape[3] + pixel[:, 1]
        yield part, Entries(bag, index, weight, len(low))


def _bins(rois: Tensor, size: tuple[int, int], spatial_scale: float) -> tuple[Tensor, Tensor]:
    """First and last corner of each bin, ``(K, bins, 2)``."""
    start = rois[:, [2, 1]] * spatial_scale
    return bin_corners(start, rois[:, [4, 3]] * spatial_scale - start, size)


def _support(low: Tensor, high: Tensor, shape: torch.Size) -> tuple[Tensor, Tensor]:
    """The pixels whose tents reach into each bin ``low`` to ``high`` ``(K, bins, 2)``.

    Returns:
        First pixel (y, x) and number of rows and columns, 0 for a bin without area; shape ``(K, bins, 2)``.
    """
    limits = low.new_tensor(shape[2:])
    first = torch.minimum(low.floor().clamp(min=0), limits)
    after = torch.minimum(high.ceil() + 1, limits)
    has_area = (high > low).all(dim=2, keepdim=True)
    return first.long(), torch.where(has_area, (after - first).clamp(min=0), 0).long()


def _tent_integral(end: Tensor) -> Tensor:
    """Integral of ``max(0, 1 - |t|)`` for t up to ``end``."""
    end = end.clamp(-1, 1)
    return 0.5 + end - end * end.abs() / 2
