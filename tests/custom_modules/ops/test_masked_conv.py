import op_references as references
import pytest
import torch

pytestmark = pytest.mark.mm


def case(dtype=torch.float64, kernel=(3, 3)):
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(1, 4, 6, 5, generator=generator, dtype=torch.float64)
    weight = torch.randn(2, 4, *kernel, generator=generator, dtype=torch.float64)
    bias = torch.randn(2, generator=generator, dtype=torch.float64)
    mask = torch.rand(1, 6, 5, generator=generator) > 0.5
    return [tensor.to(dtype) for tensor in (features, mask, weight, bias)]


def masked_conv2d(*args):
    from mmcv.ops import masked_conv2d as mmcv_masked_conv2d

    return mmcv_masked_conv2d(*args)


@pytest.mark.parametrize(("kernel", "padding"), [((3, 3), (1, 1)), ((1, 1), (0, 0)), ((5, 3), (2, 1))])
def test_equals_the_convolution_where_the_mask_is_set(kernel, padding, device):
    inputs = case(kernel=kernel)
    expected = references.masked_conv2d(*inputs, padding)
    assert expected.any()
    result = masked_conv2d(*(tensor.to(device) for tensor in inputs), padding)
    torch.testing.assert_close(result.cpu(), expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_windows_are_copied_in_every_precision(dtype, device):
    from custom_modules.ops import ext

    features = torch.arange(1.0, 10).view(1, 1, 3, 3).to(device, dtype)
    columns = torch.full((9, 2), 7.0, dtype=dtype, device=device)
    rows, cols = torch.tensor([0, 2], device=device), torch.tensor([0, 1], device=device)
    ext.masked_im2col_forward(features, rows, cols, columns, kernel_h=3, kernel_w=3, pad_h=1, pad_w=1)
    assert columns.T.tolist() == [[0, 0, 0, 0, 1, 2, 0, 4, 5], [4, 5, 6, 7, 8, 9, 0, 0, 0]]


def test_an_empty_mask_gives_zeros(device):
    features, mask, weight, bias = (tensor.to(device) for tensor in case())
    assert not masked_conv2d(features, torch.zeros_like(mask), weight, bias, 1).any()


def test_a_guided_anchoring_head_predicts(device):
    from mmcv.ops import MaskedConv2d

    layer = MaskedConv2d(4, 2, 3, padding=1).to(device)
    features, mask, *_ = (tensor.to(device) for tensor in case(torch.float32))
    masked, whole = layer(features, mask), layer(features)
    torch.testing.assert_close(masked, whole * mask)
