"""Fuse several detectors' results into one: boxes by boxes, streamed image by image over all cores."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

from sortline.arrays import FloatArray, IntArray
from sortline.data.annotations import CocoJson
from sortline.predictions.ensembling import kernels
from sortline.predictions.ensembling.ensemble_settings import EnsembleSettings
from sortline.predictions.ensembling.grouping import GroupedBoxes, group_members
from sortline.predictions.ensembling.rescale import rescale_members
from sortline.predictions.results import Results, ranks_in_group

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
