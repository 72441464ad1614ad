import pytest
import torch
import torch.distributed as dist
import torch.nn.functional as F

pytestmark = pytest.mark.mm


def case(dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    return (torch.randn(3, 4, 5, 2, generator=generator) * 3 + 1).to(dtype)


@pytest.fixture
def layer(device, tmp_path):
    """mmcv's layer, in a process group of one, with weights that are not 1 and 0."""
    from mmcv.ops import SyncBatchNorm

    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    layer = SyncBatchNorm(4).to(device)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([0.5, 1.0, 2.0, -1.0]))
        layer.bias.copy_(torch.tensor([0.0, 1.0, -1.0, 3.0]))
    yield layer
    dist.destroy_process_group()


def reference(layer, features):
    """Value, gradients of input, weight and bias, and running statistics, in float64."""
    weight, bias = (parameter.detach().double().cpu().requires_grad_() for parameter in (layer.weight, layer.bias))
    features = features.detach().double().cpu().requires_grad_()
    mean, var = torch.zeros(4, dtype=torch.float64), torch.ones(4, dtype=torch.float64)
    output = F.batch_norm(features, mean, var, weight, bias, training=True, momentum=layer.momentum, eps=layer.eps)
    output.square().sum().backward()
    return output.detach(), features.grad, weight.grad, bias.grad, mean, var


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_equals_batch_normalisation(dtype, layer, device):
    features = case(dtype).to(device).requires_grad_()
    output = layer(features)
    output.float().square().sum().backward()
    assert output.dtype == features.grad.dtype == dtype
    results = [output, features.grad, layer.weight.grad, layer.bias.grad, layer.running_mean, layer.running_var]
    tolerance = 1e-4 if dtype == torch.float32 else 0.03
    for result, expected in zip(results, reference(layer, features), strict=True):
        torch.testing.assert_close(result.detach().cpu().double(), expected, rtol=tolerance, atol=tolerance)


def test_without_images_nothing_changes(layer, device):
    features = torch.zeros(0, 4, 5, 2, device=device, requires_grad=True)
    layer(features).sum().backward()
    assert features.grad.shape == features.shape
    assert not layer.weight.grad.any()


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_the_steps_in_precisions_that_the_layer_refuses(dtype, device):
    from custom_modules.ops import ext

    features = case(dtype).to(device).flatten(2)
    statistics = torch.float64 if dtype == torch.float64 else torch.float32
    mean, var, std = (torch.zeros(4, dtype=statistics, device=device) for _ in range(3))
    norm, output = torch.zeros_like(features, dtype=statistics), torch.zeros_like(features)
    ext.sync_bn_forward_mean(features, mean)
    ext.sync_bn_forward_var(features, mean, var)
    ext.sync_bn_forward_output(features, mean, var, None, None, None, None, norm, std, output, 1e-5, 0.1, 1)
    tolerance = 4 * torch.finfo(dtype).eps
    expected = F.batch_norm(features.double(), None, None, training=True, eps=1e-5)
    torch.testing.assert_close(output.double(), expected, rtol=tolerance, atol=tolerance)
