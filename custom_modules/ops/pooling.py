"""What the ops that pool regions share: bilinear interpolation, and sums and maxima over bags of pixels.

A bag is a run of entries, each the index of a pixel and, for sums, its weight. One bag gives one bin of the output,
for all channels at a time. Bags differ in size, as regions do. torch's ``embedding_bag`` does the arithmetic, on the
CPU and on CUDA, without an array of entries x channels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

# Entries held at a time; each takes some tens of bytes.
MAX_ENTRIES = 1 << 20


def neighbours(position: Tensor, size: int) -> list[tuple[Tensor, Tensor]]:
    """Return the two pixels beside each position along one axis, and their bilinear weights.

    As in mmcv's kernels, the border's value holds up to one pixel beyond a feature map's border; farther out
    everything is zero (``bilinear_interpolate`` in mmcv's ``csrc/common/cuda/common_cuda_helper.hpp``).

    Args:
        position: In pixels, of any shape.
        size: Pixels along the axis.
    """
    inside = (position >= -1) & (position <= size)
    position = position.clamp(0, size - 1)
    low = position.long()
    fraction = position - low
    return [
        (low, (1 - fraction) * inside),
        ((low + 1).clamp_(max=size - 1), fraction * inside),
    ]


def corners(y: Tensor, x: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Return the four pixels around each point (y, x).

    Returns:
        Their indices in the flattened map and their weights, both of the points' shape and a last axis of 4.
        The weights are differentiable with respect to the point.
    """
    pairs = [(row, column) for row in neighbours(y, height) for column in neighbours(x, width)]
    index = torch.stack([row * width + column for (row, _), (column, _) in pairs], dim=-1)
    weight = torch.stack([row_weight * column_weight for (_, row_weight), (_, column_weight) in pairs], dim=-1)
    return index, weight


def pixel_rows(features: Tensor, dtype: torch.dtype) -> Tensor:
    """Reshape features ``(B, C, H, W)`` to one row a pixel, ``(B * H * W, C)``."""
    return features.to(dtype).permute(0, 2, 3, 1).reshape(-1, features.shape[1])


def pixel_maps(rows: Tensor, shape: torch.Size) -> Tensor:
    """Undo ``pixel_rows``: view rows ``(B * H * W, C)`` as features of ``shape`` ``(B, C, H, W)``."""
    batch, channels, height, width = shape
    return rows.view(batch, height, width, channels).permute(0, 3, 1, 2)


def chunks(entries: Tensor) -> list[slice]:
    """Split regions into chunks of about ``MAX_ENTRIES`` entries, so that memory stays bounded.

    Args:
        entries: Number of entries of each region, shape ``(K,)``.
    """
    chunk = entries.cumsum(0) // MAX_ENTRIES
    ends = torch.unique_consecutive(chunk, return_counts=True)[1].cumsum(0).tolist()
    return [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]


def bin_corners(start: Tensor, length: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Cut regions into ``size`` (rows, columns) equal bins.

    Args:
        start: First corner (y, x) of each region, shape ``(K, 2)``.
        length: Its height and width, shape ``(K, 2)``.

    Returns:
        First and last corner (y, x) of each bin, both of shape ``(K, rows * columns, 2)``.
    """
    rows, columns = (torch.arange(count, device=start.device) for count in size)
    cell = torch.cartesian_prod(rows, columns)
    step = (length / start.new_tensor(size))[:, None]
    return cell * step + start[:, None], (cell + 1) * step + start[:, None]


def grid_cells(rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Enumerate the cells of one grid a bag, row by row.

    Args:
        rows: Number of rows of each bag's grid, shape ``(N,)``, integers.
        columns: Likewise of columns.

    Returns:
        For each cell its bag, row and column.

    >>> grid_cells(torch.tensor([1, 2]), torch.tensor([2, 1]))
    (tensor([0, 0, 1, 1]), tensor([0, 0, 0, 1]), tensor([0, 1, 0, 0]))
    """
    sizes = rows * columns
    bag = torch.repeat_interleave(sizes)
    cell = torch.arange(len(bag), device=bag.device) - (sizes.cumsum(0) - sizes)[bag]
    return bag, cell // columns[bag], cell % columns[bag]


def _starts(bag: Tensor, count: int) -> Tensor:
    """Return where each of ``count`` bags starts among entries in the order of their bags."""
    sizes = torch.bincount(bag, minlength=count)
    return sizes.cumsum(0) - sizes


def weighted_sums(pixels: Tensor, bag: Tensor, index: Tensor, weight: Tensor, count: int) -> Tensor:
    """Sum the weighted pixels of each bag; differentiable with respect to ``weight``.

    Args:
        pixels: One row a pixel, shape ``(P, C)``.
        bag: Bag of each entry, in ascending order, shape ``(E,)``.
        index: Row of each entry's pixel, shape ``(E,)``.
        weight: Shape ``(E,)``.
        count: Number of bags.

    Returns:
        Shape ``(count, C)``; zero for a bag without entries.
    """
    return F.embedding_bag(index, pixels, _starts(bag, count), mode="sum", per_sample_weights=weight)


def spread(grad: Tensor, bag: Tensor, index: Tensor, weight: Tensor, pixels: int) -> Tensor:
    """Return the gradient of ``weighted_sums`` with respect to its pixels.

    A pixel's gradient is itself a weighted sum over the bags that hold it; it is added in a fixed order on every
    device.

    Args:
        grad: Shape ``(number of bags, C)``.
        pixels: Number of pixels.

    Returns:
        Shape ``(pixels, C)``.
    """
    order = index.argsort(stable=True)
    return weighted_sums(grad, index[order], bag[order], weight[order], pixels)


def maxima(pixels: Tensor, bag: Tensor, index: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the largest pixel of each bag and channel, the first of equal ones.

    Returns:
        The values, 0 for a bag without entries, and the rows of their pixels, -1 for such a bag; both of shape
        ``(count, C)``.
    """
    starts = _starts(bag, count)
    # 2 is its number for mode="max"; unlike torch.nn.functional's, this function returns the rows too.
    values, _, _, rows = torch.embedding_bag(pixels, index, starts, False, 2)
    empty = (torch.bincount(bag, minlength=count) == 0)[:, None]
    return values.masked_fill(empty, 0), rows.masked_fill(empty, -1)
