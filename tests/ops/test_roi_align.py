import math

import pytest
import torch

from custom_modules.ops import roi_align as ops

pytestmark = pytest.mark.mm

POOL_MODES = {"max": ops.MAX, "avg": ops.AVERAGE}


def bilinear(feature, y, x):
    """One sample of an (H, W) nested list as mmcv defines it: zero beyond one pixel outside the border."""
    height, width = len(feature), len(feature[0])
    if y < -1 or y > height or x < -1 or x > width:
        return 0.0
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    top, left = int(y), int(x)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    down, across = y - top, x - left
    above = feature[top][left] * (1 - across) + feature[top][right] * across
    below = feature[bottom][left] * (1 - across) + feature[bottom][right] * across
    return above * (1 - down) + below * down


def reference(features, rois, size, scale, sampling_ratio, pool_mode, aligned):
    """RoIAlign with a loop a sample, in float64."""
    output = torch.zeros(len(rois), features.shape[1], *size, dtype=torch.float64)
    shift = 0.5 if aligned else 0.0
    for k, (image, *box) in enumerate(rois.double().tolist()):
        x1, y1, x2, y2 = (side * scale - shift for side in box)
        width, height = x2 - x1, y2 - y1
        if not aligned:
            width, height = max(width, 1.0), max(height, 1.0)
        bin_height, bin_width = height / size[0], width / size[1]
        rows = sampling_ratio or math.ceil(bin_height)
        columns = sampling_ratio or math.ceil(bin_width)
        for channel, feature in enumerate(features[int(image)].double().tolist()):
            for i in range(size[0]):
                for j in range(size[1]):
                    samples = [
                        bilinear(
                            feature,
                            y1 + bin_height * (i + (row + 0.5) / rows),
                            x1 + bin_width * (j + (column + 0.5) / columns),
                        )
                        for row in range(rows)
                        for column in range(columns)
                    ]
                    if samples:
                        pooled = max(samples) if pool_mode == "max" else sum(samples) / len(samples)
                        output[k, channel, i, j] = pooled
    return output


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
    expected = reference(**values)
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
