"""Detections of a test loop, from what a model returns for one image to the results of an annotation file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import numpy as np
import numpy.typing as npt

from sortline.data.annotations import CocoJson
from sortline.errors import InputError, Problem, counted
from sortline.predictions.results import Results


@dataclass(frozen=True)
class ImageDetections:
    """What a model found on one image.

    Attributes:
        image_id: The image's id in the annotation file.
        image_path: The photo that was read; empty if unknown.
        bboxes_xyxy: Corners in absolute pixels of the original photo, shape ``(N, 4)``.
        scores: Confidence from 0 to 1, shape ``(N,)``.
        labels: Index of the class in the dataset's order, shape ``(N,)``.
    """

    image_id: int
    image_path: str
    bboxes_xyxy: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]


def image_detections(sample: Any) -> ImageDetections:
    """Take the predictions out of one of mmdet's ``DetDataSample``, or of the dict that metrics get for it."""
    found = sample.get("pred_instances")
    boxes, scores, labels = (found.get(name) for name in ("bboxes", "scores", "labels"))
    boxes = getattr(boxes, "tensor", boxes)  # mmdet may wrap them in a class of its own
    # float32 holds every value of half precision; what is float32 already stays as it is.
    return ImageDetections(
        image_id=sample.get("img_id"),
        image_path=sample.get("img_path") or "",
        bboxes_xyxy=boxes.detach().float().cpu().numpy().reshape(-1, 4),
        scores=scores.detach().float().cpu().numpy(),
        labels=labels.detach().cpu().numpy(),
    )


def in_file_order(
    detections: Iterable[ImageDetections], annotations: CocoJson, where: str, allow_missing: bool = False
) -> list[ImageDetections]:
    """Bring the detections of all processes into the order of the annotation file, each image once.

    A sampler gives some images to two processes so that all have the same number; the first one counts.

    Args:
        detections: Those of all processes.
        annotations: The annotation file that was tested on.
        where: Its path, for messages.
        allow_missing: Leave out images that the model never saw, as in a smoke run.

    Returns:
        The images' detections in the file's order.

    Raises:
        InputError: Images that the model never saw, detections of other images, or photos other than those
            that the file names; all of it together.
    """
    seen: dict[int, ImageDetections] = {}
    for found in detections:
        seen.setdefault(found.image_id, found)
    names = {image["id"]: image["file_name"] for image in annotations["images"]}
    missing = [name for image_id, name in names.items() if image_id not in seen]
    unknown = [found.image_path or found.image_id for key, found in seen.items() if key not in names]
    other = [
        f"{names[key]} was read from {found.image_path}"
        for key, found in seen.items()
        if key in names and found.image_path and not _is_photo(found.image_path, names[key])
    ]
    problems = []
    if missing and not allow_missing:
        what = f"the model never saw {len(missing):,} of its {len(names):,} images: {counted(missing)}"
        problems.append(Problem(where, what, "test on the whole file: check the indices and filters of the dataset"))
    if unknown:
        what = f"{len(unknown):,} detected images are not in it: {counted(unknown)}"
        problems.append(Problem(where, what, "let the test dataset read this file only"))
    if other:
        what = f"{len(other):,} images were detected on another photo: {counted(other)}"
        problems.append(Problem(where, what, "use the dataset's own image ids, one file at a time"))
    if problems:
        raise InputError(problems)
    return [seen[image_id] for image_id in names if image_id in seen]


def _is_photo(path: str, file_name: str) -> bool:
    """Tell whether a path leads to the photo of this name: its last parts are the name's."""
    parts = PurePath(os.path.normpath(file_name)).parts
    return PurePath(os.path.normpath(path)).parts[-len(parts) :] == parts


def to_results(
    detections: Sequence[ImageDetections], annotations: CocoJson, category_ids: Sequence[int], where: str
) -> Results:
    """Join images' detections into results, every float as the model gave it.

    Boxes are cut at their image's border: a detector that pads its input clips boxes to the padded size, which
    reaches beyond the photo. Widths and heights are differences in float64, in which those of float32 corners
    are exact: the corners come back bit for bit. Boxes without area, which some detectors leave after clipping,
    are dropped.

    Args:
        detections: One entry an image.
        annotations: The annotation file, which gives the sizes of the images.
        category_ids: Id of each class, in the order of the labels.
        where: Its path, for messages.

    Raises:
        InputError: Boxes or scores that are not numbers.
    """
    bad = [
        found.image_path or found.image_id
        for found in detections
        if not (np.isfinite(found.bboxes_xyxy).all() and np.isfinite(found.scores).all())
    ]
    if bad:
        what = f"detections on {len(bad):,} images hold NaN or infinity: {counted(bad)}"
        raise InputError(Problem(where, what, "the model has diverged: take an earlier checkpoint"))
    sizes_wh = {image["id"]: (image["width"], image["height"]) for image in annotations["images"]}
    parts = [
        Results.from_arrays(
            image_ids=np.full(len(found.scores), found.image_id),
            category_ids=np.asarray(category_ids, dtype=np.int64)[found.labels],
            bboxes_xywh=_inside_image(found.bboxes_xyxy, *sizes_wh[found.image_id]),
            scores=found.scores,
        )
        for found in detections
    ]
    return Results.concatenate(parts).without_empty_boxes()


def _inside_image(bboxes_xyxy: npt.NDArray[np.float32], width: int, height: int) -> npt.NDArray[np.float64]:
    """Cut boxes at their image's border, and convert corners to left, top, width, height."""
    limits = np.array([width, height, width, height], dtype=np.float32)
    corners = np.clip(bboxes_xyxy, np.float32(0), limits).astype(np.float64)
    return np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
