"""Random inputs and edge cases, in float64 on the CPU; each function takes the generator first."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

# Height and width of the features, and feature pixels an image pixel.
MAP, SCALE = (12, 15), 0.25
LEVELS = [(8, 6), (4, 3)]


def randn(generator: Generator, *shape: int) -> Tensor:
    """Normal numbers."""
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def rand(generator: Generator, *shape: int) -> Tensor:
    """Numbers from 0 to 1."""
    return torch.rand(shape, generator=generator, dtype=torch.float64)


def boxes(generator: Generator, count: int) -> Tensor:
    """Boxes (x1, y1, x2, y2) on a grid of 1/64 pixel, which float32 holds exactly."""
    corner, size = rand(generator, count, 2) * 100, rand(generator, count, 2) * 50
    return (torch.cat([corner, corner + size], dim=1) * 64).round() / 64


def scored_boxes(generator: Generator, count: int) -> list[Tensor]:
    """Boxes and their scores, all different."""
    return [boxes(generator, count), (torch.randperm(count, generator=generator).double() + 1) / 1024]


def equally_scored_boxes(generator: Generator, count: int) -> list[Tensor]:
    """Boxes and their scores, all equal."""
    return [boxes(generator, count), torch.full((count,), 0.5, dtype=torch.float64)]


def boxes_without_area(generator: Generator, count: int) -> list[Tensor]:
    """Boxes, half of them one and the same point, and their scores."""
    some, scores = scored_boxes(generator, count)
    some[::2] = some[0, :2].repeat(2)
    return [some, scores]


def regions(generator: Generator, count: int) -> list[Tensor]:
    """Features of two images, and regions inside them, across their border and outside."""
    corner = rand(generator, count, 2) * 90 - 20
    image = torch.randint(0, 2, (count, 1), generator=generator)
    corners = torch.cat([corner, corner + rand(generator, count, 2) * 40 + 2], dim=1)
    return [randn(generator, 2, 3, *MAP), torch.cat([image, corners], dim=1)]


def regions_without_area(generator: Generator, count: int, last: int) -> list[Tensor]:
    """The same with regions whose last corner is their first plus ``last`` pixels."""
    features, rois = regions(generator, count)
    return [features, torch.cat([rois[:, :3], rois[:, 1:3] + last], dim=1)]


def moved_regions(generator: Generator, count: int, size: tuple[int, int]) -> list[Tensor]:
    """Features, regions, and how far each of their bins moves; none near the border, outside of which mmcv's
    gradient is another.
    """
    corner = rand(generator, count, 2) * 8 + 14
    corners = torch.cat([corner, corner + rand(generator, count, 2) * 12 + 4], dim=1)
    image = torch.randint(0, 2, (count, 1), generator=generator)
    return [
        randn(generator, 2, 3, *MAP),
        torch.cat([image, corners], dim=1),
        rand(generator, count, 2, *size) - 0.5,
    ]


def moved_regions_at_the_border(generator: Generator, count: int, size: tuple[int, int]) -> list[Tensor]:
    """Features, regions anywhere, and how far each of their bins moves."""
    return [*regions(generator, count), randn(generator, count, 2, *size)]


def upsampling(generator: Generator, kernel: int, groups: int, scale: int) -> list[Tensor]:
    """Features and the kernels of each output pixel."""
    return [randn(generator, 2, 4, 5, 6), rand(generator, 2, groups * kernel**2, 5 * scale, 6 * scale)]


def masked_convolution(generator: Generator, share: float) -> list[Tensor]:
    """Features, a mask set in about a share of the positions, weights and biases."""
    mask = (rand(generator, 1, *MAP) < share).long()
    return [randn(generator, 1, 4, *MAP), mask, randn(generator, 3, 4, 3, 3), randn(generator, 3)]


def convolution(generator: Generator, batch: int, groups: int, deformable: int, stride: int) -> list[Tensor]:
    """Features, offsets of a 3 x 3 kernel, factors of its samples, weights and biases."""
    height, width = (math.ceil(size / stride) for size in MAP)
    return [
        randn(generator, batch, 4, *MAP),
        randn(generator, batch, 2 * 9 * deformable, height, width) * 2,
        rand(generator, batch, 9 * deformable, height, width),
        randn(generator, 6, 4 // groups, 3, 3),
        randn(generator, 6),
    ]


def logits(generator: Generator, rows: int, scale: float) -> list[Tensor]:
    """Logits of four classes, the target of each row, each class once at least, and weights of the classes."""
    return [randn(generator, rows, 4) * scale, torch.arange(rows) % 4, rand(generator, 4) + 0.5]


def logits_with_background(generator: Generator, rows: int, scale: float) -> list[Tensor]:
    """The same with the background, which is the number 4, among the targets."""
    values, _, weight = logits(generator, rows, scale)
    return [values, torch.arange(rows) % 5, weight]


def attention(generator: Generator, queries: int) -> list[Tensor]:
    """Values of two levels, their shapes and starts, locations within and beyond them, and weights."""
    value = randn(generator, 2, sum(height * width for height, width in LEVELS), 2, 4)
    locations = rand(generator, 2, queries, 2, len(LEVELS), 3, 2) * 1.4 - 0.2
    weights = randn(generator, 2, queries, 2, len(LEVELS) * 3).softmax(-1).view(2, queries, 2, len(LEVELS), 3)
    return [value, torch.tensor(LEVELS), torch.tensor([0, math.prod(LEVELS[0])]), locations, weights]
