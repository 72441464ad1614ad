"""Non-maximum suppression and box overlaps, behind ``mmcv.ops.nms``, ``soft_nms``, ``batched_nms`` and others.

Semantics follow mmcv's ``csrc/pytorch/cpu/nms.cpp`` and ``csrc/common/cuda/nms_cuda_kernel.cuh``. Boxes are
(x1, y1, x2, y2) in pixels; widths and heights are ``x2 - x1 + offset``, where ``offset`` is 0 or 1.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torchvision
from torch import Tensor

from custom_modules.ops.dtypes import compute_dtype

FloatArray = npt.NDArray[np.floating[Any]]

# The numbers that mmcv passes for soft NMS's `method`.
NAIVE, LINEAR, GAUSSIAN = 0, 1, 2
# And for the overlap's `mode`.
IOU, IOF = 0, 1


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float, offset: int) -> Tensor:
    """Keep boxes that overlap no better-scored kept box by more than ``iou_threshold``.

    Of equal scores the box that comes first in the input counts as the better one, on every device; mmcv leaves
    their order to torch's default sort, which guarantees none. An overlap equal to the threshold does not drop a box,
    nor does that of two boxes without area.

    Args:
        boxes: Shape ``(N, 4)``.
        scores: Shape ``(N,)``.
        iou_threshold: From 0 to 1.
        offset: 0 or 1.

    Returns:
        Indices of the kept boxes, shape ``(K,)``, in descending order of score.
    """
    dtype = compute_dtype(boxes)
    boxes = boxes.to(dtype)
    if offset:
        # The same widths and intersections as adding `offset` to each of them.
        boxes = torch.cat([boxes[:, :2], boxes[:, 2:] + offset], dim=1)
    if dtype == torch.float32:
        # mmcv compares with the threshold rounded to float32, torchvision's CPU kernel with the double: an
        # overlap equal to 0.6 in float32 would be above the latter.
        iou_threshold = ctypes.c_float(iou_threshold).value
    return torchvision.ops.nms(boxes, scores.to(dtype), iou_threshold)


def softnms(
    boxes: Tensor,
    scores: Tensor,
    dets: Tensor,
    iou_threshold: float,
    sigma: float,
    min_score: float,
    method: int,
    offset: int,
) -> Tensor:
    """Lower the scores of boxes that overlap better ones, and drop those below ``min_score``.

    The order, that of equal scores included, is that of mmcv's loop over an array in which the best box is
    swapped to the front and a dropped one is overwritten by the last. See https://arxiv.org/abs/1704.04503.

    Args:
        boxes: On the CPU, shape ``(N, 4)``.
        scores: Shape ``(N,)``.
        dets: Filled in place: its first K rows get the kept boxes and their new scores; shape ``(N, 5)``.
        iou_threshold: From 0 to 1; boxes that overlap by this or more get lower scores (not used by ``GAUSSIAN``).
        sigma: Width of the Gaussian, for ``GAUSSIAN`` only.
        min_score: Boxes whose new score is below are dropped.
        method: ``NAIVE`` (score to zero), ``LINEAR`` or ``GAUSSIAN``.
        offset: 0 or 1.

    Returns:
        Indices of the kept boxes, shape ``(K,)``, in the order in which they were chosen.
    """
    dtype = compute_dtype(boxes)
    # One row for each of x1, y1, x2, y2 and score, so that numpy iterates over contiguous memory.
    table = torch.cat([boxes, scores[:, None]], dim=1).detach().to(dtype).T.contiguous().numpy()
    order = np.arange(len(boxes))
    start = 0
    while start < len(order):
        best = start + int(np.argmax(table[4, start:]))
        table[:, [start, best]] = table[:, [best, start]]
        order[[start, best]] = order[[best, start]]
        start += 1
        overlaps = _overlaps(table[:4, start - 1], table[:4, start:], offset)
        table[4, start:] *= _decay(overlaps, iou_threshold, sigma, method)
        keep = table[4, start:] >= table.dtype.type(min_score)
        if not keep.all():
            kept = np.concatenate([np.arange(start), start + _compacted(keep)])
            table, order = table[:, kept], order[kept]
    dets[: len(order)].copy_(torch.from_numpy(table.T))
    return torch.from_numpy(order)


def _decay(overlaps: FloatArray, iou_threshold: float, sigma: float, method: int) -> FloatArray:
    """Return the factor on the score of boxes that overlap a better one by ``overlaps``."""
    one, threshold = overlaps.dtype.type(1), overlaps.dtype.type(iou_threshold)
    if method == GAUSSIAN:
        return np.exp(-(overlaps * overlaps) / overlaps.dtype.type(sigma))
    lowered = one - overlaps if method == LINEAR else np.zeros_like(overlaps)
    return np.where(overlaps >= threshold, lowered, one)


def _compacted(keep: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """Return the order of the kept elements after each dropped one was overwritten by the last remaining one.

    >>> _compacted(np.array([True, False, True, False, True]))
    array([0, 4, 2])
    """
    kept = int(keep.sum())
    order = np.arange(kept)
    holes = np.flatnonzero(~keep[:kept])
    order[holes] = (kept + np.flatnonzero(keep[kept:]))[::-1]
    return order


def _overlaps(box: FloatArray, boxes: FloatArray, offset: int) -> FloatArray:
    """Return the IoU of one box, shape ``(4,)``, and each of ``boxes``, shape ``(4, N)``.

    Two boxes without area do not overlap; mmcv divides zero by zero, so that its Gaussian soft NMS gives NaN scores.
    """
    size = np.minimum(box[2:, None], boxes[2:]) - np.maximum(box[:2, None], boxes[:2]) + offset
    width, height = np.maximum(size, 0)
    box_width, box_height = box[2:] - box[:2] + offset
    widths, heights = boxes[2:] - boxes[:2] + offset
    intersection = width * height
    union = box_width * box_height + widths * heights - intersection
    return np.divide(intersection, union, out=np.zeros_like(union), where=union != 0)


def nms_match(dets: Tensor, iou_threshold: float) -> list[list[int]]:
    """Group boxes by the kept box that suppresses them.

    Unlike ``nms``, an overlap equal to the threshold suppresses.

    Args:
        dets: Boxes and scores on the CPU, shape ``(N, 5)``.
        iou_threshold: From 0 to 1.

    Returns:
        A list of indices for each kept box: the box itself, then those it suppresses, by descending score.
    """
    rows = dets.to(compute_dtype(dets))
    waiting = rows[:, 4].sort(descending=True, stable=True).indices.numpy()
    boxes = rows[:, :4].T.contiguous().numpy()
    groups = []
    while len(waiting):
        best, waiting = waiting[0], waiting[1:]
        overlaps = _overlaps(boxes[:, best], boxes[:, waiting], offset=0)
        matched = overlaps >= overlaps.dtype.type(iou_threshold)
        groups.append([int(best), *map(int, waiting[matched])])
        waiting = waiting[~matched]
    return groups


def bbox_overlaps(bboxes1: Tensor, bboxes2: Tensor, ious: Tensor, mode: int, aligned: bool, offset: int) -> None:
    """Fill ``ious`` with the overlap of each pair of boxes, or of each row's pair when ``aligned``.

    Args:
        bboxes1: Shape ``(M, 4)``.
        bboxes2: Shape ``(N, 4)``.
        ious: Filled in place; shape ``(M, N)``, or ``(M,)`` when ``aligned``.
        mode: ``IOU``, or ``IOF``: intersection over the area of the first box.
        aligned: Compare row with row; M equals N.
        offset: 0 or 1.
    """
    first, second = (boxes.to(compute_dtype(boxes)) for boxes in (bboxes1, bboxes2))
    areas1, areas2 = ((boxes[:, 2:] - boxes[:, :2] + offset).prod(dim=1) for boxes in (first, second))
    if not aligned:
        first, areas1 = first[:, None], areas1[:, None]
    size = torch.minimum(first[..., 2:], second[..., 2:]) - torch.maximum(first[..., :2], second[..., :2])
    intersection = (size + offset).clamp_(min=0).prod(dim=-1)
    union = areas1 if mode == IOF else areas1 + areas2 - intersection
    ious.copy_(intersection / union.clamp(min=offset))
