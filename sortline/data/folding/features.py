"""What is balanced between folds: counts of boxes by class and size, and of images by their number of boxes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.sparse import coo_array, csr_array, hstack

from sortline.arrays import BoolArray, FloatArray, IntArray
from sortline.data.describe.statistics import SIZE_LIMITS, SIZE_NAMES, BoxTable, boxes_per_image

# Weights of the features beside the class counts. Totals come before their finer parts, of which there are many.
TOTALS: Final = 2.0**-2
PARTS: Final = 2.0**-4


@dataclass(frozen=True)
class Features:
    """What each image counts towards the balance.

    Attributes:
        values: Counts by image, shape ``(N, F)``.
        importance: Weight of each feature, shape ``(F,)``.
        strict: Mask of the features that go before all others, shape ``(F,)``.
    """

    values: csr_array
    importance: FloatArray
    strict: BoolArray


def image_features(table: BoxTable) -> Features:
    """Return the counts to balance.

    They are the boxes by class, which go before all others; images; boxes; boxes by size; boxes by class and size;
    images with each class; images by number of boxes, none or from one power of two to the next.
    """
    images, classes, sizes = len(table.file_names), len(table.classes), len(SIZE_NAMES)
    counts = boxes_per_image(table)
    by_class = boxes_by_class(table)
    size = box_sizes(table)
    # frexp's exponent: 0 for no boxes, 1 for one, 2 for two and three, 3 for four to seven ...
    levels = np.frexp(counts)[1].astype(np.int64)
    blocks = [
        (by_class, 1.0),
        (csr_array(np.ones((images, 1))), 1.0),
        (csr_array(counts[:, None].astype(np.float64)), TOTALS),
        (_count_pairs(table.rows, size, (images, sizes)), TOTALS),
        (_count_pairs(table.rows, table.labels * sizes + size, (images, classes * sizes)), PARTS),
        ((by_class > 0).astype(np.float64), PARTS),
        (_count_pairs(np.arange(images), levels, (images, int(levels.max()) + 1)), PARTS),
    ]
    importance = np.concatenate([np.full(block.shape[1], weight) for block, weight in blocks])
    strict = np.arange(len(importance)) < classes
    return Features(hstack([block for block, _ in blocks], format="csr"), importance, strict)


def boxes_by_class(table: BoxTable) -> csr_array:
    """Count the boxes of each image and class, shape ``(M, C)``."""
    return _count_pairs(table.rows, table.labels, (len(table.file_names), len(table.classes)))


def box_sizes(table: BoxTable) -> IntArray:
    """Return 0, 1 or 2 for each small, medium or large box, shape ``(N,)``."""
    sizes: IntArray = np.digitize(table.areas, SIZE_LIMITS)
    return sizes


def _count_pairs(rows: IntArray, columns: IntArray, shape: tuple[int, int]) -> csr_array:
    """Count how often each row and column come together."""
    return coo_array((np.ones(len(rows)), (rows, columns)), shape=shape).tocsr()
