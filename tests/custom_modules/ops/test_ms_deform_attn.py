import math

import pytest
import torch

pytestmark = pytest.mark.mm

SHAPES = [(4, 5), (2, 3)]


def case(batch=2, queries=3, heads=2, channels=3, points=2, dtype=torch.float64):
    """Return values, locations within and beyond the levels, and attention that sums to 1."""
    generator = torch.Generator().manual_seed(0)
    pixels = sum(height * width for height, width in SHAPES)
    levels = len(SHAPES)
    value = torch.randn(batch, pixels, heads, channels, generator=generator, dtype=torch.float64)
    locations = torch.rand(batch, queries, heads, levels, points, 2, generator=generator, dtype=torch.float64)
    attention = torch.randn(batch, queries, heads, levels * points, generator=generator, dtype=torch.float64)
    attention = attention.softmax(-1).view(batch, queries, heads, levels, points)
    return value.to(dtype), (locations * 1.6 - 0.3).to(dtype), attention.to(dtype)


def levels(device):
    """Return heights and widths of the levels, and where each starts."""
    return torch.tensor(SHAPES, device=device), torch.tensor([0, math.prod(SHAPES[0])], device=device)


def attend(value, locations, attention):
    from mmcv.ops.multi_scale_deform_attn import MultiScaleDeformableAttnFunction

    return MultiScaleDeformableAttnFunction.apply(value, *levels(value.device), locations, attention, 64)


def sample(pixels, width, y, x):
    """Bilinear sample of a level's pixels, (H * W, D); what lies outside is zero."""
    height = len(pixels) // width
    top, left = math.floor(y), math.floor(x)
    total = torch.zeros(pixels.shape[1], dtype=torch.float64)
    for row, row_weight in ((top, top + 1 - y), (top + 1, y - top)):
        for column, column_weight in ((left, left + 1 - x), (left + 1, x - left)):
            if 0 <= row < height and 0 <= column < width:
                total += pixels[row * width + column] * row_weight * column_weight
    return total


def reference(value, locations, attention):
    """The attention with a loop a sample, in float64."""
    batch, queries, heads = locations.shape[:3]
    result = torch.zeros(batch, queries, heads, value.shape[3], dtype=torch.float64)
    for b in range(batch):
        for q in range(queries):
            for m in range(heads):
                start = 0
                for level, (height, width) in enumerate(SHAPES):
                    pixels = value[b, start : start + height * width, m]
                    start += height * width
                    for p in range(locations.shape[4]):
                        x, y = locations[b, q, m, level, p].tolist()
                        sampled = sample(pixels, width, y * height - 0.5, x * width - 0.5)
                        result[b, q, m] += sampled * attention[b, q, m, level, p]
    return result.flatten(2)


@pytest.mark.parametrize("batch", [1, 2])
def test_forward_equals_the_loop(batch, device):
    tensors = case(batch=batch)
    result = attend(*(tensor.to(device) for tensor in tensors))
    torch.testing.assert_close(result.cpu(), reference(*tensors))
    assert result.is_contiguous()


def test_forward_equals_mmcvs_own_cpu_path():
    from mmcv.ops.multi_scale_deform_attn import multi_scale_deformable_attn_pytorch

    value, locations, attention = case()
    expected = multi_scale_deformable_attn_pytorch(value, torch.tensor(SHAPES), locations, attention)
    torch.testing.assert_close(attend(value, locations, attention), expected)


def test_gradients(device):
    leaves = [tensor.to(device).requires_grad_() for tensor in case(queries=2)]
    assert torch.autograd.gradcheck(attend, leaves, nondet_tol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_every_precision(dtype, device):
    low = case(dtype=dtype)
    exact = [tensor.double().requires_grad_() for tensor in low]
    low = [tensor.to(device).requires_grad_() for tensor in low]
    expected, result = attend(*exact), attend(*low)
    expected.sum().backward()
    result.sum().backward()
    assert result.dtype == dtype
    tolerance = 16 * torch.finfo(dtype).eps
    torch.testing.assert_close(result.cpu().double(), expected, rtol=tolerance, atol=tolerance)
    for leaf, exact_leaf in zip(low, exact, strict=True):
        assert leaf.grad.dtype == dtype
        torch.testing.assert_close(leaf.grad.cpu().double(), exact_leaf.grad, rtol=tolerance, atol=tolerance)


def test_no_queries(device):
    leaves = [tensor.to(device).requires_grad_() for tensor in case(queries=0)]
    result = attend(*leaves)
    assert result.shape == (2, 0, 2 * 3)
    result.sum().backward()
    assert not leaves[0].grad.any()
