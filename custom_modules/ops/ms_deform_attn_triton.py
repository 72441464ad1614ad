"""Multi-scale deformable attention as Triton kernels, compiled for the GPU at their first use; no compiler needed.

The plain form in :mod:`custom_modules.ops.ms_deform_attn` keeps every sampled value in memory, ``4 * P * D`` bytes a
query, head and level; these kernels keep them in registers. One program handles a block of queries of one head of
one image. The sums are float32, or float64 for float64 values. Gradients of the values are added atomically, in no
fixed order, as the compiled extension of mmcv does.

Shapes as in the plain form: ``B`` images, ``Q`` queries, ``M`` heads of ``D`` channels, ``L`` levels, ``P`` points.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from custom_modules.ops.dtypes import compute_dtype

#: Queries a program; 32 channels of each fill a warp's registers without spilling.
QUERIES = 16


def forward(
    value: Tensor, spatial_shapes: Tensor, level_start_index: Tensor, locations: Tensor, attention: Tensor
) -> Tensor:
    """Do what ``ms_deform_attn_forward`` does, on the device of ``value``; shape ``(B, Q, M * D)``."""
    batch, queries, heads = locations.shape[:3]
    output = value.new_empty(batch, queries, heads * value.shape[3])
    if output.numel():
        inputs = (value, locations, attention)
        _forward[_grid(locations)](
            *(part.contiguous() for part in inputs), spatial_shapes, level_start_index, output, **_sizes(*inputs)
        )
    return output


def backward(
    value: Tensor,
    spatial_shapes: Tensor,
    level_start_index: Tensor,
    locations: Tensor,
    attention: Tensor,
    grad_output: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients of value, locations and attention, each in the precision of the sums."""
    dtype = compute_dtype(value)
    inputs = (value, locations, attention)
    # added to atomically, so it starts from zero; half precision would lose most of the small terms
    grad_value = torch.zeros_like(value, dtype=dtype, memory_format=torch.contiguous_format)
    grad_locations, grad_attention = (
        torch.zeros_like(part, dtype=dtype, memory_format=torch.contiguous_format) for part in inputs[1:]
    )
    if locations.numel():
        tensors = (*(part.contiguous() for part in inputs), spatial_shapes, level_start_index)
        grads = (grad_output.contiguous(), grad_value, grad_locations, grad_attention)
        _backward[_grid(locations)](*tensors, *grads, **_sizes(*inputs))
    return grad_value, grad_locations, grad_attention


def _grid(locations: Tensor) -> tuple[int, int]:
    batch, queries, heads = locations.shape[:3]
    return triton.cdiv(queries, QUERIES), batch * heads


def _sizes(value: Tensor, locations: Tensor, attention: Tensor) -> dict[str, object]:
    """Return the kernels' arguments that follow from the shapes."""
    return dict(
        queries=locations.shape[1],
        pixels=value.shape[1],
        heads=value.shape[2],
        CHANNELS=value.shape[3],
        BLOCK_CHANNELS=triton.next_power_of_2(value.shape[3]),
        LEVELS=locations.shape[3],
        POINTS=locations.shape[4],
        BLOCK_QUERIES=QUERIES,
        SUM=tl.float64 if compute_dtype(value) is torch.float64 else tl.float32,
    )


@triton.jit
def _corner(level_value, x, y, height, width, stride, channels, inside, DOWN: tl.constexpr, ACROSS: tl.constexpr):
    """Read one corner of each sample's cell, zero outside the level.

    Returns:
        The values, shape ``(BLOCK_QUERIES, BLOCK_CHANNELS)``, their offsets, the mask of those that exist, and the
        corner's share by ``x`` and by ``y``, shape ``(BLOCK_QUERIES,)``.
    """
    left, top = tl.floor(x), tl.floor(y)
    column, line = left.to(tl.int64) + ACROSS, top.to(tl.int64) + DOWN
    share_x = x - left if ACROSS else left + 1 - x
    share_y = y - top if DOWN else top + 1 - y
    exists = (line >= 0) & (line < height) & (column >= 0) & (column < width)
    offsets = ((line * width + column) * stride)[:, None] + channels[None, :]
    mask = exists[:, None] & inside
    return tl.load(level_value + offsets, mask=mask, other=0.0), offsets, mask, share_x, share_y


@triton.jit
def _block(queries, heads, CHANNELS: tl.constexpr, BLOCK_CHANNELS: tl.constexpr, BLOCK_QUERIES: tl.constexpr):
    """Say what a program works on.

    Returns:
        Image and head, the row of each query's head, the mask of rows that are queries, the channels, and the mask of
        both, shape ``(BLOCK_QUERIES, BLOCK_CHANNELS)``.
    """
    image = (tl.program_id(1) // heads).to(tl.int64)
    head = tl.program_id(1) % heads
    query = tl.program_id(0) * BLOCK_QUERIES + tl.arange(0, BLOCK_QUERIES)
    channels = tl.arange(0, BLOCK_CHANNELS)
    is_query = query < queries
    inside = is_query[:, None] & (channels < CHANNELS)[None, :]
    return image, head, (image * queries + query) * heads + head, is_query, channels, inside


@triton.jit
def _level(shapes, starts, level, first_pixel, head, heads, CHANNELS: tl.constexpr):
    """Read a level's height and width, and where a head's values of it begin in an image that begins at a pixel."""
    start = ((first_pixel + tl.load(starts + level)) * heads + head) * CHANNELS
    return tl.load(shapes + 2 * level), tl.load(shapes + 2 * level + 1), start


@triton.jit
def _sample(locations, attention, at, is_query, height, width, SUM: tl.constexpr):
    """Read a point of each query: where it lies in the level, in pixels from the first one's centre, and its weight."""
    x = tl.load(locations + 2 * at, mask=is_query, other=0.0).to(SUM) * width - 0.5
    y = tl.load(locations + 2 * at + 1, mask=is_query, other=0.0).to(SUM) * height - 0.5
    return x, y, tl.load(attention + at, mask=is_query, other=0.0).to(SUM)


@triton.jit
def _forward(
    value,
    locations,
    attention,
    shapes,
    starts,
    output,
    queries,
    pixels,
    heads,
    CHANNELS: tl.constexpr,
    BLOCK_CHANNELS: tl.constexpr,
    LEVELS: tl.constexpr,
    POINTS: tl.constexpr,
    BLOCK_QUERIES: tl.constexpr,
    SUM: tl.constexpr,
):
    image, head, row, is_query, channels, inside = _block(queries, heads, CHANNELS, BLOCK_CHANNELS, BLOCK_QUERIES)
    stride = heads * CHANNELS
    total = tl.zeros((BLOCK_QUERIES, BLOCK_CHANNELS), dtype=SUM)
    for level in range(LEVELS):
        height, width, start = _level(shapes, starts, level, image * pixels, head, heads, CHANNELS)
        for point in range(POINTS):
            at = (row * LEVELS + level) * POINTS + point
            x, y, weight = _sample(locations, attention, at, is_query, height, width, SUM)
            for corner in tl.static_range(4):
                found, _, _, share_x, share_y = _corner(
                    value + start, x, y, height, width, stride, channels, inside, corner // 2, corner % 2
                )
                total += (weight * share_x * share_y)[:, None] * found.to(SUM)
    tl.store(output + row[:, None] * CHANNELS + channels[None, :], total.to(output.dtype.element_ty), mask=inside)


@triton.jit
def _backward(
    value,
    locations,
    attention,
    shapes,
    starts,
    grad_output,
    grad_value,
    grad_locations,
    grad_attention,
    queries,
    pixels,
    heads,
    CHANNELS: tl.constexpr,
    BLOCK_CHANNELS: tl.constexpr,
    LEVELS: tl.constexpr,
    POINTS: tl.constexpr,
    BLOCK_QUERIES: tl.constexpr,
    SUM: tl.constexpr,
):
    image, head, row, is_query, channels, inside = _block(queries, heads, CHANNELS, BLOCK_CHANNELS, BLOCK_QUERIES)
    stride = heads * CHANNELS
    grad = tl.load(grad_output + row[:, None] * CHANNELS + channels[None, :], mask=inside, other=0.0).to(SUM)
    for level in range(LEVELS):
        height, width, start = _level(shapes, starts, level, image * pixels, head, heads, CHANNELS)
        for point in range(POINTS):
            at = (row * LEVELS + level) * POINTS + point
            x, y, weight = _sample(locations, attention, at, is_query, height, width, SUM)
            of_weight = tl.zeros((BLOCK_QUERIES,), dtype=SUM)
            of_x = tl.zeros((BLOCK_QUERIES,), dtype=SUM)
            of_y = tl.zeros((BLOCK_QUERIES,), dtype=SUM)
            for corner in tl.static_range(4):
                found, offsets, mask, share_x, share_y = _corner(
                    value + start, x, y, height, width, stride, channels, inside, corner // 2, corner % 2
                )
                dot = tl.sum(grad * found.to(SUM), axis=1)
                of_weight += share_x * share_y * dot
                of_x += share_y * dot * (2 * (corner % 2) - 1)
                of_y += share_x * dot * (2 * (corner // 2) - 1)
                share = weight * share_x * share_y
                tl.atomic_add(grad_value + start + offsets, share[:, None] * grad, mask=mask, sem="relaxed")
            tl.store(grad_attention + at, of_weight, mask=is_query)
            tl.store(grad_locations + 2 * at, of_x * weight * width, mask=is_query)
            tl.store(grad_locations + 2 * at + 1, of_y * weight * height, mask=is_query)
