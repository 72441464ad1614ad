"""Deformable RoI pooling 1 and 2, behind ``mmcv.ops.DeformRoIPoolPack`` and ``ModulatedDeformRoIPoolPack``.

https://arxiv.org/abs/1703.06211 and https://arxiv.org/abs/1811.11168: RoIAlign whose bins are moved by learnt offsets.
Semantics follow mmcv's ``csrc/common/cuda/deform_roi_pool_cuda_kernel.cuh``. Regions are rows of ``(K, 5)``: index in
the batch and box (x1, y1, x2, y2) in image pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from custom_modules.ops.dtypes import compute_dtype
from custom_modules.ops.pooling import (
    bin_corners,
    chunks,
    corners,
    grid_cells,
    pixel_maps,
    pixel_rows,
    spread,
    weighted_sums,
)


def deform_roi_pool_forward(
    input: Tensor,
    rois: Tensor,
    offset: Tensor,
    output: Tensor,
    pooled_height: int,
    pooled_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    gamma: float,
) -> None:
    """Average bilinear samples over each of ``pooled_height`` x ``pooled_width`` moved bins of each region.

    Args:
        input: Features, shape ``(B, C, H, W)``.
        rois: Shape ``(K, 5)``.
        offset: How far each bin moves along x and y, in parts of ``gamma`` times the region's width and height;
            shape ``(K, 2, pooled_height, pooled_width)``, or empty where bins stay in place.
        output: Filled in place; shape ``(K, C, pooled_height, pooled_width)``.
        spatial_scale: Feature pixels an image pixel.
        sampling_ratio: Samples a bin along each axis; 0 takes one a feature pixel, rounded up.
        gamma: See ``offset``.
    """
    dtype = compute_dtype(input)
    pixels = pixel_rows(input, dtype)
    regions = _Regions.of(rois.to(dtype), (pooled_height, pooled_width), spatial_scale, sampling_ratio)
    shift = regions.shifts(offset, gamma)
    for part in regions.chunks():
        bag, index, weight = regions.samples(part, shift[part], input.shape)
        sums = weighted_sums(pixels, bag, index, weight, shift[part].shape[:2].numel())
        output[part] = sums.view(-1, pooled_height, pooled_width, input.shape[1]).movedim(3, 1).to(output.dtype)


def deform_roi_pool_backward(
    grad_output: Tensor,
    input: Tensor,
    rois: Tensor,
    offset: Tensor,
    grad_input: Tensor,
    grad_offset: Tensor,
    pooled_height: int,
    pooled_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    gamma: float,
) -> None:
    """Fill ``grad_input``, and ``grad_offset`` unless offsets are empty, each shaped like what it belongs to.

    Where a sample lies beyond the border, mmcv's gradient of the offset is not the derivative of what it pools:
    its kernel goes on with the unclipped position. Here it is.

    Args:
        grad_output: Shape ``(K, C, pooled_height, pooled_width)``.

    The other arguments are those of the forward call.
    """
    dtype = compute_dtype(input)
    pixels = pixel_rows(input, dtype)
    regions = _Regions.of(rois.to(dtype), (pooled_height, pooled_width), spatial_scale, sampling_ratio)
    shift = regions.shifts(offset, gamma)
    total, grad_shift = torch.zeros_like(pixels), torch.zeros_like(shift)
    for part in regions.chunks():
        grad = pixel_rows(grad_output[part], dtype)
        with torch.enable_grad():
            leaf = shift[part].detach().requires_grad_()
            bag, index, weight = regions.samples(part, leaf, input.shape)
        total += spread(grad, bag, index, weight.detach(), len(pixels))
        if offset.numel():
            with torch.enable_grad():
                sums = weighted_sums(pixels.detach(), bag, index, weight, len(grad))
            grad_shift[part] = torch.autograd.grad(sums, leaf, grad)[0]
    grad_input.copy_(pixel_maps(total, input.shape))
    if offset.numel():
        grad_offset.copy_((grad_shift * regions.reach(gamma)).flip(2).transpose(1, 2).view_as(offset))


@dataclass(frozen=True)
class _Regions:
    """Regions in feature pixels: index in the batch ``(K,)``, first corner, size and samples a bin, ``(K, 2)``.

    Pairs are (y, x).
    """

    image: Tensor
    start: Tensor
    length: Tensor
    samples_a_bin: Tensor
    size: tuple[int, int]

    @classmethod
    def of(cls, rois: Tensor, size: tuple[int, int], spatial_scale: float, sampling_ratio: int) -> _Regions:
        """Scale boxes to the features, half a pixel up and left, so that pixel centres are where they belong."""
        start = rois[:, [2, 1]] * spatial_scale - 0.5
        length = rois[:, [4, 3]] * spatial_scale - 0.5 - start
        samples = (length / length.new_tensor(size)).ceil().clamp(min=0).long()
        if sampling_ratio > 0:
            samples = torch.full_like(samples, sampling_ratio)
        return cls(rois[:, 0].long(), start, length, samples, size)

    def reach(self, gamma: float) -> Tensor:
        """Return how far an offset of 1 moves the bins, ``(K, 1, 2)``."""
        return (self.length * gamma)[:, None]

    def shifts(self, offset: Tensor, gamma: float) -> Tensor:
        """Return how far each bin moves, ``(K, bins, 2)``, from mmcv's offsets, whose first plane is x."""
        bins = self.size[0] * self.size[1]
        if offset.numel() == 0:
            return self.start.new_zeros((len(self.start), bins, 2))
        planes = offset.to(self.start.dtype).reshape(-1, 2, bins)
        return planes.transpose(1, 2).flip(2) * self.reach(gamma)

    def chunks(self) -> list[slice]:
        """Split the regions into chunks whose samples fit into memory together."""
        return chunks(self.samples_a_bin.prod(1) * (4 * self.size[0] * self.size[1]))

    def samples(self, part: slice, shift: Tensor, shape: torch.Size) -> tuple[Tensor, Tensor, Tensor]:
        """Return the four pixels around each sample of a chunk of regions whose bins move by ``shift``.

        Returns:
            Bag, index and weight of each, as ``weighted_sums`` takes them.
        """
        bins = self.size[0] * self.size[1]
        counts = self.samples_a_bin[part].repeat_interleave(bins, dim=0)
        low, high = bin_corners(self.start[part], self.length[part], self.size)
        sample, row, column = grid_cells(*counts.unbind(1))
        fraction = (torch.stack([row, column], dim=1).to(low.dtype) + 0.5) / counts[sample]
        point = (low + shift).flatten(0, 1)[sample] + fraction * (high - low).flatten(0, 1)[sample]
        index, weight = corners(point[:, 0], point[:, 1], shape[2], shape[3])
        index = index + (self.image[part][sample // bins] * (shape[2] * shape[3]))[:, None]
        weight = weight / counts.prod(1)[sample][:, None]
        return sample.repeat_interleave(4), index.flatten(), weight.flatten()
