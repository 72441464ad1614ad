"""Inputs for multi-scale deformable attention, and Triton's results beside the plain form's."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

SHAPES = [(4, 5), (2, 3)]


def case(batch=2, queries=3, heads=2, channels=3, points=2, dtype=torch.float64) -> tuple[Tensor, Tensor, Tensor]:
    """Values, locations within and beyond the levels, and attention that sums to 1."""
    generator = torch.Generator().manual_seed(0)
    pixels = sum(height * width for height, width in SHAPES)
    levels = len(SHAPES)
    value = torch.randn(batch, pixels, heads, channels, generator=generator, dtype=torch.float64)
    locations = torch.rand(batch, queries, heads, levels, points, 2, generator=generator, dtype=torch.float64)
    attention = torch.randn(batch, queries, heads, levels * points, generator=generator, dtype=torch.float64)
    attention = attention.softmax(-1).view(batch, queries, heads, levels, points)
    return value.to(dtype), (locations * 1.6 - 0.3).to(dtype), attention.to(dtype)


def levels(device: str = "cpu") -> tuple[Tensor, Tensor]:
    """Heights and widths of the levels, and where each starts."""
    return torch.tensor(SHAPES, device=device), torch.tensor([0, math.prod(SHAPES[0])], device=device)


def differences(device: str, dtype: torch.dtype, **sizes: Any) -> list[float]:
    """Largest difference of Triton's output and three gradients from the plain form in float64."""
    from custom_modules.ops import ms_deform_attn, ms_deform_attn_triton

    low = case(dtype=dtype, **sizes)
    value, locations, attention = (tensor.double() for tensor in low)
    expected = ms_deform_attn.ms_deform_attn_forward(value, *levels(), locations, attention, 64)
    grad = torch.linspace(-1, 1, expected.numel()).view(expected.shape).to(dtype)
    exact = [torch.zeros_like(tensor) for tensor in (value, locations, attention)]
    ms_deform_attn.ms_deform_attn_backward(value, *levels(), locations, attention, grad.double(), *exact, 64)
    inputs = (low[0].to(device), *levels(device), *(tensor.to(device) for tensor in low[1:]))
    results = [ms_deform_attn_triton.forward(*inputs), *ms_deform_attn_triton.backward(*inputs, grad.to(device))]
    pairs = zip(results, [expected, *exact], strict=True)
    return [(result.cpu().double() - wanted).abs().max().item() if wanted.numel() else 0.0 for result, wanted in pairs]
