"""Several detectors' results fused into one: boxes grouped by image and class, fused group by group over all cores."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from sortline.arrays import BoolArray, FloatArray, IntArray
from sortline.data.annotations import CocoJson, category_names
from sortline.predictions.ensembling import kernels
from sortline.predictions.ensembling.ensemble_settings import EnsembleSettings
from sortline.predictions.ensembling.rescale import rescale_members
from sortline.predictions.matching import rows_of_ids
from sortline.predictions.results import Results, check_results, ranks_in_group

IMAGES_A_CHUNK = 256

CODES = {
    "wbf": kernels.WBF,
    "nms": kernels.NMS,
    "nmw": kernels.NMW,
    "concat": kernels.CONCAT,
    ("soft-nms", "linear"): kernels.LINEAR_SOFT_NMS,
    ("soft-nms", "gaussian"): kernels.GAUSSIAN_SOFT_NMS,
}
CONF_CODES = {
    "avg": kernels.AVG,
    "max": kernels.MAX,
    "box_and_model_avg": kernels.BOX_AND_MODEL_AVG,
    "absent_model_aware_avg": kernels.ABSENT_MODEL_AWARE_AVG,
}


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


def ensemble(members: Sequence[Results], annotations: CocoJson, settings: EnsembleSettings) -> Results:
    """Fuse members' detections: rescale their scores, group them by image and class, fuse each group.

    Args:
        members: Detections on the same images, one a member.
        annotations: The annotation file of these images; their sizes cut boxes that reach beyond the border.
        settings: What to do.

    Returns:
        Detections in the annotation file's order of images, each image's by falling score.

    Raises:
        InputError: Settings that don't fit the members or the file's classes, or detections that don't belong to it.
    """
    grouped = group_members(rescale_members(members, annotations, settings), annotations)
    return fuse(grouped, settings)


def fuse(grouped: GroupedBoxes, settings: EnsembleSettings, workers: int | None = None) -> Results:
    """Fuse boxes that are grouped, and rescaled, already; see :func:`ensemble`.

    Args:
        grouped: Members' boxes.
        settings: What to do; ``rescale`` and ``curves`` are not looked at.
        workers: Threads, by default as many as there are cores; the result is the same.

    Raises:
        InputError: Settings that don't fit the members or classes.
    """
    return Results.concatenate(list(fuse_in_chunks(grouped, settings, workers)))


def chunks_of(grouped: GroupedBoxes) -> int:
    """Return the number of parts in which :func:`fuse_in_chunks` comes."""
    return -(-len(grouped.image_ids) // IMAGES_A_CHUNK)


def fuse_in_chunks(grouped: GroupedBoxes, settings: EnsembleSettings, workers: int | None = None) -> Iterator[Results]:
    """Yield the results of :func:`fuse` part by part, some hundred images each, as they are ready and in order."""
    settings.check_against(grouped.members, grouped.class_names)
    weights = score_factors(settings, grouped.members)
    fuse_chunk = partial(_fuse_chunk, grouped, settings, weights)
    chunks = range(chunks_of(grouped))
    workers = min(workers or len(os.sched_getaffinity(0)), len(chunks))
    if workers <= 1:
        yield from map(fuse_chunk, chunks)
        return
    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(fuse_chunk, chunks)


def score_factors(settings: EnsembleSettings, members: int) -> FloatArray:
    """Return what each member's scores are multiplied by, shape ``(M,)``.

    WBF takes the weights as they are and divides by them later. NMS and Soft-NMS make them sum to 1 where weights
    are given; NMW and concat make the highest 1.
    """
    if settings.weights is None:
        return np.ones(members)
    weights = np.array(settings.weights, dtype=np.float64)
    if settings.method == "wbf":
        return weights
    whole = weights.sum() if settings.method in ("nms", "soft-nms") else weights.max()
    factors: FloatArray = weights / whole
    return factors


def _fuse_chunk(grouped: GroupedBoxes, settings: EnsembleSettings, weights: FloatArray, chunk: int) -> Results:
    classes = len(grouped.category_ids)
    first = chunk * IMAGES_A_CHUNK
    last = min(first + IMAGES_A_CHUNK, len(grouped.image_ids))
    starts = grouped.starts[first * classes : last * classes + 1]
    rows = slice(starts[0], starts[-1])
    bboxes_xywh, scores, counts = kernels.fuse_groups(
        starts - starts[0],
        grouped.bboxes_xywh[rows],
        grouped.scores[rows],
        grouped.member_of_box[rows],
        weights,
        np.array(
            [settings.class_iou_thr.get(name, settings.iou_thr) for name in grouped.class_names], dtype=np.float64
        ),
        float(settings.skip_box_thr),
        float(settings.score_thr),
        CODES[("soft-nms", settings.decay) if settings.method == "soft-nms" else settings.method],
        CONF_CODES[settings.conf_type],
        float(settings.sigma),
    )
    groups = np.repeat(np.arange(len(counts)), counts)
    image_rows = first + groups // classes
    kept = _highest(image_rows, scores, settings)
    return Results(
        grouped.image_ids[image_rows[kept]],
        grouped.category_ids[groups[kept] % classes],
        bboxes_xywh[kept],
        scores[kept],
    )


def _highest(image_rows: IntArray, scores: FloatArray, settings: EnsembleSettings) -> IntArray:
    """Sort boxes by image, then by falling score, and leave out what is below the threshold or one too many."""
    order: IntArray = np.lexsort((-scores, image_rows))
    order = order[scores[order] > settings.score_thr]
    if settings.max_per_image is not None:
        order = order[ranks_in_group(image_rows[order]) < settings.max_per_image]
    return order
