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


def prroi_pool(features, rois, size, scale):
    """Precise RoI pooling: Gauss's rule with two points an axis, exact on each cell between four pixels."""
    padded = torch.nn.functional.pad(features, [1] * 4)
    rows = []
    for image, *box in rois:
        x1, y1, x2, y2 = (side * scale for side in box)
        height, width = (y2 - y1) / size[0], (x2 - x1) / size[1]
        for i, j in _bins(size):
            total = features.new_zeros(features.shape[1])
            if height > 0 and width > 0:
                for y, x, area in _gauss_points(y1 + height * i, x1 + width * j, height, width, features.shape[2:]):
                    total = total + bilinear(padded[int(image)], y + 1, x + 1) * area / (height * width)
            rows.append(total)
    return _pooled(rows, features, rois, size)


def _gauss_points(top, left, height, width, shape):
    """Points and the area that each stands for, of the part of a bin within one pixel of the map."""
    ys, xs = _gauss_axis(top, top + height, shape[0]), _gauss_axis(left, left + width, shape[1])
    for (y, y_length), (x, x_length) in itertools.product(ys, xs):
        yield y, x, y_length * x_length


def _gauss_axis(start, end, size):
    for cell in range(max(math.floor(start.item()), -1), min(math.ceil(end.item()), size)):
        low, high = start.clamp(min=cell), end.clamp(max=cell + 1)
        for sign in (-1, 1):
            yield (low + high) / 2 + sign * (high - low) / 2 / math.sqrt(3), (high - low) / 2


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


def border_align(features, boxes, pool_size):
    """BorderAlign: shape ``(B, C, N, 4)``."""
    batch, channels = features.shape[0], features.shape[1] // 4
    rows = []
    for b, n, side in itertools.product(range(batch), range(boxes.shape[1]), range(4)):
        x1, y1, x2, y2 = boxes[b, n]
        start = (x1, y1) if side < 2 else (x2, y2)
        step = ((x2 - x1, 0), (0, y2 - y1), (x1 - x2, 0), (0, y1 - y2))[side]
        feature = features[b, side * channels : (side + 1) * channels]
        samples = [
            bilinear(feature, start[1] + step[1] * i / pool_size, start[0] + step[0] * i / pool_size)
            for i in range(pool_size + 1)
        ]
        rows.append(torch.stack(samples).max(0).values)
    return torch.stack(rows).view(batch, boxes.shape[1], 4, channels).permute(0, 3, 1, 2)


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


def line_nms(lanes, scores, threshold, top_k):
    """Kept lanes in the order of their scores, and for each lane the number of the kept one near it."""
    rows = lanes.tolist()
    order = sorted(range(len(rows)), key=lambda lane: -float(scores[lane]))
    kept, parent, removed = [], [0] * len(rows), set()
    for place, lane in enumerate(order):
        if lane in removed or len(kept) == top_k:
            continue
        kept.append(lane)
        parent[lane] = len(kept)
        for other in order[place + 1 :]:
            if _lanes_near(rows[lane], rows[other], threshold):
                removed.add(other)
                parent[other] = len(kept)
    return kept, parent


def _lanes_near(first, second, threshold):
    starts = [int(lane[2] * 71 + 0.5) for lane in (first, second)]
    ends = [min(start + int(lane[4]) - 1, 71) for start, lane in zip(starts, (first, second), strict=True)]
    heights = range(max(starts), min(ends) + 1)
    if not heights:
        return False
    return sum(abs(first[5 + k] - second[5 + k]) for k in heights) < threshold * len(heights)
