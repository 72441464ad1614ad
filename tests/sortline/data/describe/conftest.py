"""A small table of boxes, and the scan of photos that no file stands behind."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sortline.data.describe.statistics import BoxTable
from sortline.data.photo_scan import FACTS, PhotoScan


def _table(
    *boxes: tuple[int, int, tuple[float, float, float, float]], images: int = 3, side: int = 100, classes: int = 3
) -> BoxTable:
    """Make a table of ``images`` square images from (image, class, bbox) rows."""
    return BoxTable(
        classes=[f"class {label}" for label in range(classes)],
        file_names=[f"{row}.jpg" for row in range(images)],
        sizes_wh=np.full((images, 2), side),
        rows=np.array([row for row, _, _ in boxes], np.int64),
        labels=np.array([label for _, label, _ in boxes], np.int64),
        bboxes_xywh=np.array([bbox for _, _, bbox in boxes], np.float64).reshape(-1, 4),
        crowds=0,
    )


def _scan(images: int = 3, problems: dict[int, str] | None = None, **facts: list[float]) -> PhotoScan:
    """Make the scan of ``images`` photos with the facts given a row each."""
    found = np.zeros(images, dtype=FACTS)
    for name, values in facts.items():
        found[name] = values
    return PhotoScan(
        [f"{row}.jpg" for row in range(images)], [(problems or {}).get(row, "") for row in range(images)], found
    )


@pytest.fixture
def make_table() -> Callable[..., BoxTable]:
    """Make a table of square images from (image, class, bbox) rows."""
    return _table


@pytest.fixture
def make_scan() -> Callable[..., PhotoScan]:
    """Make a scan; keywords are facts, a value a photo."""
    return _scan
