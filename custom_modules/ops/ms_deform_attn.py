"""Multi-scale deformable attention, behind ``mmcv.ops.MultiScaleDeformableAttention`` on a GPU (mmcv has its own
path for the CPU): https://arxiv.org/abs/2010.04159.

Shapes below: ``B`` images, ``Q`` queries, ``M`` heads of ``D`` channels, ``L`` levels, ``P`` points a level.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from custom_modules.ops.dtypes import compute_dtype


def ms_deform_attn_forward(
    value: Tensor,
    spatial_shapes: Tensor,
    level_start_index: Tensor,
    sampling_locations: Tensor,
    attention_weights: Tensor,
    im2col_step: int,
) -> Tensor:
    """Sample each head's values at its points and sum them by attention.

    Args:
        value: The levels' pixels, one level after the other, shape ``(B, sum of H * W, M, D)``.
        spatial_shapes: Height and width of each level, shape ``(L, 2)``.
        level_start_index: Where each level starts in ``value``; follows from ``spatial_shapes``.
        sampling_locations: (x, y) from 0 to 1 across the level, shape ``(B, Q, M, L, P, 2)``; values outside the
            level are zero.
        attention_weights: Shape ``(B, Q, M, L, P)``.
        im2col_step: Images that mmcv's kernel processes at a time; not used, because here memory is bounded by
            processing one level at a time.

    Returns:
        Shape ``(B, Q, M * D)``.
    """
    batch, queries, heads = sampling_locations.shape[:3]
    dtype = compute_dtype(value)
    output = value.new_zeros((batch * heads, value.shape[3], queries), dtype=dtype)
    for level in _levels(value, spatial_shapes, sampling_locations, attention_weights):
        pixels, locations, attention = (part.to(dtype) for part in level)
        output += (_sample(pixels, locations) * attention.flatten(0, 1)[:, None]).sum(-1)
    return output.view(batch, heads * value.shape[3], queries).transpose(1, 2).to(value.dtype).contiguous()


def ms_deform_attn_backward(
    value: Tensor,
    spatial_shapes: Tensor,
    level_start_index: Tensor,
    sampling_locations: Tensor,
    attention_weights: Tensor,
    grad_output: Tensor,
    grad_value: Tensor,
    grad_sampling_loc: Tensor,
    grad_attn_weight: Tensor,
    im2col_step: int,
) -> None:
    """Fill the gradients of ``ms_deform_attn_forward``, whose arguments come first.

    A level's samples are computed again instead of being kept: together they take ``4 * L * P * D`` bytes a query and
    head, 0.7 GB a layer for two images of DINO's encoder.

    Args:
        grad_output: Shape ``(B, Q, M * D)``.
        grad_value: Filled in place; shaped like ``value``.
        grad_sampling_loc: Likewise for ``sampling_locations``.
        grad_attn_weight: Likewise for ``attention_weights``.
    """
    batch, queries, heads = sampling_locations.shape[:3]
    dtype = compute_dtype(value)
    grad = grad_output.to(dtype).transpose(1, 2).reshape(batch * heads, value.shape[3], queries)
    inputs = _levels(value, spatial_shapes, sampling_locations, attention_weights)
    targets = _levels(grad_value, spatial_shapes, grad_sampling_loc, grad_attn_weight)
    for level, (target_pixels, target_locations, target_attention) in zip(inputs, targets, strict=True):
        pixels, locations, attention = (part.detach().to(dtype) for part in level)
        with torch.enable_grad():
            leaves = (pixels.requires_grad_(), locations.requires_grad_())
            sampled = _sample(*leaves)
        grad_attention = (sampled.detach() * grad[..., None]).sum(1)
        target_attention.copy_(grad_attention.view_as(attention))
        grads = torch.autograd.grad(sampled, leaves, grad[..., None] * attention.flatten(0, 1)[:, None])
        target_pixels.copy_(grads[0])
        target_locations.copy_(grads[1])


def _levels(
    value: Tensor, spatial_shapes: Tensor, sampling_locations: Tensor, attention_weights: Tensor
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Iterate over the levels.

    Yields:
        Values ``(B, M, D, H, W)``, locations ``(B, M, Q, P, 2)`` and attention ``(B, M, Q, P)``.
    """
    shapes = spatial_shapes.tolist()
    pixels = value.split([height * width for height, width in shapes], dim=1)
    for level, (height, width) in enumerate(shapes):
        yield (
            pixels[level].permute(0, 2, 3, 1).unflatten(3, (height, width)),
            sampling_locations[:, :, :, level].transpose(1, 2),
            attention_weights[:, :, :, level].transpose(1, 2),
        )


def _sample(pixels: Tensor, locations: Tensor) -> Tensor:
    """Return one level's values at its points, shape ``(B * M, D, Q, P)``; arguments as yielded by ``_levels``."""
    return F.grid_sample(
        pixels.flatten(0, 1),
        2 * locations.flatten(0, 1) - 1,
        mode="bilinear",
        padding_mode="zeros",
        align_corners=False,
    )
