"""What the ops compute, a loop a sample, in plain torch.

Results of float64 tensors are float64 and differentiable, so one reference serves for values and gradients. The
arguments are those of the functions of ``mmcv.ops``.
"""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor


def bilinear(feature: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """One sample of features ``(C, H, W)`` as mmcv defines it: zero beyond one pixel outside the border."""
    height, width = feature.shape[1:]
    if not (-1 <= y <= height and -1 <= x <= width):
        return feature.new_zeros(len(feature))
    y, x = y.clamp(0, height - 1), x.clamp(0, width - 1)
    top, left = int(y), int(x)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    down, across = y - top, x - left
    above = feature[:, top, left] * (1 - across) + feature[:, top, right] * across
    below = feature[:, bottom, left] * (1 - across) + feature[:, bottom, right] * across
    return above * (1 - down) + below * down


def _bins(size: tuple[int, int]) -> itertools.product:
    return itertools.product(range(size[0]), range(size[1]))


def _bin_samples(start: Tensor, step: Tensor, cell: int, ratio: int) -> list[Tensor]:
    """Sample positions of one bin along one axis; ``step`` is a bin's length."""
    count = ratio or max(math.ceil(step), 0)
    return [start + step * (cell + (sample + 0.5) / count) for sample in range(count)]


def roi_align(features, rois, size, scale, sampling_ratio, pool_mode, aligned):
    """RoIAlign; 0 in a bin without samples."""
    rows = []
    for image, *box in rois:
        x1, y1, x2, y2 = (side * scale - (0.5 if aligned else 0.0) for side in box)
        height, width = ((end - start).clamp(min=-math.inf if aligned else 1) for start, end in ((y1, y2), (x1, x2)))
        for i, j in _bins(size):
            ys = _bin_samples(y1, height / size[0], i, sampling_ratio)
            xs = _bin_samples(x1, width / size[1], j, sampling_ratio)
            samples = [bilinear(features[int(image)], y, x) for y in ys for x in xs]
            stacked = torch.stack(samples or [features.new_zeros(features.shape[1])])
            rows.append(stacked.amax(0) if pool_mode == "max" else stacked.mean(0))
    return _pooled(rows, features, rois, size)


def roi_pool(features, rois, size, scale):
    """RoIPool; 0 in a bin without pixels."""
    height, width = features.shape[2:]
    rows = []
    for image, x1, y1, x2, y2 in rois.tolist():
        x1, y1, x2, y2 = x1 * scale, y1 * scale, (x2 + 1) * scale, (y2 + 1) * scale
        for i, j in _bins(size):
            top, bottom = (
                round_(y1 + (y2 - y1) / size[0] * (i + k)) for round_, k in ((math.floor, 0), (math.ceil, 1))
            )
            left, right = (
                round_(x1 + (x2 - x1) / size[1] * (j + k)) for round_, k in ((math.floor, 0), (math.ceil, 1))
            )
            window = features[int(image), :, max(top, 0) : max(min(bottom, height), 0), :]
            window = window[..., max(left, 0) : max(min(right, width), 0)].flatten(1)
            has_pixels = window.shape[1] and x2 > x1 and y2 > y1
            # Of equal pixels the first gets the gradient, which `amax` would share out.
            rows.append(window.max(1).values if has_pixels else features.new_zeros(features.shape[1]))
    return _pooled(rows, features, rois, size)


def _pooled(rows: list[Tensor], features: Tensor, rois: Tensor, size: tuple[int, int]) -> Tensor:
    if not rows:
        return features.new_zeros((0, features.shape[1], *size)) + features.sum() * 0
    return torch.stack(rows).view(len(rois), *size, -1).permute(0, 3, 1, 2)


def deform_roi_pool(features, rois, offset, size, scale=1.0, sampling_ratio=0, gamma=0.1):
    """Deformable RoI pooling; 0 in a bin without samples."""
    rows = []
    for k, (image, *box) in enumerate(rois):
        x1, y1, x2, y2 = (side * scale - 0.5 for side in box)
        height, width = y2 - y1, x2 - x1
        for i, j in _bins(size):
            dx, dy = (0, 0) if offset is None else offset[k, :, i, j]
            ys = _bin_samples(y1 + gamma * height * dy, height / size[0], i, sampling_ratio)
            xs = _bin_samples(x1 + gamma * width * dx, width / size[1], j, sampling_ratio)
            samples = [bilinear(features[int(image)], y, x) for y in ys for x in xs]
            rows.append(torch.stack(samples or [features.new_zeros(features.shape[1])]).mean(0))
    return _pooled(rows, features, rois, size)


def carafe(features, masks, kernel_size, group_size, scale_factor):
    """CARAFE, an output pixel at a time."""
    batch, channels, height, width = features.shape
    half = kernel_size // 2
    padded = torch.nn.functional.pad(features, [half] * 4)
    groups = padded.view(batch, group_size, channels // group_size, *padded.shape[2:])
    output = features.new_zeros((batch, channels, height * scale_factor, width * scale_factor))
    for y, x in _bins(output.shape[2:]):
        top, left = y // scale_factor, x // scale_factor
        window = groups[..., top : top + kernel_size, left : left + kernel_size].flatten(3)
        weight = masks[:, :, y, x].view(batch, group_size, 1, kernel_size**2)
        output[:, :, y, x] = (window * weight).sum(3).flatten(1)
    return output


def masked_conv2d(features, mask, weight, bias, padding=0):
    """An ordinary convolution, zero where the mask is not above 0."""
    return torch.nn.functional.conv2d(features, weight, bias, padding=padding) * (mask > 0)


def sigmoid_focal_loss(logits, target, gamma, alpha, weight=None):
    """The loss of each class of each row; the background is the number after the last class."""
    classes = logits.shape[1]
    is_target = torch.nn.functional.one_hot(target, classes + 1)[:, :classes] == 1
    signed = torch.where(is_target, logits, -logits)
    factor = torch.where(is_target, alpha, 1 - alpha)
    loss = -factor * (-signed).sigmoid() ** gamma * torch.nn.functional.logsigmoid(signed)
    return loss if weight is None else loss * weight[target][:, None]


def softmax_focal_loss(logits, target, gamma, alpha, weight=None):
    """The loss of each row."""
    log_p = logits.log_softmax(1).gather(1, target[:, None])[:, 0]
    loss = -alpha * (1 - log_p.exp()) ** gamma * log_p
    return loss if weight is None else loss * weight[target]
