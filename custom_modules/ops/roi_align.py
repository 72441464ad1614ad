"""RoIAlign, behind ``mmcv.ops.RoIAlign``: https://arxiv.org/abs/1703.06870.

Average pooling runs on torchvision's kernels, which share mmcv's origin and conventions; max pooling, which
torchvision lacks, in plain torch.
"""

from __future__ import annotations

import math

import torch
import torchvision  # noqa: F401  (registers torch.ops.torchvision)
from torch import Tensor

from custom_modules.ops.dtypes import compute_dtype
from custom_modules.ops.pooling import neighbours

# The numbers that mmcv passes as `pool_mode`.
MAX, AVERAGE = 0, 1


def roi_align_forward(
    input: Tensor,
    rois: Tensor,
    output: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Pool each region of interest to ``aligned_height`` x ``aligned_width`` bins.

    Args:
        input: Features, shape ``(B, C, H, W)``.
        rois: Index in the batch and box (x1, y1, x2, y2) in image pixels, shape ``(K, 5)``. Values outside the
            image are zero.
        output: Filled in place; shape ``(K, C, aligned_height, aligned_width)``.
        argmax_y: For max pooling, filled in place with the row of the winning sample within its bin, -1 in a
            bin without samples; shaped like ``output``. Opaque to mmcv, which hands it back to
            ``roi_align_backward``.
        argmax_x: Likewise its column.
        spatial_scale: Feature pixels an image pixel.
        sampling_ratio: Samples a bin along each axis; 0 takes one a feature pixel, rounded up.
        pool_mode: ``MAX`` or ``AVERAGE`` over a bin's samples.
        aligned: Shift by half a pixel, so that pixel centres are where they belong.
    """
    dtype = compute_dtype(input)
    features, rois = input.to(dtype), rois.to(dtype)
    size = (aligned_height, aligned_width)
    if pool_mode == AVERAGE:
        output.copy_(torch.ops.torchvision.roi_align(features, rois, spatial_scale, *size, sampling_ratio, aligned))
        return
    for index, (image, ys, xs) in enumerate(_sample_positions(rois, size, spatial_scale, sampling_ratio, aligned)):
        if ys.numel() == 0 or xs.numel() == 0:
            output[index], argmax_y[index], argmax_x[index] = 0, -1, -1
            continue
        samples = _interpolate(features[image], ys, xs)
        best, winner = samples.movedim(2, 3).flatten(3).max(dim=3)
        output[index] = best
        argmax_y[index] = winner // xs.shape[1]
        argmax_x[index] = winner % xs.shape[1]


def roi_align_backward(
    grad_output: Tensor,
    rois: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    grad_input: Tensor,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Fill ``grad_input`` with the gradient of ``roi_align_forward`` with respect to its features.

    Args:
        grad_output: Shape ``(K, C, aligned_height, aligned_width)``.
        grad_input: Filled in place; shape ``(B, C, H, W)``.

    The other arguments are those of the forward call, ``argmax_y`` and ``argmax_x`` as it left them.
    """
    dtype = compute_dtype(grad_output)
    grad, rois = grad_output.to(dtype), rois.to(dtype)
    size = (aligned_height, aligned_width)
    if pool_mode == AVERAGE:
        grad_input.copy_(
            torch.ops.torchvision._roi_align_backward(
                grad, rois, spatial_scale, *size, *grad_input.shape, sampling_ratio, aligned
            )
        )
        return
    total = torch.zeros(grad_input.shape, dtype=dtype, device=grad_input.device)
    for index, (image, ys, xs) in enumerate(_sample_positions(rois, size, spatial_scale, sampling_ratio, aligned)):
        if ys.numel() and xs.numel():
            y = ys[torch.arange(size[0], device=ys.device)[:, None], argmax_y[index].long()]
            x = xs[torch.arange(size[1], device=xs.device), argmax_x[index].long()]
            _scatter(total[image], y, x, grad[index])
    grad_input.copy_(total)


def _sample_positions(
    rois: Tensor, size: tuple[int, int], spatial_scale: float, sampling_ratio: int, aligned: bool
) -> list[tuple[int, Tensor, Tensor]]:
    """Return the sample positions of each region in feature pixels.

    Returns:
        For each region its index in the batch, the samples' y of shape ``(rows of bins, samples a bin)`` and their x of
        shape ``(columns of bins, samples a bin)``; no samples for a region without area.
    """
    shift = 0.5 if aligned else 0.0
    positions = []
    for image, x1, y1, x2, y2 in rois.tolist():
        starts = (y1 * spatial_scale - shift, x1 * spatial_scale - shift)
        lengths = ((y2 - y1) * spatial_scale, (x2 - x1) * spatial_scale)
        if not aligned:
            lengths = (max(lengths[0], 1.0), max(lengths[1], 1.0))
        axes = [
            _axis_positions(start, length, bins, sampling_ratio, rois)
            for start, length, bins in zip(starts, lengths, size, strict=True)
        ]
        positions.append((int(image), axes[0], axes[1]))
    return positions


def _axis_positions(start: float, length: float, bins: int, sampling_ratio: int, like: Tensor) -> Tensor:
    """Return the sample positions along one axis, shape ``(bins, samples a bin)``."""
    bin_length = length / bins
    count = sampling_ratio if sampling_ratio > 0 else max(math.ceil(bin_length), 0)
    samples, cells = (torch.arange(number, dtype=like.dtype, device=like.device) for number in (count, bins))
    return start + bin_length * (cells[:, None] + (samples + 0.5) / max(count, 1))


def _interpolate(feature: Tensor, ys: Tensor, xs: Tensor) -> Tensor:
    """Return bilinear samples of ``feature`` ``(C, H, W)`` on the grid of ``ys`` and ``xs``.

    Returns:
        Shape ``(C, rows of bins, samples, columns of bins, samples)``.
    """
    _, height, width = feature.shape
    (top, top_weight), (bottom, bottom_weight) = neighbours(ys, height)
    rows = feature[:, top] * top_weight[..., None] + feature[:, bottom] * bottom_weight[..., None]
    (left, left_weight), (right, right_weight) = neighbours(xs, width)
    return rows[..., left] * left_weight + rows[..., right] * right_weight


def _scatter(grad_feature: Tensor, y: Tensor, x: Tensor, grad: Tensor) -> None:
    """Add ``grad`` at the positions (y, x) to ``grad_feature`` ``(C, H, W)``: the adjoint of interpolation.

    ``y``, ``x`` and ``grad`` have the shape ``(C, rows of bins, columns of bins)``.
    """
    channels, height, width = grad_feature.shape
    flat = grad_feature.view(channels, -1)
    for row, row_weight in neighbours(y, height):
        for column, column_weight in neighbours(x, width):
            flat.scatter_add_(1, (row * width + column).flatten(1), (grad * row_weight * column_weight).flatten(1))
