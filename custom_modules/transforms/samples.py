"""What several transforms do to a sample on its way through a pipeline: one dict with the photo and its objects."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

#: Keys that hold one entry for each object.
PER_OBJECT = ("gt_bboxes", "gt_bboxes_labels", "gt_ignore_flags", "gt_masks", "gt_instances_ids")


def seeded_generator() -> np.random.Generator:
    """Return a generator that follows numpy's global one, which mmengine seeds in every worker."""
    return np.random.default_rng(np.random.randint(2**31))


def keep_objects(results: dict[str, Any], keep: npt.NDArray[np.bool_]) -> None:
    """Leave out objects with all that belongs to them.

    Args:
        results: Sample after ``LoadAnnotations``; changed in place.
        keep: Which objects stay, shape ``(N,)``.
    """
    rows = np.flatnonzero(keep)
    for key in PER_OBJECT:
        if results.get(key) is not None:
            results[key] = results[key][rows]


def visible_share(boxes_xyxy: npt.NDArray[np.float64], window_xyxy: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return how much of each box's area lies inside a window.

    >>> visible_share(np.array([[0.0, 0.0, 10.0, 10.0]]), (5, 0, 20, 20))
    array([0.5])

    Args:
        boxes_xyxy: Left, top, right, bottom in pixels, shape ``(N, 4)``.
        window_xyxy: The same of the window, shape ``(4,)``.

    Returns:
        Shares from 0 to 1, shape ``(N,)``; 0 for a box without area.
    """
    window = np.asarray(window_xyxy, dtype=np.float64)
    sides = np.minimum(boxes_xyxy[:, 2:], window[2:]) - np.maximum(boxes_xyxy[:, :2], window[:2])
    areas = np.prod(boxes_xyxy[:, 2:] - boxes_xyxy[:, :2], axis=1)
    inside = np.prod(np.maximum(sides, 0.0), axis=1)
    return np.where(areas > 0, inside / np.maximum(areas, np.finfo(float).tiny), 0.0)


def box_array(results: dict[str, Any]) -> npt.NDArray[np.float64]:
    """Return a sample's boxes as left, top, right, bottom in pixels, shape ``(N, 4)``."""
    boxes = results["gt_bboxes"]
    return np.asarray(getattr(boxes, "tensor", boxes), dtype=np.float64).reshape(-1, 4)


def crop_sample(results: dict[str, Any], window_xyxy: tuple[int, int, int, int], min_visible: float) -> None:
    """Cut a photo down to a window, its boxes clipped to it.

    Args:
        results: Sample after ``LoadAnnotations``; changed in place.
        window_xyxy: Left, top, right, bottom in whole pixels, inside the photo.
        min_visible: Objects of which no more than this share of the box is left go; 0 keeps whatever has any area.
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
    """Add a step to the 3x3 matrix that leads from the loaded photo's pixels to those of now, as mmdet does."""
    step = np.asarray(matrix, dtype=np.float32)
    before = results.get("homography_matrix")
    results["homography_matrix"] = step if before is None else step @ before
