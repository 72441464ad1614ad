"""Non-maximum suppression of lanes, behind ``mmcv.ops.line_nms``, which CLRNet calls on a GPU.

https://arxiv.org/abs/2203.10350; semantics follow mmcv's ``csrc/common/cuda/line_nms_cuda_kernel.cuh``, except that its
kernel reads one of the two lanes of a pair as if lanes came in the order of their scores, and so compares the wrong
ones where they do not. A lane is a row of 77 numbers: the third is its start along y, from 0 to 1; the fifth its length
in points; from the sixth on come its x at 72 heights, in pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor

from custom_modules.ops.dtypes import compute_dtype

POINTS = 72
START, LENGTH, FIRST_X = 2, 4, 5


def line_nms_forward(boxes: Tensor, scores: Tensor, thresh: float, top_k: int) -> list[Tensor]:
    """Keep lanes whose mean distance along x from every better-scored kept lane is at least ``thresh`` pixels.

    Args:
        boxes: Lanes, shape ``(N, 77)``.
        scores: Shape ``(N,)``.
        thresh: In pixels.
        top_k: The most lanes to keep.

    Returns:
        Indices of the kept lanes in descending order of score, shape ``(N,)``, zeros behind them; how many there
        are, a scalar; and for each lane the kept one that it belongs to, counted from 1, shape ``(N,)``: the
        last of those near, 0 for none.
    """
    lanes = boxes.to(device="cpu", dtype=compute_dtype(boxes))
    starts = (lanes[:, START] * (POINTS - 1) + 0.5).long()
    ends = (starts + lanes[:, LENGTH].long() - 1).clamp(max=POINTS - 1)
    order = scores.cpu().sort(descending=True, stable=True).indices
    removed = torch.zeros(len(lanes), dtype=torch.bool)
    parent = torch.zeros(len(lanes), dtype=torch.long)
    kept: list[int] = []
    for place, lane in enumerate(order.tolist()):
        if removed[lane]:
            continue
        if len(kept) == top_k:
            break
        kept.append(lane)
        rest = order[place + 1 :]
        near = rest[_near(lanes, starts, ends, lane, rest, thresh)]
        removed[near] = True
        parent[near] = parent[lane] = len(kept)
    keep = torch.zeros(len(lanes), dtype=torch.long)
    keep[: len(kept)] = torch.tensor(kept, dtype=torch.long)
    return [result.to(boxes.device) for result in (keep, torch.tensor(len(kept)), parent)]


def _near(lanes: Tensor, starts: Tensor, ends: Tensor, best: int, others: Tensor, thresh: float) -> Tensor:
    """Which of ``others`` lie nearer to the lane ``best`` than ``thresh`` over the heights that both cover."""
    start = torch.maximum(starts[others], starts[best])
    end = torch.minimum(ends[others], ends[best])
    height = torch.arange(POINTS)
    common = (height >= start[:, None]) & (height <= end[:, None])
    distance = (lanes[others, FIRST_X:] - lanes[best, FIRST_X:]).abs()
    total = torch.where(common, distance, 0).sum(dim=1)
    return (end >= start) & (start >= 0) & (total < thresh * (end - start + 1))
