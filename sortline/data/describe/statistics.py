"""Numbers of an annotation file: boxes by class, by image, by size and by place. Plain functions on columns."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sortline.arrays import FloatArray, IntArray
from sortline.data.annotations import CocoJson, category_names, image_rows

#: COCO's limits of small, medium and large: areas in pixels, https://cocodataset.org/#detection-eval
SIZE_LIMITS = (32**2, 96**2)
SIZE_NAMES = ("small", "medium", "large")
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class BoxTable:
    """An annotation file of ``M`` images and ``N`` boxes as columns. Crowd regions are counted, but no boxes.

    Attributes:
        classes: Names of the ``C`` classes in the file's order.
        file_names: Of the images.
        sizes_wh: Width and height of the images in pixels, shape ``(M, 2)``.
        rows: Position of each box's image, shape ``(N,)``.
        labels: Position of each box's class, shape ``(N,)``.
        bboxes_xywh: Left, top, width, height in pixels, shape ``(N, 4)``.
        crowds: How many crowd regions the file has.
    """

    classes: list[str]
    file_names: list[str]
    sizes_wh: IntArray
    rows: IntArray
    labels: IntArray
    bboxes_xywh: FloatArray
    crowds: int

    @property
    def areas(self) -> FloatArray:
        """Width times height in pixels, shape ``(N,)``."""
        return self.bboxes_xywh[:, 2] * self.bboxes_xywh[:, 3]

    @property
    def sides(self) -> FloatArray:
        """Square root of the area: the side of a square as large as the box, in pixels, shape ``(N,)``."""
        sides: FloatArray = np.sqrt(self.areas)
        return sides

    @property
    def aspects(self) -> FloatArray:
        """Width over height, shape ``(N,)``."""
        return self.bboxes_xywh[:, 2] / self.bboxes_xywh[:, 3]

    @property
    def boxes_xyxyn(self) -> FloatArray:
        """Left, top, right, bottom as shares of the image's width and height, 0 to 1, shape ``(N, 4)``."""
        sizes = self.sizes_wh[self.rows].astype(np.float64)
        corners = np.hstack([self.bboxes_xywh[:, :2], self.bboxes_xywh[:, :2] + self.bboxes_xywh[:, 2:]])
        shares: FloatArray = np.clip(corners / np.hstack([sizes, sizes]), 0.0, 1.0)
        return shares


def box_table(annotations: CocoJson) -> BoxTable:
    """Turn a file read by :func:`~sortline.data.annotations.read_annotations` into columns."""
    positions = image_rows(annotations)
    labels = {category["id"]: label for label, category in enumerate(annotations["categories"])}
    boxes = [row for row in annotations["annotations"] if not row.get("iscrowd", 0)]
    return BoxTable(
        classes=category_names(annotations),
        file_names=[image["file_name"] for image in annotations["images"]],
        sizes_wh=np.array([(image["width"], image["height"]) for image in annotations["images"]], np.int64),
        rows=np.array([positions[row["image_id"]] for row in boxes], np.int64),
        labels=np.array([labels[row["category_id"]] for row in boxes], np.int64),
        bboxes_xywh=np.array([row["bbox"] for row in boxes], np.float64).reshape(-1, 4),
        crowds=len(annotations["annotations"]) - len(boxes),
    )


def boxes_per_class(table: BoxTable) -> IntArray:
    """Count the boxes of each class, shape ``(C,)``."""
    return np.bincount(table.labels, minlength=len(table.classes)).astype(np.int64)


def boxes_per_image(table: BoxTable) -> IntArray:
    """Count the boxes of each image, shape ``(M,)``."""
    return np.bincount(table.rows, minlength=len(table.file_names)).astype(np.int64)


def class_order(table: BoxTable, limit: int) -> list[int]:
    """List the classes from the one with most boxes to the one with fewest, at most ``limit``."""
    order: list[int] = np.argsort(-boxes_per_class(table), kind="stable").tolist()
    return order[:limit]


def class_presence(table: BoxTable) -> npt.NDArray[np.bool_]:
    """Tell which image holds which class, shape ``(M, C)``."""
    presence = np.zeros((len(table.file_names), len(table.classes)), dtype=bool)
    presence[table.rows, table.labels] = True
    return presence


def co_occurrence(presence: npt.NDArray[np.bool_]) -> IntArray:
    """Count the images that hold both of two classes, shape ``(C, C)``; the diagonal counts those that hold one.

    >>> co_occurrence(np.array([[True, True], [True, False]])).tolist()
    [[2, 1], [1, 1]]
    """
    # Counts are exact in float64, whose matrix product is many times faster than that of integers.
    held = presence.astype(np.float64)
    return (held.T @ held).astype(np.int64)


def conditional_shares(pairs: IntArray) -> FloatArray:
    """Return the share of the images with the row's class that hold the column's class too.

    Args:
        pairs: Result of :func:`co_occurrence`, shape ``(C, C)``.

    Returns:
        Shares from 0 to 1, shape ``(C, C)``; 0 in the row of a class that no image holds.
    """
    totals = np.maximum(np.diag(pairs), 1)
    shares: FloatArray = pairs / totals[:, None]
    return shares


def size_counts(table: BoxTable, scale: float = 1.0) -> IntArray:
    """Count each class's small, medium and large boxes by COCO's limits, shape ``(C, 3)``.

    Args:
        table: The boxes.
        scale: Factor by which the photos are resized before the boxes are measured.
    """
    groups = np.digitize(table.areas * scale**2, SIZE_LIMITS)
    counts = np.zeros((len(table.classes), len(SIZE_NAMES)), dtype=np.int64)
    np.add.at(counts, (table.labels, groups), 1)
    return counts


def quantiles_by_class(values: FloatArray, labels: IntArray, classes: int) -> FloatArray:
    """Return the :data:`QUANTILES` of each class's values, shape ``(C, 5)``; NaN for a class without any."""
    result = np.full((classes, len(QUANTILES)), np.nan)
    order = np.argsort(labels, kind="stable")
    bounds = np.searchsorted(labels[order], np.arange(classes + 1))
    for label in range(classes):
        own = values[order[bounds[label] : bounds[label + 1]]]
        if len(own):
            result[label] = np.quantile(own, QUANTILES)
    return result


def coverage(boxes_xyxyn: FloatArray, cells: int) -> FloatArray:
    """Return the share of boxes that reach into each cell of a grid laid over the image.

    Args:
        boxes_xyxyn: Left, top, right, bottom as shares of width and height, 0 to 1, shape ``(N, 4)``.
        cells: Cells a side.

    Returns:
        Shares from 0 to 1, rows from top to bottom, shape ``(cells, cells)``; zeros without boxes.
    """
    first = np.minimum(np.floor(boxes_xyxyn[:, :2] * cells), cells - 1).astype(np.int64)
    last = np.maximum(np.ceil(boxes_xyxyn[:, 2:] * cells).astype(np.int64), first + 1)
    # Each box adds 1 at its first cell and takes it back behind its last; running sums fill what lies between.
    steps = np.zeros((cells + 1, cells + 1))
    for x, y, sign in ((first, first, 1), (last, last, 1), (first, last, -1), (last, first, -1)):
        np.add.at(steps, (y[:, 1], x[:, 0]), sign)
    covered: FloatArray = steps.cumsum(axis=0).cumsum(axis=1)[:cells, :cells]
    return covered / max(len(boxes_xyxyn), 1)


def centre_density(boxes_xyxyn: FloatArray, cells: int) -> FloatArray:
    """Return the share of box centres in each cell of a grid laid over the image; arguments as :func:`coverage`."""
    centres = (boxes_xyxyn[:, :2] + boxes_xyxyn[:, 2:]) / 2
    places = np.minimum((centres * cells).astype(np.int64), cells - 1)
    counts = np.zeros((cells, cells))
    np.add.at(counts, (places[:, 1], places[:, 0]), 1)
    return counts / max(len(boxes_xyxyn), 1)


def image_sizes(table: BoxTable) -> list[tuple[tuple[int, int], int]]:
    """List the sizes of the images, width and height, with how many have them, the commonest first."""
    return Counter(map(tuple, table.sizes_wh.tolist())).most_common()


def odd_sizes(table: BoxTable) -> IntArray:
    """Find images that are far from the others in size or shape.

    Returns:
        Rows of images whose area is below a quarter or above four times the median, or whose aspect, the longer
        side over the shorter, is over 3.
    """
    areas = table.sizes_wh.prod(axis=1)
    elongation = table.sizes_wh.max(axis=1) / table.sizes_wh.min(axis=1)
    median = np.median(areas)
    return np.flatnonzero((areas < median / 4) | (areas > median * 4) | (elongation > 3))
