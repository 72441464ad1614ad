"""Deformable convolution 1 and 2, behind ``mmcv.ops``'s ``DCN`` and ``DCNv2`` layers.

https://arxiv.org/abs/1703.06211 and https://arxiv.org/abs/1811.11168, on torchvision's kernels, which share mmcv's
layout of offsets (y before x for each kernel element, deformable groups outermost) and masks. Shapes below: ``B``
images, ``G`` deformable groups, ``K`` kernel elements, output of ``H'`` x ``W'``.

mmcv passes scratch tensors (``columns``, ``ones``) and ``im2col_step``, the number of images that it unfolds at a
time; torchvision needs neither.
"""

from __future__ import annotations

import torch
import torchvision  # noqa: F401  (registers torch.ops.torchvision)
from torch import Tensor

from custom_modules.ops.dtypes import compute_dtype


def deform_conv_forward(
    input: Tensor,
    weight: Tensor,
    offset: Tensor,
    output: Tensor,
    columns: Tensor,
    ones: Tensor,
    kW: int,
    kH: int,
    dW: int,
    dH: int,
    padW: int,
    padH: int,
    dilationW: int,
    dilationH: int,
    group: int,
    deformable_group: int,
    im2col_step: int,
) -> None:
    """Fill ``output`` with the deformable convolution of ``input``.

    Args:
        input: Shape ``(B, C, H, W)``.
        weight: Shape ``(C', C / group, kH, kW)``.
        offset: Shape ``(B, G * K * 2, H', W')``, in pixels.
        output: Filled in place; shape ``(B, C', H', W')``.
    """
    geometry = (dH, dW, padH, padW, dilationH, dilationW, group, deformable_group)
    output.copy_(_convolve(input, weight, offset, None, None, geometry))


def deform_conv_backward_input(
    input: Tensor,
    offset: Tensor,
    grad_output: Tensor,
    grad_input: Tensor,
    grad_offset: Tensor,
    weight: Tensor,
    columns: Tensor,
    kW: int,
    kH: int,
    dW: int,
    dH: int,
    padW: int,
    padH: int,
    dilationW: int,
    dilationH: int,
    group: int,
    deformable_group: int,
    im2col_step: int,
) -> None:
    """Fill ``grad_input`` and ``grad_offset``.

    torchvision computes the weight's gradient along with these: it is left in the scratch tensor ``columns``,
    where ``deform_conv_backward_parameters``, which mmcv calls next, finds it.
    """
    geometry = (dH, dW, padH, padW, dilationH, dilationW, group, deformable_group)
    grads = _convolve_backward(grad_output, input, weight, offset, None, None, geometry)
    grad_input.copy_(grads[0])
    grad_offset.copy_(grads[2])
    columns.resize_(weight.shape).copy_(grads[1])


def deform_conv_backward_parameters(
    input: Tensor,
    offset: Tensor,
    grad_output: Tensor,
    grad_weight: Tensor,
    columns: Tensor,
    ones: Tensor,
    kW: int,
    kH: int,
    dW: int,
    dH: int,
    padW: int,
    padH: int,
    dilationW: int,
    dilationH: int,
    group: int,
    deformable_group: int,
    scale: float,
    im2col_step: int,
) -> None:
    """Add the weight's gradient, times ``scale``, to ``grad_weight``.

    ``columns`` holds it if ``deform_conv_backward_input`` ran just before, and is empty if mmcv did not need the
    results of that function. It is emptied here, so that it can't be used for another gradient.
    """
    if columns.shape == grad_weight.shape:
        grad_weight.add_(columns, alpha=scale)
        columns.resize_(0)
        return
    geometry = (dH, dW, padH, padW, dilationH, dilationW, group, deformable_group)
    # The gradient does not depend on the weight itself.
    grads = _convolve_backward(grad_output, input, grad_weight, offset, None, None, geometry)
    grad_weight.add_(grads[1].to(grad_weight.dtype), alpha=scale)


def modulated_deform_conv_forward(
    input: Tensor,
    weight: Tensor,
    bias: Tensor,
    ones: Tensor,
    offset: Tensor,
    mask: Tensor,
    output: Tensor,
    columns: Tensor,
    kernel_h: int,
    kernel_w: int,
    stride_h: int,
    stride_w: int,
    pad_h: int,
    pad_w: int,
    dilation_h: int,
    dilation_w: int,
    group: int,
    deformable_group: int,
    with_bias: bool,
) -> None:
    """Fill ``output`` with the modulated deformable convolution of ``input``.

    Args:
        input: Shape ``(B, C, H, W)``.
        weight: Shape ``(C', C / group, kernel_h, kernel_w)``.
        bias: Shape ``(C',)``; used when ``with_bias``.
        offset: Shape ``(B, G * K * 2, H', W')``, in pixels.
        mask: Factor of each sample, shape ``(B, G * K, H', W')``.
        output: Filled in place; shape ``(B, C', H', W')``.

    ``offset`` and ``mask`` may be larger than the output: see :func:`_as_read`.
    """
    geometry = (stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w, group, deformable_group)
    offset, mask = (_as_read(samples, output) for samples in (offset, mask))
    output.copy_(_convolve(input, weight, offset, mask, bias if with_bias else None, geometry))


def modulated_deform_conv_backward(
    input: Tensor,
    weight: Tensor,
    bias: Tensor,
    ones: Tensor,
    offset: Tensor,
    mask: Tensor,
    columns: Tensor,
    grad_input: Tensor,
    grad_weight: Tensor,
    grad_bias: Tensor,
    grad_offset: Tensor,
    grad_mask: Tensor,
    grad_output: Tensor,
    kernel_h: int,
    kernel_w: int,
    stride_h: int,
    stride_w: int,
    pad_h: int,
    pad_w: int,
    dilation_h: int,
    dilation_w: int,
    group: int,
    deformable_group: int,
    with_bias: bool,
) -> None:
    """Fill the five gradients, each shaped like what it belongs to; ``grad_bias`` only when ``with_bias``."""
    geometry = (stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w, group, deformable_group)
    offset, mask = (_as_read(samples, grad_output) for samples in (offset, mask))
    grads = _convolve_backward(grad_output, input, weight, offset, mask, bias if with_bias else None, geometry)
    grad_input.copy_(grads[0])
    grad_weight.copy_(grads[1])
    _write_as_read(grad_offset, grads[2])
    _write_as_read(grad_mask, grads[3])
    if with_bias:
        grad_bias.copy_(grads[4])


def _as_read(samples: Tensor, output: Tensor) -> Tensor:
    """Reshape offsets or masks to the output's height and width, as mmcv's kernels read them.

    The kernels read an image's offsets as a flat array with the layout of the output's size, whatever their shape.
    mmdet's DyHead relies on this: it passes a level's offsets to the convolution of the next smaller level
    (https://github.com/open-mmlab/mmdetection/blob/main/mmdet/models/necks/dyhead.py, ``DyHeadBlock.forward``), and
    weights trained this way expect the same.
    """
    height, width = output.shape[2:]
    if tuple(samples.shape[2:]) == (height, width):
        return samples
    channels = samples.shape[1]
    return samples.flatten(1)[:, : channels * height * width].reshape(-1, channels, height, width)


def _write_as_read(target: Tensor, grad: Tensor) -> None:
    """Fill the gradient of offsets or masks reshaped by :func:`_as_read`; values that were not read have gradient 0."""
    rows = target.new_zeros(len(target), target[0].numel())
    rows[:, : grad[0].numel()] = grad.flatten(1)
    target.copy_(rows.view(target.shape))


Geometry = tuple[int, int, int, int, int, int, int, int]


def _operands(
    input: Tensor, weight: Tensor, offset: Tensor, mask: Tensor | None, bias: Tensor | None
) -> tuple[list[Tensor], bool]:
    """Return the kernel's tensors in one precision, placeholders for unused ones, and whether a mask is used."""
    dtype = compute_dtype(input)
    used_mask = input.new_empty((len(input), 0)) if mask is None else mask
    used_bias = input.new_zeros(len(weight)) if bias is None else bias
    return [tensor.to(dtype) for tensor in (input, weight, offset, used_mask, used_bias)], mask is not None


def _convolve(
    input: Tensor, weight: Tensor, offset: Tensor, mask: Tensor | None, bias: Tensor | None, geometry: Geometry
) -> Tensor:
    operands, use_mask = _operands(input, weight, offset, mask, bias)
    return torch.ops.torchvision.deform_conv2d(*operands, *geometry, use_mask)


def _convolve_backward(
    grad_output: Tensor,
    input: Tensor,
    weight: Tensor,
    offset: Tensor,
    mask: Tensor | None,
    bias: Tensor | None,
    geometry: Geometry,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients with respect to input, weight, offset, mask and bias."""
    operands, use_mask = _operands(input, weight, offset, mask, bias)
    grad = grad_output.to(operands[0].dtype)
    return torch.ops.torchvision._deform_conv2d_backward(grad, *operands, *geometry, use_mask)
