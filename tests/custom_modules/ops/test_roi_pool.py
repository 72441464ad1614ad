import op_references as references
import pytest
import torch

pytestmark = pytest.mark.mm

# Inside, across the border, outside, of one pixel, without area (the last pixel counts, so x2 + 1 must exceed x1).
ROIS = [
    [0, 2.0, 3.0, 13.0, 11.0],
    [1, -5.0, -4.0, 6.0, 7.0],
    [1, 9.0, 8.0, 40.0, 33.0],
    [0, 60.0, 70.0, 80.0, 75.0],
    [1, 4.0, 4.0, 4.0, 4.0],
    [0, 9.0, 4.0, 6.0, 8.0],
]


def case(dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(2, 3, 7, 9, generator=generator, dtype=torch.float64)
    return features.to(dtype), torch.tensor(ROIS, dtype=dtype)


def roi_pool(features, rois, size=(2, 3), scale=0.5):
    from mmcv.ops import roi_pool as mmcv_roi_pool

    return mmcv_roi_pool(features, rois, size, scale)


@pytest.mark.parametrize("scale", [0.5, 1.0])
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 4)])
def test_values_and_gradient_equal_the_loop(size, scale, device):
    features, rois = case()
    results = []
    for function, target in ((references.roi_pool, "cpu"), (roi_pool, device)):
        leaf = features.to(target).requires_grad_()
        pooled = function(leaf, rois.to(target), size, scale)
        grad = torch.arange(pooled.numel(), dtype=torch.float64).view(pooled.shape) / 7
        results.append((pooled.detach().cpu(), torch.autograd.grad(pooled, leaf, grad.to(target))[0].cpu()))
    for reference, result in zip(*results, strict=True):
        torch.testing.assert_close(result, reference)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_every_precision(dtype, device):
    features, rois = case(dtype)
    low = features.to(device).requires_grad_()
    result = roi_pool(low, rois.to(device))
    result.sum().backward()
    assert result.dtype == low.grad.dtype == dtype
    # A maximum is not rounded.
    torch.testing.assert_close(
        result.cpu().double(), references.roi_pool(features.double(), rois.double(), (2, 3), 0.5)
    )


def test_of_equal_pixels_the_first_wins(device):
    features = torch.ones(1, 1, 4, 4, device=device, requires_grad=True)
    roi_pool(features, torch.tensor([[0.0, 0, 0, 3, 3]], device=device), (2, 2), 1.0).sum().backward()
    assert features.grad[0, 0].tolist() == [[1, 0, 1, 0], [0, 0, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]]


def test_no_regions(device):
    features = torch.randn(1, 3, 4, 4, device=device, requires_grad=True)
    pooled = roi_pool(features, torch.zeros(0, 5, device=device))
    assert pooled.shape == (0, 3, 2, 3)
    pooled.sum().backward()
    assert not features.grad.any()


def test_regions_without_pixels_are_zero_and_move_nothing(device):
    features = torch.randn(1, 3, 4, 4, device=device, requires_grad=True)
    rois = torch.tensor([[0, 100.0, 100, 120, 120], [0, 3, 3, 1, 1], [0, -90, -90, -80, -80]], device=device)
    pooled = roi_pool(features, rois)
    assert not pooled.any()
    pooled.sum().backward()
    assert not features.grad.any()
