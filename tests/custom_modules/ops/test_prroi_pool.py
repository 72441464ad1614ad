import op_references as references
import pytest
import torch

pytestmark = pytest.mark.mm

# Inside, across the border, outside, within one pixel, without area.
ROIS = [
    [0, 2.0, 3.0, 13.0, 11.0],
    [1, -5.0, -4.0, 6.3, 7.1],
    [1, 9.0, 8.0, 40.0, 33.0],
    [0, 60.0, 70.0, 80.0, 75.0],
    [1, 4.5, 4.25, 4.75, 4.5],
    [1, 6.0, 3.0, 6.0, 5.0],
]


def case(dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(2, 3, 7, 9, generator=generator, dtype=torch.float64)
    return features.to(dtype), torch.tensor(ROIS, dtype=dtype)


class PrRoIPool(torch.autograd.Function):
    """mmcv's layer takes float32 only, so float64 calls what it calls."""

    @staticmethod
    def forward(ctx, features, rois, size, scale):
        from custom_modules.ops import ext

        output = features.new_zeros((len(rois), features.shape[1], *size))
        ext.prroi_pool_forward(features, rois, output, *size, scale)
        ctx.save_for_backward(features, rois, output)
        ctx.options = (*size, scale)
        return output

    @staticmethod
    def backward(ctx, grad_output):
        from custom_modules.ops import ext

        features, rois, output = ctx.saved_tensors
        grad_features, grad_rois = torch.zeros_like(features), torch.zeros_like(rois)
        ext.prroi_pool_backward(grad_output, rois, grad_features, *ctx.options)
        ext.prroi_pool_coor_backward(output, grad_output, features, rois, grad_rois, *ctx.options)
        return grad_features, grad_rois, None, None


def prroi_pool(features, rois, size=(2, 3), scale=0.5):
    return PrRoIPool.apply(features, rois, size, scale)


def gradients(function, features, rois, *args):
    leaves = (features.requires_grad_(), rois.requires_grad_())
    pooled = function(*leaves, *args)
    grad = torch.arange(pooled.numel(), dtype=pooled.dtype, device=pooled.device).view(pooled.shape) / 7
    return [pooled.detach().cpu(), *(part.cpu() for part in torch.autograd.grad(pooled, leaves, grad))]


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 4)])
def test_values_and_gradients_equal_gausss_rule(size, device):
    features, rois = case()
    expected = gradients(references.prroi_pool, features.clone(), rois.clone(), size, 0.5)
    result = gradients(prroi_pool, features.to(device), rois.to(device), size, 0.5)
    # The rule's points move with the box, so its derivative is exact too; the index in the batch has none.
    expected[2][:, 0] = 0
    for got, wanted in zip(result, expected, strict=True):
        torch.testing.assert_close(got, wanted)


def test_gradients(device):
    features, rois = (tensor.to(device).requires_grad_() for tensor in case())

    def pool(features, boxes):
        return prroi_pool(features, torch.cat([rois[:4, :1].detach(), boxes], dim=1))

    assert torch.autograd.gradcheck(pool, (features, rois[:4, 1:].detach().requires_grad_()), fast_mode=True)


def test_the_layer_of_mmcv(device):
    from mmcv.ops import PrRoIPool as Layer

    features, rois = (tensor.to(device).requires_grad_() for tensor in case(torch.float32))
    pooled = Layer((2, 3), 0.5)(features, rois)
    torch.testing.assert_close(pooled.cpu(), references.prroi_pool(*case(torch.float32), (2, 3), 0.5))
    pooled.square().sum().backward()
    assert features.grad.any()
    assert rois.grad[:, 1:].any()
    assert not rois.grad[:, 0].any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_every_precision(dtype, device):
    features, rois = case(dtype)
    expected = references.prroi_pool(features.double(), rois.double(), (2, 3), 0.5)
    results = gradients(prroi_pool, features.to(device), rois.to(device))
    assert all(result.dtype == dtype for result in results)
    tolerance = 16 * torch.finfo(dtype).eps
    torch.testing.assert_close(results[0].double(), expected, rtol=tolerance, atol=tolerance)


def test_no_regions(device):
    features = torch.randn(1, 3, 4, 4, device=device, requires_grad=True)
    pooled = prroi_pool(features, torch.zeros(0, 5, device=device))
    assert pooled.shape == (0, 3, 2, 3)
    pooled.sum().backward()
    assert not features.grad.any()


def test_memory_is_bounded_without_changing_the_result(device, monkeypatch):
    features, rois = case()
    whole = gradients(prroi_pool, features.to(device), rois.to(device))
    monkeypatch.setattr("custom_modules.ops.bags.MAX_ENTRIES", 10)
    parts = gradients(prroi_pool, features.to(device), rois.to(device))
    for got, wanted in zip(parts, whole, strict=True):
        torch.testing.assert_close(got, wanted)
