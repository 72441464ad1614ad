import math

import pytest
import torch

pytestmark = pytest.mark.mm


def sample(feature, y, x):
    """Bilinear sample of an (H, W) nested list; what lies outside is zero."""
    height, width = len(feature), len(feature[0])
    top, left = math.floor(y), math.floor(x)
    total = 0.0
    for row, row_weight in ((top, top + 1 - y), (top + 1, y - top)):
        for column, column_weight in ((left, left + 1 - x), (left + 1, x - left)):
            if 0 <= row < height and 0 <= column < width:
                total += feature[row][column] * row_weight * column_weight
    return total


def reference(input, offset, mask, weight, bias, stride, padding, dilation, groups, deform_groups):
    """Deformable convolution with a loop a sample, in float64."""
    batch, channels = input.shape[:2]
    outputs, in_group, kernel_h, kernel_w = weight.shape
    height, width = offset.shape[2:]
    # (B, deformable groups, kernel elements, y and x, H', W') and the same without y and x.
    offset = offset.view(batch, deform_groups, kernel_h * kernel_w, 2, height, width)
    mask = mask.view(batch, deform_groups, kernel_h * kernel_w, height, width)
    result = torch.zeros(batch, outputs, height, width, dtype=torch.float64)
    for b in range(batch):
        features = input[b].tolist()
        for out in range(outputs):
            first = out // (outputs // groups) * in_group
            for i in range(height):
                for j in range(width):
                    total = float(bias[out])
                    for c in range(in_group):
                        group = (first + c) // (channels // deform_groups)
                        for k in range(kernel_h * kernel_w):
                            dy, dx = offset[b, group, k, :, i, j].tolist()
                            y = i * stride[0] - padding[0] + k // kernel_w * dilation[0] + dy
                            x = j * stride[1] - padding[1] + k % kernel_w * dilation[1] + dx
                            value = sample(features[first + c], y, x) * float(mask[b, group, k, i, j])
                            total += value * float(weight[out, c, k // kernel_w, k % kernel_w])
                    result[b, out, i, j] = total
    return result


GEOMETRIES = {
    "plain": {},
    "strided and padded": {"stride": (2, 1), "padding": (1, 2), "dilation": (1, 2)},
    "grouped": {"groups": 2, "deform_groups": 2, "padding": (1, 1)},
}


def case(**changes):
    """Arguments of both convolutions for a small input, in float64."""
    geometry = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1, "deform_groups": 1} | changes
    generator = torch.Generator().manual_seed(0)

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    kernel, size = (3, 2), (5, 6)
    out = [
        (size[d] + 2 * geometry["padding"][d] - geometry["dilation"][d] * (kernel[d] - 1) - 1) // geometry["stride"][d]
        + 1
        for d in (0, 1)
    ]
    elements = geometry["deform_groups"] * kernel[0] * kernel[1]
    tensors = {
        "input": normal(2, 4, *size),
        "offset": normal(2, elements * 2, *out),
        "mask": normal(2, elements, *out).sigmoid(),
        "weight": normal(4, 4 // geometry["groups"], *kernel),
        "bias": normal(4),
    }
    return tensors, geometry


def deform_conv(tensors, geometry):
    from mmcv.ops import deform_conv2d

    return deform_conv2d(tensors["input"], tensors["offset"], tensors["weight"], *geometry.values())


def modulated_deform_conv(tensors, geometry):
    from mmcv.ops import modulated_deform_conv2d

    return modulated_deform_conv2d(*tensors.values(), *geometry.values())


CONVOLUTIONS = {"dcn": deform_conv, "dcn v2": modulated_deform_conv}


@pytest.mark.parametrize("changes", GEOMETRIES.values(), ids=GEOMETRIES)
def test_modulated_equals_the_loop(changes, device):
    tensors, geometry = case(**changes)
    expected = reference(**tensors, **geometry)
    on_device = {name: tensor.to(device) for name, tensor in tensors.items()}
    torch.testing.assert_close(modulated_deform_conv(on_device, geometry).cpu(), expected)


@pytest.mark.parametrize("changes", GEOMETRIES.values(), ids=GEOMETRIES)
def test_plain_equals_the_loop_without_mask_and_bias(changes, device):
    tensors, geometry = case(**changes)
    expected = reference(**tensors | {"mask": torch.ones_like(tensors["mask"]), "bias": torch.zeros(4)}, **geometry)
    on_device = {name: tensor.to(device) for name, tensor in tensors.items()}
    torch.testing.assert_close(deform_conv(on_device, geometry).cpu(), expected)


@pytest.mark.parametrize("changes", GEOMETRIES.values(), ids=GEOMETRIES)
@pytest.mark.parametrize("convolve", CONVOLUTIONS.values(), ids=CONVOLUTIONS)
def test_gradients(convolve, changes, device):
    tensors, geometry = case(**changes)
    leaves = {
        name: tensor[:1].to(device) if name in ("input", "offset", "mask") else tensor.to(device)
        for name, tensor in tensors.items()
    }
    used = ["input", "offset", "weight"] if convolve is deform_conv else list(leaves)

    def run(*values):
        return convolve(leaves | dict(zip(used, values, strict=True)), geometry)

    inputs = [leaves[name].detach().requires_grad_() for name in used]
    assert torch.autograd.gradcheck(run, inputs, fast_mode=True, nondet_tol=1e-9)


@pytest.mark.parametrize("needed", ["input", "offset", "weight"])
def test_the_gradient_of_one_input_alone(needed):
    tensors, geometry = case()
    every = {name: tensor.detach().requires_grad_() for name, tensor in tensors.items()}
    deform_conv(every, geometry).square().sum().backward()
    single = {name: tensor.detach().requires_grad_(name == needed) for name, tensor in tensors.items()}
    deform_conv(single, geometry).square().sum().backward()
    torch.testing.assert_close(single[needed].grad, every[needed].grad)


def test_a_second_backward_pass_does_not_reuse_the_first_ones_weight_gradient():
    tensors, geometry = case()
    leaves = {name: tensor.detach().requires_grad_() for name, tensor in tensors.items()}
    output = deform_conv(leaves, geometry)
    (once,) = torch.autograd.grad(output.sum(), leaves["weight"], retain_graph=True)
    (twice,) = torch.autograd.grad(2 * output.sum(), leaves["weight"], retain_graph=True)
    (again,) = torch.autograd.grad(output.sum(), leaves["weight"])
    torch.testing.assert_close(twice, 2 * once)
    torch.testing.assert_close(again, once)


def test_modulated_without_bias():
    tensors, geometry = case()
    with_zeros = modulated_deform_conv(tensors | {"bias": torch.zeros(4).double()}, geometry)
    leaves = {name: tensor.detach().requires_grad_() for name, tensor in tensors.items()} | {"bias": None}
    output = modulated_deform_conv(leaves, geometry)
    torch.testing.assert_close(output, with_zeros)
    output.sum().backward()
    assert all(tensor.grad is not None for tensor in leaves.values() if tensor is not None)


@pytest.mark.parametrize("convolve", CONVOLUTIONS.values(), ids=CONVOLUTIONS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_every_precision(dtype, convolve, device):
    tensors, geometry = case(padding=(1, 1))
    # Rounded once, so that both runs see the same numbers.
    low = {name: tensor.to(dtype) for name, tensor in tensors.items()}
    exact = {name: tensor.double().requires_grad_() for name, tensor in low.items()}
    low = {name: tensor.to(device).requires_grad_() for name, tensor in low.items()}
    expected, result = convolve(exact, geometry), convolve(low, geometry)
    expected.sum().backward()
    result.sum().backward()
    assert result.dtype == dtype
    tolerance = 16 * torch.finfo(dtype).eps
    torch.testing.assert_close(result.cpu().double(), expected, rtol=tolerance, atol=tolerance)
    for name, tensor in low.items():
        if tensor.grad is not None:
            assert tensor.grad.dtype == dtype
            # Sums of some hundred terms of order one.
            torch.testing.assert_close(tensor.grad.cpu().double(), exact[name].grad, rtol=tolerance, atol=8 * tolerance)


def test_larger_offsets_are_read_as_one_row_of_numbers():
    """As mmcv's kernels do: DyHead hands a level's offsets to the convolution of a smaller one."""
    from mmcv.ops import modulated_deform_conv2d

    generator = torch.Generator().manual_seed(0)
    feature = torch.rand(2, 3, 4, 4, generator=generator, requires_grad=True)
    weight = torch.rand(5, 3, 3, 3, generator=generator)
    joint = torch.rand(2, 27, 8, 8, generator=generator)
    large = [part.detach().requires_grad_() for part in joint.split((18, 9), dim=1)]  # parts of one map, as there
    small = [
        samples.detach().flatten(1)[:, : count * 4 * 4].reshape(2, count, 4, 4).requires_grad_()
        for samples, count in zip(large, (18, 9), strict=True)
    ]
    results = [modulated_deform_conv2d(feature, *samples, weight, None, 1, 1) for samples in (large, small)]
    torch.testing.assert_close(*results)
    results[0].sum().backward()
    results[1].sum().backward()
    for whole, part in zip(large, small, strict=True):
        read = part.grad.flatten(1).shape[1]
        torch.testing.assert_close(whole.grad.flatten(1)[:, :read], part.grad.flatten(1))
        assert whole.grad.flatten(1)[:, read:].abs().max() == 0
