"""The compiled core: fuse the boxes of one class on one image, group after group.

A group holds the boxes of all members on one image in one class. Within a group boxes are taken by falling
weighted score; equal scores keep the order of the members and of their files, so results are the same every time.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sortline.predictions.compiled import compiled

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

WBF, NMS, LINEAR_SOFT_NMS, GAUSSIAN_SOFT_NMS, NMW, CONCAT = range(6)
AVG, MAX, BOX_AND_MODEL_AVG, ABSENT_MODEL_AWARE_AVG = range(4)


@compiled
def rows_by_group(groups: Ints, starts: Ints) -> Ints:
    """List the rows group after group, those of a group in their order.

    Args:
        groups: Group of each row, -1 for rows to leave out, shape ``(N,)``.
        starts: Where each group begins in the list, and the end of the last, shape ``(G + 1,)``.
    """
    order = np.empty(starts[-1], dtype=np.int64)
    following = starts.copy()
    for row in range(len(groups)):
        if groups[row] >= 0:
            order[following[groups[row]]] = row
            following[groups[row]] += 1
    return order


@compiled
def fuse_groups(
    starts: Ints,
    bboxes_xywh: Floats,
    scores: Floats,
    members: npt.NDArray[np.int32],
    weights: Floats,
    class_iou_thr: Floats,
    skip_box_thr: float,
    score_thr: float,
    method: int,
    conf_type: int,
    sigma: float,
) -> tuple[Floats, Floats, Ints]:
    """Fuse each group of boxes by itself.

    Args:
        starts: First row of each group, and the end of the last one, shape ``(G + 1,)``. Groups are those of an
            image's classes, then those of the next image's: class ``g % C`` is that of group ``g``.
        bboxes_xywh: Boxes in absolute pixels, of positive area, shape ``(N, 4)``.
        scores: Shape ``(N,)``.
        members: Which member each box is from, shape ``(N,)``.
        weights: Factor of each member's scores; the boxes of a member with factor 0 are left out, shape ``(M,)``.
        class_iou_thr: IoU of each class above which boxes show the same object, shape ``(C,)``.
        skip_box_thr: Boxes with a lower score before weighting, or with score 0, are left out.
        score_thr: Soft-NMS drops boxes whose score has decayed to it.
        method: ``WBF``, ``NMS``, ``LINEAR_SOFT_NMS``, ``GAUSSIAN_SOFT_NMS``, ``NMW`` or ``CONCAT``.
        conf_type: How WBF scores a fused box: ``AVG``, ``MAX``, ``BOX_AND_MODEL_AVG``, ``ABSENT_MODEL_AWARE_AVG``.
        sigma: Width of gaussian Soft-NMS.

    Returns:
        Fused boxes ``(K, 4)``, their scores ``(K,)`` and how many each group has ``(G,)``; group after group.
    """
    out_bboxes_xywh = np.empty_like(bboxes_xywh)
    out_scores = np.empty_like(scores)
    counts = np.zeros(len(starts) - 1, dtype=np.int64)
    filled = 0
    for group in range(len(counts)):
        rows = _rows_by_score(starts[group], starts[group + 1], scores, members, weights, skip_box_thr)
        if len(rows) == 0:
            continue
        boxes, raised, of_member = bboxes_xywh[rows], scores[rows] * weights[members[rows]], members[rows]
        to_bboxes_xywh, to_scores = out_bboxes_xywh[filled:], out_scores[filled:]
        iou_thr = class_iou_thr[group % len(class_iou_thr)]
        if method == WBF:
            count = _wbf(boxes, raised, of_member, weights, iou_thr, conf_type, to_bboxes_xywh, to_scores)
        elif method == NMW:
            count = _nmw(boxes, raised, iou_thr, to_bboxes_xywh, to_scores)
        elif method == NMS:
            count = _nms(boxes, raised, iou_thr, to_bboxes_xywh, to_scores)
        elif method == CONCAT:
            count = len(rows)
            to_bboxes_xywh[:count], to_scores[:count] = boxes, raised
        else:
            width = sigma if method == GAUSSIAN_SOFT_NMS else 0.0
            count = _soft_nms(boxes, raised, iou_thr, width, score_thr, to_bboxes_xywh, to_scores)
        counts[group] = count
        filled += count
    return out_bboxes_xywh[:filled].copy(), out_scores[:filled].copy(), counts


@compiled
def _rows_by_score(
    start: int, end: int, scores: Floats, members: npt.NDArray[np.int32], weights: Floats, skip_box_thr: float
) -> Ints:
    """List a group's usable rows by falling weighted score; equal ones keep their order."""
    rows = np.empty(end - start, dtype=np.int64)
    count = 0
    for row in range(start, end):
        if scores[row] >= skip_box_thr and scores[row] * weights[members[row]] > 0:
            rows[count] = row
            count += 1
    weighted = np.empty(count)
    for place in range(count):
        weighted[place] = -scores[rows[place]] * weights[members[rows[place]]]
    return rows[np.argsort(weighted, kind="mergesort")]


@compiled
def _corners(bboxes_xywh: Floats) -> Floats:
    """Convert to left, top, right, bottom."""
    bboxes_xyxy = bboxes_xywh.copy()
    bboxes_xyxy[:, 2] += bboxes_xywh[:, 0]
    bboxes_xyxy[:, 3] += bboxes_xywh[:, 1]
    return bboxes_xyxy


@compiled
def _iou(a_xyxy: Floats, b_xyxy: Floats) -> float:
    """Compute the share of two boxes' union that both cover."""
    width = min(a_xyxy[2], b_xyxy[2]) - max(a_xyxy[0], b_xyxy[0])
    if width <= 0:
        return 0.0
    height = min(a_xyxy[3], b_xyxy[3]) - max(a_xyxy[1], b_xyxy[1])
    if height <= 0:
        return 0.0
    shared = width * height
    a_area = (a_xyxy[2] - a_xyxy[0]) * (a_xyxy[3] - a_xyxy[1])
    b_area = (b_xyxy[2] - b_xyxy[0]) * (b_xyxy[3] - b_xyxy[1])
    return float(shared / (a_area + b_area - shared))


@compiled
def _best_match(box_xyxy: Floats, others_xyxy: Floats, count: int, iou_thr: float) -> int:
    """Find which of the first ``count`` boxes overlaps most, the first of equals; -1 if none does above the limit."""
    best, best_iou = -1, iou_thr
    for other in range(count):
        iou = _iou(others_xyxy[other], box_xyxy)
        if iou > best_iou:
            best, best_iou = other, iou
    return best


@compiled
def _wbf(
    bboxes_xywh: Floats,
    scores: Floats,
    members: npt.NDArray[np.int32],
    weights: Floats,
    iou_thr: float,
    conf_type: int,
    out_bboxes_xywh: Floats,
    out_scores: Floats,
) -> int:
    """Weighted Boxes Fusion: each box joins the fused box that it overlaps most, or starts one.

    A fused box is the mean of its boxes, weighted by score, and moves with each that joins.
    (Solovyev, Wang, Gabruseva: Weighted boxes fusion, 2021, https://arxiv.org/abs/1910.13302)

    Args:
        bboxes_xywh: A group's boxes by falling score, shape ``(N, 4)``.
        scores: Weighted scores, above 0, shape ``(N,)``.
        members: Which member each box is from, shape ``(N,)``.
        weights: Weight of each member, shape ``(M,)``.
        iou_thr: IoU above which a box joins.
        conf_type: How a fused box is scored.
        out_bboxes_xywh: Receives the fused boxes.
        out_scores: Receives their scores.

    Returns:
        Number of fused boxes.
    """
    number = len(scores)
    bboxes_xyxy = _corners(bboxes_xywh)
    fused_xyxy = np.empty((number, 4))
    sums_xywh = np.zeros((number, 4))
    sums = np.zeros((number, 3))  # of scores, of box weights, of the weights of the members that take part
    sizes = np.zeros(number, dtype=np.int64)
    has_member = np.zeros((number, len(weights)), dtype=np.bool_)
    count = 0
    for row in range(number):
        cluster = _best_match(bboxes_xyxy[row], fused_xyxy, count, iou_thr)
        if cluster < 0:
            cluster = count
            count += 1
            out_scores[cluster] = scores[row]  # the highest, as the first to come
        weight = weights[members[row]]
        sizes[cluster] += 1
        sums[cluster, 0] += scores[row]
        sums[cluster, 1] += weight
        if not has_member[cluster, members[row]]:
            has_member[cluster, members[row]] = True
            sums[cluster, 2] += weight
        sums_xywh[cluster] += scores[row] * bboxes_xywh[row]
        if sizes[cluster] == 1:  # not through the sums: a box on its own stays what it is, to the last digit
            out_bboxes_xywh[cluster], fused_xyxy[cluster] = bboxes_xywh[row], bboxes_xyxy[row]
            continue
        out_bboxes_xywh[cluster] = sums_xywh[cluster] / sums[cluster, 0]
        fused_xyxy[cluster] = out_bboxes_xywh[cluster]
        fused_xyxy[cluster, 2:] += out_bboxes_xywh[cluster, :2]
    for cluster in range(count):
        out_scores[cluster] = _fused_score(out_scores[cluster], sizes[cluster], sums[cluster], weights, conf_type)
    return count


@compiled
def _fused_score(highest: float, size: int, sums: Floats, weights: Floats, conf_type: int) -> float:
    """Score a fused box by those of its boxes.

    Args:
        highest: The boxes' highest weighted score.
        size: Number of boxes.
        sums: Of their weighted scores, of their weights, and of the weights of the members that they come from.
        weights: Weight of each member, shape ``(M,)``.
        conf_type: The rule.

    Returns:
        The score, at most 1: ``AVG`` would exceed it where a member of large weight has several boxes in one place.
    """
    total = weights.sum()
    if conf_type == MAX:
        score = highest / weights.max()
    elif conf_type == BOX_AND_MODEL_AVG:
        score = sums[0] / sums[1] * sums[2] / total
    elif conf_type == ABSENT_MODEL_AWARE_AVG:
        score = sums[0] / (sums[1] + total - sums[2])
    else:
        score = sums[0] / size * min(size, (weights > 0).sum()) / total
    return float(min(score, 1.0))


@compiled
def _nmw(bboxes_xywh: Floats, scores: Floats, iou_thr: float, out_bboxes_xywh: Floats, out_scores: Floats) -> int:
    """Non-Maximum Weighted: boxes are averaged around the highest-scoring one that they overlap.

    The weight in the mean is score times IoU with that box, which gives its score.
    (Zhou et al.: CAD, scale invariant framework for real-time object detection, ICCV workshops 2017)
    """
    number = len(scores)
    bboxes_xyxy = _corners(bboxes_xywh)
    main_xyxy = np.empty((number, 4))
    sums = np.zeros(number)
    sizes = np.zeros(number, dtype=np.int64)
    count = 0
    for row in range(number):
        cluster = _best_match(bboxes_xyxy[row], main_xyxy, count, iou_thr)
        if cluster < 0:
            main_xyxy[count], out_scores[count] = bboxes_xyxy[row], scores[row]
            sums[count], sizes[count] = scores[row], 1
            out_bboxes_xywh[count] = bboxes_xywh[row]
            count += 1
            continue
        weight = scores[row] * _iou(bboxes_xyxy[row], main_xyxy[cluster])
        sums[cluster] += weight
        # The mean so far moves towards the new box by its share of the weight.
        out_bboxes_xywh[cluster] += (bboxes_xywh[row] - out_bboxes_xywh[cluster]) * (weight / sums[cluster])
    return count


@compiled
def _nms(bboxes_xywh: Floats, scores: Floats, iou_thr: float, out_bboxes_xywh: Floats, out_scores: Floats) -> int:
    """Non-Maximum Suppression: a box goes when a higher-scoring one that stays overlaps it."""
    bboxes_xyxy = _corners(bboxes_xywh)
    kept_xyxy = np.empty_like(bboxes_xyxy)
    count = 0
    for row in range(len(scores)):
        is_free = True
        for kept in range(count):
            if _iou(kept_xyxy[kept], bboxes_xyxy[row]) > iou_thr:
                is_free = False
                break
        if is_free:
            kept_xyxy[count], out_bboxes_xywh[count] = bboxes_xyxy[row], bboxes_xywh[row]
            out_scores[count] = scores[row]
            count += 1
    return count


@compiled
def _soft_nms(
    bboxes_xywh: Floats,
    scores: Floats,
    iou_thr: float,
    sigma: float,
    score_thr: float,
    out_bboxes_xywh: Floats,
    out_scores: Floats,
) -> int:
    """Soft-NMS: a box's score decays with its overlap with higher-scoring boxes, instead of falling to nothing.

    Linear decay is ``1 - IoU`` above the IoU threshold; gaussian decay ``exp(-IoU^2 / sigma)`` is everywhere, and
    in use for a positive ``sigma``.
    (Bodla et al.: Soft-NMS, improving object detection with one line of code, 2017, https://arxiv.org/abs/1704.04503)
    """
    number = len(scores)
    bboxes_xyxy = _corners(bboxes_xywh)
    left = scores.copy()
    count = 0
    while count < number:
        best = np.argmax(left)
        if left[best] <= score_thr:
            break
        out_bboxes_xywh[count], out_scores[count] = bboxes_xywh[best], left[best]
        left[best] = -1.0  # taken
        count += 1
        for row in range(number):
            if left[row] <= 0:
                continue
            iou = _iou(bboxes_xyxy[best], bboxes_xyxy[row])
            if sigma > 0:
                left[row] *= np.exp(-iou * iou / sigma)
            elif iou > iou_thr:
                left[row] *= 1 - iou
    return count
