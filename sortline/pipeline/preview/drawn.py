"""A sample as the model gets it, with what is annotated on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Objects:
    """Objects on one picture.

    Attributes:
        boxes_xyxy: Left, top, right, bottom in pixels, shape ``(N, 4)``.
        labels: Positions in the list of classes, shape ``(N,)``.
        ignored_xyxy: Boxes that teach nothing, such as crowd regions, shape ``(M, 4)``.
        masks: Where each object is, shape ``(N, H, W)``; None without masks.
    """

    boxes_xyxy: npt.NDArray[np.float64]
    labels: npt.NDArray[np.int64]
    ignored_xyxy: npt.NDArray[np.float64]
    masks: npt.NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class Drawn:
    """One sample as the model gets it, and the photo that it was made from.

    Attributes:
        file_name: Path of the photo.
        image: What the pipeline packs, RGB, shape ``(H, W, 3)``.
        objects: On ``image``.
        photo: The photo as it is in the file, RGB.
        photo_objects: On ``photo``, as annotated.
        seconds: Time that the sample took to load and change.
    """

    file_name: str
    image: npt.NDArray[np.uint8]
    objects: Objects
    photo: npt.NDArray[np.uint8]
    photo_objects: Objects
    seconds: float


def fed_sample(inputs: Any, sample: Any) -> Drawn:
    """Describe a packed sample, without the photo that it was made from.

    Args:
        inputs: The image, BGR, shape ``(3, H, W)``.
        sample: Its ``DetDataSample``.
    """
    image = inputs.cpu().numpy().transpose(1, 2, 0)[..., ::-1]
    pixels = np.ascontiguousarray(np.clip(np.rint(image), 0, 255).astype(np.uint8))
    objects = _packed_objects(sample)
    return Drawn(str(sample.metainfo["img_path"]), pixels, objects, pixels, objects, seconds=0.0)


def _packed_objects(sample: Any) -> Objects:
    instances = sample.gt_instances
    masks = instances.get("masks")
    return Objects(
        boxes_xyxy=_boxes(instances.bboxes),
        labels=np.asarray(instances.labels, dtype=np.int64),
        ignored_xyxy=_boxes(sample.ignored_instances.bboxes),
        masks=None if masks is None else masks.to_ndarray().astype(bool),
    )


def _boxes(boxes: Any) -> npt.NDArray[np.float64]:
    return np.asarray(getattr(boxes, "tensor", boxes), dtype=np.float64).reshape(-1, 4)
