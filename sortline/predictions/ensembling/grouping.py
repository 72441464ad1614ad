"""Members' boxes laid out for fusion: sorted once by image and class, then fused as often as one likes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sortline.arrays import BoolArray, FloatArray, IntArray
from sortline.data.annotations import CocoJson, category_names
from sortline.predictions.ensembling import kernels
from sortline.predictions.matching import rows_of_ids
from sortline.predictions.results import Results, check_results


@dataclass(frozen=True)
class GroupedBoxes:
    """All members' boxes, those of an image's class together.

    Attributes:
        image_ids: The images in the annotation file's order, shape ``(I,)``.
        category_ids: The classes in the annotation file's order, shape ``(C,)``.
        class_names: Their names.
        members: Number of members.
        starts: First row of each group, and the end of the last; group ``i * C + c`` is image ``i``'s class ``c``,
            shape ``(I * C + 1,)``.
        bboxes_xywh: Boxes cut at their image's border, in absolute pixels, shape ``(N, 4)``.
        scores: Shape ``(N,)``.
        member_of_box: Which member each box is from, rising within a group, shape ``(N,)``.
    """

    image_ids: IntArray
    category_ids: IntArray
    class_names: tuple[str, ...]
    members: int
    starts: IntArray
    bboxes_xywh: FloatArray
    scores: FloatArray
    member_of_box: npt.NDArray[np.int32]

    def of_images(self, mask: BoolArray) -> GroupedBoxes:
        """Keep the images of a mask of shape ``(I,)``, with their boxes."""
        sizes = np.diff(self.starts)
        of_group = np.repeat(mask, len(self.category_ids))
        rows = np.repeat(of_group, sizes)
        return GroupedBoxes(
            self.image_ids[mask],
            self.category_ids,
            self.class_names,
            self.members,
            _starts(sizes[of_group]),
            self.bboxes_xywh[rows],
            self.scores[rows],
            self.member_of_box[rows],
        )


def group_members(members: Sequence[Results], annotations: CocoJson) -> GroupedBoxes:
    """Sort members' boxes by image and class.

    Boxes are cut at the border of their image; those of which nothing is left are dropped.

    Args:
        members: Detections on the same images, one a member.
        annotations: The annotation file of these images.

    Raises:
        InputError: Detections of images or categories that the file lacks, NaN or infinity.
    """
    for number, member in enumerate(members, start=1):
        check_results(member, annotations, f"member {number}")
    image_ids = np.array([image["id"] for image in annotations["images"]], dtype=np.int64)
    category_ids = np.array([category["id"] for category in annotations["categories"]], dtype=np.int64)
    boxes = Results.concatenate(members)
    of_box = np.repeat(np.arange(len(members), dtype=np.int32), [len(member) for member in members])
    image_rows = rows_of_ids(boxes.image_ids, image_ids)
    groups = image_rows * len(category_ids) + rows_of_ids(boxes.category_ids, category_ids)
    sizes_wh = np.array([[image["width"], image["height"]] for image in annotations["images"]], dtype=np.float64)
    bboxes_xywh = cut_at_border(boxes.bboxes_xywh, sizes_wh[image_rows])
    sizes = bboxes_xywh[:, 2:]
    groups[(sizes <= 0).any(axis=1) | (sizes.prod(axis=1) == 0)] = -1  # too small for an area that a float can hold
    starts = _starts(np.bincount(groups[groups >= 0], minlength=len(image_ids) * len(category_ids)))
    order = kernels.rows_by_group(groups, starts)
    return GroupedBoxes(
        image_ids,
        category_ids,
        tuple(category_names(annotations)),
        len(members),
        starts,
        bboxes_xywh[order],
        boxes.scores[order],
        of_box[order],
    )


def cut_at_border(bboxes_xywh: FloatArray, sizes_wh: FloatArray) -> FloatArray:
    """Cut boxes at their image's border; those inside stay as they are, to the last digit.

    Args:
        bboxes_xywh: Left, top, width, height in absolute pixels, shape ``(N, 4)``.
        sizes_wh: Width and height of each box's image, shape ``(N, 2)``.

    Returns:
        Boxes of shape ``(N, 4)``; one that lies outside altogether has no width or no height.
    """
    left_top, right_bottom = bboxes_xywh[:, :2], bboxes_xywh[:, :2] + bboxes_xywh[:, 2:]
    reaches_out = np.any((left_top < 0) | (right_bottom > sizes_wh), axis=1)
    if not reaches_out.any():
        return bboxes_xywh
    low = np.clip(left_top[reaches_out], 0, sizes_wh[reaches_out])
    high = np.clip(right_bottom[reaches_out], low, sizes_wh[reaches_out])
    cut = bboxes_xywh.copy()
    cut[reaches_out] = np.hstack([low, high - low])
    return cut


def _starts(sizes: IntArray) -> IntArray:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
