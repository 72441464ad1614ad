import op_references as references
import pytest
import torch

from custom_modules.ops.bilinear import corners

pytestmark = pytest.mark.mm


def test_corners_give_the_sample_as_mmcv_defines_it():
    feature = torch.randn(3, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    points = torch.cartesian_prod(torch.arange(-2, 6, 0.25), torch.arange(-2, 7, 0.25)).double()
    index, weight = corners(points[:, 0], points[:, 1], 4, 5)
    sampled = (feature.flatten(1)[:, index] * weight).sum(2)
    expected = torch.stack([references.bilinear(feature, y, x) for y, x in points], dim=1)
    torch.testing.assert_close(sampled, expected)
