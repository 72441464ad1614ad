import op_references as references
import pytest
import torch

pytestmark = pytest.mark.mm


def case(dtype=torch.float64, kernel=3, groups=2, scale=2):
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(2, 4, 3, 5, generator=generator, dtype=torch.float64)
    masks = torch.rand(2, groups * kernel**2, 3 * scale, 5 * scale, generator=generator, dtype=torch.float64)
    return features.to(dtype), masks.to(dtype), kernel, groups, scale


def carafe(*args):
    from mmcv.ops import carafe as mmcv_carafe

    return mmcv_carafe(*args)


def carafe_naive(*args):
    from mmcv.ops import carafe_naive as mmcv_carafe_naive

    return mmcv_carafe_naive(*args)


@pytest.mark.parametrize("function", [carafe, carafe_naive])
@pytest.mark.parametrize(("kernel", "groups", "scale"), [(3, 2, 2), (5, 1, 2), (1, 4, 1), (3, 1, 3)])
def test_values_equal_the_loop(kernel, groups, scale, function, device):
    features, masks, *options = case(kernel=kernel, groups=groups, scale=scale)
    result = function(features.to(device), masks.to(device), *options)
    torch.testing.assert_close(result.cpu(), references.carafe(features, masks, *options))


@pytest.mark.parametrize(("kernel", "groups", "scale"), [(3, 2, 2), (5, 1, 2)])
def test_gradients(kernel, groups, scale, device):
    features, masks, *options = case(kernel=kernel, groups=groups, scale=scale)
    leaves = (features.to(device).requires_grad_(), masks.to(device).requires_grad_())
    assert torch.autograd.gradcheck(lambda x, m: carafe(x, m, *options), leaves, fast_mode=True)


def test_the_naive_gradients_are_the_same(device):
    from custom_modules.ops import ext

    # mmcv's layer refuses a backward pass on the CPU by itself.
    features, masks, *options = case()
    leaves = (features.requires_grad_(), masks.requires_grad_())
    output = references.carafe(*leaves, *options)
    grad = torch.randn(output.shape, dtype=torch.float64)
    expected = torch.autograd.grad(output, leaves, grad)
    results = [torch.zeros_like(leaf, device=device) for leaf in leaves]
    ext.carafe_naive_backward(
        grad.to(device), *(leaf.detach().to(device) for leaf in leaves), *results, **named(options)
    )
    for result, wanted in zip(results, expected, strict=True):
        torch.testing.assert_close(result.cpu(), wanted)


def named(options):
    return dict(zip(("kernel_size", "group_size", "scale_factor"), options, strict=True))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_every_precision(dtype, device):
    features, masks, *options = case(dtype)
    leaves = (features.to(device).requires_grad_(), masks.to(device).requires_grad_())
    result = carafe(*leaves, *options)
    result.sum().backward()
    assert result.dtype == leaves[0].grad.dtype == leaves[1].grad.dtype == dtype
    tolerance = 4 * torch.finfo(dtype).eps
    expected = references.carafe(features.double(), masks.double(), *options)
    torch.testing.assert_close(result.cpu().double(), expected, rtol=tolerance, atol=tolerance)


def test_no_images(device):
    features = torch.zeros(0, 4, 3, 5, device=device, requires_grad=True)
    result = carafe(features, torch.zeros(0, 9, 6, 10, device=device), 3, 1, 2)
    assert result.shape == (0, 4, 6, 10)
    result.sum().backward()
    assert features.grad.shape == features.shape


def test_the_layer_that_configs_ask_for_trains(device):
    from mmcv.cnn import build_upsample_layer

    layer = build_upsample_layer({"type": "carafe", "channels": 8, "scale_factor": 2, "compressed_channels": 4})
    layer = layer.to(device)
    features = torch.randn(2, 8, 6, 4, device=device, requires_grad=True)
    output = layer(features)
    assert output.shape == (2, 8, 12, 8)
    output.square().sum().backward()
    assert features.grad.any()
    assert all(parameter.grad is not None for parameter in layer.parameters())
