import op_references as references
import pytest
import torch

pytestmark = pytest.mark.mm


def case(dtype=torch.float64):
    """Features of two images, and boxes inside, across the border, outside and without area."""
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(2, 4 * 3, 7, 9, generator=generator, dtype=torch.float64)
    boxes = torch.tensor(
        [
            [[1.0, 1.5, 6.5, 5.25], [-4.0, 2.0, 5.0, 9.0], [20.0, 20, 30, 30], [2.5, 2.5, 2.5, 2.5]],
            [[0.0, 0.0, 8.0, 6.0], [3.25, 1.0, 3.5, 6.5], [5.0, 4.0, 2.0, 1.0], [-0.5, -0.5, 8.5, 6.5]],
        ],
        dtype=torch.float64,
    )
    return features.to(dtype), boxes.to(dtype)


def border_align(features, boxes, pool_size=4):
    from mmcv.ops import border_align as mmcv_border_align

    return mmcv_border_align(features, boxes, pool_size)


@pytest.mark.parametrize("pool_size", [1, 4, 10])
def test_values_and_gradient_equal_the_loop(pool_size, device):
    features, boxes = case()
    results = []
    for function, target in ((references.border_align, "cpu"), (border_align, device)):
        leaf = features.to(target).requires_grad_()
        pooled = function(leaf, boxes.to(target), pool_size)
        grad = torch.arange(pooled.numel(), dtype=torch.float64).view(pooled.shape) / 7
        results.append((pooled.detach().cpu(), torch.autograd.grad(pooled, leaf, grad.to(target))[0].cpu()))
    for reference, result in zip(*results, strict=True):
        torch.testing.assert_close(result, reference)


def test_gradient(device):
    features, boxes = (tensor.to(device) for tensor in case())
    assert torch.autograd.gradcheck(
        lambda tensor: border_align(tensor, boxes), (features.requires_grad_(),), fast_mode=True, nondet_tol=1e-9
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_every_precision(dtype, device):
    features, boxes = case(dtype)
    low = features.to(device).requires_grad_()
    result = border_align(low, boxes.to(device))
    result.sum().backward()
    assert result.dtype == low.grad.dtype == dtype
    expected = references.border_align(features.double(), boxes.double(), 4)
    tolerance = 4 * torch.finfo(dtype).eps
    torch.testing.assert_close(result.cpu().double(), expected, rtol=tolerance, atol=tolerance)


def test_of_equal_samples_the_first_wins(device):
    # All samples of a side are equal; top and left start at (0, 0), bottom and right at (3, 3).
    features = torch.ones(1, 4, 4, 4, device=device, requires_grad=True)
    border_align(features, torch.tensor([[[0.0, 0, 3, 3]]], device=device), 3).sum().backward()
    assert [side.nonzero().tolist() for side in features.grad[0]] == [[[0, 0]], [[0, 0]], [[3, 3]], [[3, 3]]]


def test_no_boxes(device):
    features = torch.randn(1, 8, 4, 4, device=device, requires_grad=True)
    pooled = border_align(features, torch.zeros(1, 0, 4, device=device))
    assert pooled.shape == (1, 2, 0, 4)
    pooled.sum().backward()
    assert not features.grad.any()
