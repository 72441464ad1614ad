"""A drawn photo with known objects, as it is after ``LoadAnnotations``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

#: BGR of objects 0, 1, 2...: apart from each other and from the background.
COLOURS = ((250, 0, 0), (0, 250, 0), (0, 0, 250), (250, 250, 0))
BACKGROUND = 60


@pytest.fixture
def make_sample() -> Callable[..., dict[str, Any]]:
    """Draw a photo with filled boxes: object ``i`` has class ``i`` and colour ``i``."""

    def make(
        size_wh: Sequence[int] = (40, 30),
        boxes_xyxy: Sequence[Sequence[int]] = ((4, 6, 14, 12), (20, 15, 36, 27)),
        background: int = BACKGROUND,
        masks: str | None = None,
    ) -> dict[str, Any]:
        from mmdet.structures.bbox import HorizontalBoxes
        from mmdet.structures.mask import BitmapMasks, PolygonMasks

        width, height = size_wh
        image = np.full((height, width, 3), background, dtype=np.uint8)
        bitmaps = np.zeros((len(boxes_xyxy), height, width), dtype=np.uint8)
        polygons = []
        for index, (x1, y1, x2, y2) in enumerate(boxes_xyxy):
            image[y1:y2, x1:x2] = COLOURS[index]
            bitmaps[index, y1:y2, x1:x2] = 1
            polygons.append([np.array([x1, y1, x2, y1, x2, y2, x1, y2], dtype=np.float32)])
        results = {
            "img": image,
            "img_shape": (height, width),
            "ori_shape": (height, width),
            "gt_bboxes": HorizontalBoxes(np.array(boxes_xyxy, np.float32).reshape(-1, 4)),
            "gt_bboxes_labels": np.arange(len(boxes_xyxy)),
            "gt_ignore_flags": np.zeros(len(boxes_xyxy), dtype=bool),
        }
        if masks == "bitmap":
            results["gt_masks"] = BitmapMasks(bitmaps, height, width)
        elif masks == "polygon":
            results["gt_masks"] = PolygonMasks(polygons, height, width)
        return results

    return make


@pytest.fixture
def where_colour_is() -> Callable[..., list[int]]:
    """Return left, top, right, bottom of the pixels near a colour; an empty list where there are none."""

    def find(image: np.ndarray, colour: Sequence[int], tolerance: int = 2) -> list[int]:
        near = (np.abs(image.astype(int) - colour) <= tolerance).all(axis=2)
        if not near.any():
            return []
        rows, columns = np.flatnonzero(near.any(axis=1)), np.flatnonzero(near.any(axis=0))
        return [int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1]

    return find


@pytest.fixture
def boxes_fit_colours(where_colour_is) -> Callable[..., None]:
    """Check that each box holds all of its object's colour and nothing more, but for so many pixels."""

    def check(results: dict[str, Any], slack: float = 0.0) -> None:
        boxes = results["gt_bboxes"].tensor.numpy()
        assert len(boxes) == len(results["gt_bboxes_labels"]) == len(results["gt_ignore_flags"])
        for box, label in zip(boxes, results["gt_bboxes_labels"].tolist(), strict=True):
            found = where_colour_is(results["img"], COLOURS[label])
            assert found, f"nothing of object {label} is in the picture"
            np.testing.assert_allclose(box, found, atol=slack)

    return check
