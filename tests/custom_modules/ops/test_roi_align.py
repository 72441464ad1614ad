import op_references as references
import pytest
import torch

from custom_modules.ops import roi_align as ops

pytestmark = pytest.mark.mm

POOL_MODES = {"max": ops.MAX, "avg": ops.AVERAGE}


def case(**changes):
    """Features of two images, and regions inside, across the border, outside and tiny."""
    generator = torch.Generator().manual_seed(0)
    values = {
        "features": torch.randn(2, 3, 7, 9, generator=generator, dtype=torch.float64),
        "rois": torch.tensor(
            [
                [0, 2.0, 3.0, 13.0, 11.0],
                [1, -5.0, -4.0, 6.0, 7.0],
                [1, 9.0, 8.0, 40.0, 33.0],
                [0, 60.0, 70.0, 80.0, 75.0],
                [1, 4.5, 4.25, 4.75, 4.5],
            ],
            dtype=torch.float64,
        ),
        "size": (2, 3),
        "scale": 0.5,
        "sampling_ratio": 0,
        "pool_mode": "avg",
        "aligned": True,
    }
    return values | changes


def roi_align(features, rois, size, scale, sampling_ratio, pool_mode, aligned):
    from mmcv.ops import roi_align as mmcv_roi_align

    return mmcv_roi_align(features, rois, size, scale, sampling_ratio, pool_mode, aligned)


@pytest.mark.parametrize("aligned", [True, False])
@pytest.mark.parametrize("sampling_ratio", [0, 2])
@pytest.mark.parametrize("pool_mode", POOL_MODES)
def test_forward_equals_the_loop(pool_mode, sampling_ratio, aligned, device):
    values = case(pool_mode=pool_mode, sampling_ratio=sampling_ratio, aligned=aligned)
    expected = references.roi_align(*values.values())
    values |= {name: values[name].to(device) for name in ("features", "rois")}
    torch.testing.assert_close(roi_align(**values).cpu(), expected)


@pytest.mark.parametrize("aligned", [True, False])
@pytest.mark.parametrize("pool_mode", POOL_MODES)
def test_gradient_of_the_features(pool_mode, aligned, device):
    values = case(pool_mode=pool_mode, aligned=aligned)
    features = values.pop("features").to(device).requires_grad_()
    values["rois"] = values["rois"].to(device)
    assert torch.autograd.gradcheck(
        lambda tensor: roi_align(tensor, **values), (features,), fast_mode=True, nondet_tol=1e-9
    )


@pytest.mark.parametrize("pool_mode", POOL_MODES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_every_precision(dtype, pool_mode, device):
    values = case(pool_mode=pool_mode)
    # Rounded once, so that both runs see the same numbers.
    features, rois = values["features"].to(dtype), values["rois"].to(dtype)
    values |= {"features": features.double().requires_grad_(), "rois": rois.double()}
    expected = roi_align(**values)
    expected.sum().backward()

    low = features.to(device).requires_grad_()
    result = roi_align(**values | {"features": low, "rois": rois.to(device)})
    result.sum().backward()
    assert result.dtype == low.grad.dtype == dtype
    tolerance = 4 * torch.finfo(dtype).eps
    torch.testing.assert_close(result.cpu().double(), expected, rtol=tolerance, atol=tolerance)
    # A pixel's gradient sums over many samples.
    torch.testing.assert_close(low.grad.cpu().double(), values["features"].grad, rtol=8 * tolerance, atol=8 * tolerance)


@pytest.mark.parametrize("pool_mode", POOL_MODES)
def test_no_regions(pool_mode, device):
    features = torch.randn(1, 3, 4, 4, device=device, requires_grad=True)
    pooled = roi_align(**case(features=features, rois=torch.zeros(0, 5, device=device), pool_mode=pool_mode))
    assert pooled.shape == (0, 3, 2, 3)
    pooled.sum().backward()
    assert not features.grad.any()


@pytest.mark.parametrize("pool_mode", POOL_MODES)
def test_regions_outside_and_without_area_are_zero_and_move_nothing(pool_mode, device):
    features = torch.randn(1, 3, 4, 4, device=device, requires_grad=True)
    rois = torch.tensor([[0, 100.0, 100, 120, 120], [0, 3, 3, 3, 3], [0, -90, -90, -80, -80]], device=device)
    pooled = roi_align(**case(features=features, rois=rois, pool_mode=pool_mode))
    assert not pooled.any()
    pooled.sum().backward()
    assert not features.grad.any()


@pytest.mark.parametrize("pool_mode", POOL_MODES)
def test_gradient_that_is_not_contiguous(pool_mode, device):
    values = case(pool_mode=pool_mode)
    features = values.pop("features").to(device).requires_grad_()
    values["rois"] = values["rois"].to(device)
    pooled = roi_align(features, **values)
    grad = torch.randn(pooled.shape[::-1], dtype=torch.float64, device=device).permute(3, 2, 1, 0)
    (strided,) = torch.autograd.grad(pooled, features, grad, retain_graph=True)
    (packed,) = torch.autograd.grad(pooled, features, grad.contiguous())
    torch.testing.assert_close(strided, packed)
