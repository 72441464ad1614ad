import op_references as references
import pytest
import torch

pytestmark = pytest.mark.mm

# Inside, across the border, outside, within one pixel.
ROIS = [
    [0, 2.0, 3.0, 13.0, 11.0],
    [1, -5.0, -4.0, 6.3, 7.1],
    [1, 9.0, 8.0, 40.0, 33.0],
    [0, 60.0, 70.0, 80.0, 75.0],
    [1, 4.5, 4.25, 4.75, 4.5],
]
SIZE = (2, 3)


def case(dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(2, 3, 7, 9, generator=generator, dtype=torch.float64)
    offset = torch.randn(len(ROIS), 2, *SIZE, generator=generator, dtype=torch.float64)
    return features.to(dtype), torch.tensor(ROIS, dtype=dtype), offset.to(dtype)


def deform_roi_pool(features, rois, offset, sampling_ratio=0, gamma=0.3):
    from mmcv.ops import deform_roi_pool as mmcv_deform_roi_pool

    return mmcv_deform_roi_pool(features, rois, offset, SIZE, 0.5, sampling_ratio, gamma)


def reference(features, rois, offset, sampling_ratio=0, gamma=0.3):
    return references.deform_roi_pool(features, rois, offset, SIZE, 0.5, sampling_ratio, gamma)


def gradients(function, features, rois, offset, *args):
    leaves = [tensor.requires_grad_() for tensor in (features, offset) if tensor is not None]
    pooled = function(features, rois, offset, *args)
    grad = torch.arange(pooled.numel(), dtype=pooled.dtype, device=pooled.device).view(pooled.shape) / 7
    return [pooled.detach().cpu(), *(part.cpu() for part in torch.autograd.grad(pooled, leaves, grad))]


@pytest.mark.parametrize("sampling_ratio", [0, 2])
@pytest.mark.parametrize("moved", [True, False])
def test_values_and_gradients_equal_the_loop(moved, sampling_ratio, device):
    features, rois, offset = case()
    offset = offset if moved else None
    expected = gradients(reference, features.clone(), rois, offset, sampling_ratio)
    offset = offset.detach().to(device) if moved else None
    result = gradients(deform_roi_pool, features.to(device), rois.to(device), offset, sampling_ratio)
    for got, wanted in zip(result, expected, strict=True):
        torch.testing.assert_close(got, wanted)


def test_gradients(device):
    features, rois, offset = (tensor.to(device) for tensor in case())
    leaves = (features.requires_grad_(), offset.requires_grad_())
    assert torch.autograd.gradcheck(lambda x, o: deform_roi_pool(x, rois, o), leaves, fast_mode=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_every_precision(dtype, device):
    features, rois, offset = case(dtype)
    expected = reference(features.double(), rois.double(), offset.double())
    leaves = [features.to(device).requires_grad_(), offset.to(device).requires_grad_()]
    result = deform_roi_pool(leaves[0], rois.to(device), leaves[1])
    result.sum().backward()
    assert result.dtype == leaves[0].grad.dtype == leaves[1].grad.dtype == dtype
    tolerance = 8 * torch.finfo(dtype).eps
    torch.testing.assert_close(result.cpu().double(), expected, rtol=tolerance, atol=tolerance)


def test_no_regions(device):
    features = torch.randn(1, 3, 4, 4, device=device, requires_grad=True)
    offset = torch.zeros(0, 2, *SIZE, device=device, requires_grad=True)
    pooled = deform_roi_pool(features, torch.zeros(0, 5, device=device), offset)
    assert pooled.shape == (0, 3, *SIZE)
    pooled.sum().backward()
    assert not features.grad.any()


def test_regions_outside_and_without_area_are_zero_and_move_nothing(device):
    features = torch.randn(1, 3, 4, 4, device=device, requires_grad=True)
    rois = torch.tensor([[0, 100.0, 100, 120, 120], [0, 3, 3, 3, 3], [0, -90, -90, -80, -80]], device=device)
    offset = torch.zeros(3, 2, *SIZE, device=device, requires_grad=True)
    pooled = deform_roi_pool(features, rois, offset)
    assert not pooled.any()
    pooled.sum().backward()
    assert not features.grad.any()
    assert not offset.grad.any()


def test_memory_is_bounded_without_changing_the_result(device, monkeypatch):
    features, rois, offset = (tensor.to(device) for tensor in case())
    whole = gradients(deform_roi_pool, features, rois, offset)
    monkeypatch.setattr("custom_modules.ops.pooling.MAX_ENTRIES", 10)
    for got, wanted in zip(gradients(deform_roi_pool, features, rois, offset), whole, strict=True):
        torch.testing.assert_close(got, wanted)


@pytest.mark.parametrize("layer", ["DeformRoIPoolPack", "ModulatedDeformRoIPoolPack"])
def test_the_layers_that_configs_ask_for_train(layer, device):
    from mmdet.models import SingleRoIExtractor

    extractor = SingleRoIExtractor(
        roi_layer={"type": layer, "output_size": 7, "output_channels": 8, "deform_fc_channels": 16},
        out_channels=8,
        featmap_strides=[4, 8],
    ).to(device)
    features = [torch.randn(2, 8, size, size, device=device, requires_grad=True) for size in (32, 16)]
    regions = torch.tensor([[0, 3.0, 5, 40, 60], [1, 0, 0, 120, 120]], device=device)
    pooled = extractor(features, regions)
    assert pooled.shape == (2, 8, 7, 7)
    pooled.square().sum().backward()
    assert any(level.grad.any() for level in features)
    assert extractor.roi_layers[0].offset_fc[-1].weight.grad.any()
