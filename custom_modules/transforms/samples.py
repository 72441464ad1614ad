"""What several transforms do to a sample of a pipeline: a dict with the photo and its objects."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sortline.arrays import BoolArray, FloatArray
from sortline.data.overlaps import visible_share

#: Keys that hold one entry for each object.
PER_OBJECT = ("gt_bboxes", "gt_bboxes_labels", "gt_ignore_flags", "gt_masks", "gt_instances_ids")


def seeded_generator() -> np.random.Generator:
    """Return a generator seeded by numpy's global one, which is seeded for every photo."""
    return np.random.default_rng(np.random.randint(2**31))


def keep_objects(results: dict[str, Any], keep: BoolArray) -> None:
    """Keep some objects of a sample, with their labels, flags and masks.

    Args:
        results: Sample after ``LoadAnnotations``; changed in place.
        keep: Which objects to keep, shape ``(N,)``.
    """
    rows = np.flatnonzero(keep)
    for key in PER_OBJECT:
        if results.get(key) is not None:
            results[key] = results[key][rows]


def box_array(results: dict[str, Any]) -> FloatArray:
    """Return a sample's boxes as left, top, right, bottom in pixels, shape ``(N, 4)``."""
    boxes = results["gt_bboxes"]
    return np.asarray(getattr(boxes, "tensor", boxes), dtype=np.float64).reshape(-1, 4)


def crop_sample(results: dict[str, Any], window_xyxy: tuple[int, int, int, int], min_visible: float) -> None:
    """Crop a photo to a window and clip its boxes to it.

    Args:
        results: Sample after ``LoadAnnotations``; changed in place.
        window_xyxy: Left, top, right, bottom in whole pixels, inside the photo.
        min_visible: Objects are removed if at most this share of their box is left; 0 keeps all with any area left.
    """
    left, top, right, bottom = window_xyxy
    keep = visible_share(box_array(results), window_xyxy) > min_visible
    keep_objects(results, keep)
    results["img"] = np.ascontiguousarray(results["img"][top:bottom, left:right])
    results["img_shape"] = results["img"].shape[:2]
    results["gt_bboxes"].translate_([-left, -top])
    results["gt_bboxes"].clip_(results["img_shape"])
    if results.get("gt_masks") is not None:
        results["gt_masks"] = results["gt_masks"].crop(np.array(window_xyxy))
    if results.get("gt_seg_map") is not None:
        results["gt_seg_map"] = results["gt_seg_map"][top:bottom, left:right]
    record_homography(results, [[1, 0, -left], [0, 1, -top], [0, 0, 1]])


def record_homography(results: dict[str, Any], matrix: npt.ArrayLike) -> None:
    """Multiply a step onto the 3x3 matrix from the loaded photo's pixels to the current ones, as mmdet does."""
    step = np.asarray(matrix, dtype=np.float32)
    before = results.get("homography_matrix")
    results["homography_matrix"] = step if before is None else step @ before
