"""Which predicted boxes become labels, which are left open, and how many of each class fell at which step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sortline.arrays import BoolArray, FloatArray, IntArray
from sortline.data.annotations import CocoJson, category_names
from sortline.data.overlaps import overlapping_pairs, repeats_of_kept
from sortline.errors import InputError, Problem
from sortline.predictions.ensembling.fuse import cut_at_border
from sortline.predictions.matching import rows_of_ids, taking_order
from sortline.predictions.results import Results, check_results, ranks_in_group

# mmdet leaves out boxes with a shorter side in silence.
SHORTEST_SIDE = 1.0


@dataclass(frozen=True)
class SelectionSettings:
    """Which boxes become labels.

    Attributes:
        score_thrs: Score from which on boxes do, by class; a class that is not in it gets none.
        min_agree: Of how many files, the first included, must have a box.
        agree_iou: IoU above which another file's box counts as the same.
        agree_score_thr: Score from which on another file's box counts at all.
        overlap_iou: IoU above which two labels of whatever class are of one object; the surer one stays.
        max_per_image: Most labels of an image, the highest-scoring ones; None for all.
        ignore_thr: Score from which on a box that is no label is neither background, but left open; None
            leaves none open.
        keep_empty: Whether images without a label are kept, which claims that they show background alone.

    Raises:
        InputError: Values that mean nothing; all problems together.
    """

    score_thrs: Mapping[str, float] = field(default_factory=dict)
    min_agree: int = 1
    agree_iou: float = 0.6
    agree_score_thr: float = 0.3
    overlap_iou: float = 0.9
    max_per_image: int | None = None
    ignore_thr: float | None = None
    keep_empty: bool = False

    def __post_init__(self) -> None:
        scores = {f"--score-thr of {name!r}": value for name, value in self.score_thrs.items()}
        scores |= {"--agree-score-thr": self.agree_score_thr}
        scores |= {} if self.ignore_thr is None else {"--ignore-thr": self.ignore_thr}
        problems = [
            Problem(option, f"is {value:g}", "give a number above 0, at most 1")
            for option, value in scores.items()
            if not 0 < value <= 1
        ]
        problems += [
            Problem(option, f"is {value:g}", "give a number above 0 and below 1")
            for option, value in (("--agree-iou", self.agree_iou), ("--overlap-iou", self.overlap_iou))
            if not 0 < value < 1
        ]
        problems += [
            Problem(option, f"is {count}", "give a whole number from 1 on")
            for option, count in (("--min-agree", self.min_agree), ("--max-per-image", self.max_per_image))
            if count is not None and count < 1
        ]
        # Some class must have room between the two thresholds; one without a threshold has.
        highest = max(self.score_thrs.values(), default=1.0)
        if not problems and self.ignore_thr is not None and self.ignore_thr >= highest:
            what = f"is {self.ignore_thr:g}, and boxes from {highest:g} on are labels in every class with a threshold"
            problems = [Problem("--ignore-thr", what, "give a lower one: boxes between the two are left open")]
        if problems:
            raise InputError(problems)


@dataclass(frozen=True)
class ClassCounts:
    """What became of one class's boxes.

    Attributes:
        predicted: Boxes of the first file.
        above: Those of at least the class's threshold.
        agreed: Those of them that enough files have.
        distinct: Those of them that don't lie on a surer one.
        labels: Those of them that are not one too many of their image.
        images: Images with a label of the class.
        left_open: Boxes that are neither label nor background.
    """

    predicted: int
    above: int
    agreed: int
    distinct: int
    labels: int
    images: int
    left_open: int


@dataclass(frozen=True)
class Selection:
    """Boxes of the first file, those of an image together in the annotation file's order, by falling score.

    Attributes:
        labels: The boxes that become labels.
        left_open: The boxes that are neither label nor background, on images that are kept.
        image_ids: The images that are kept.
        counts: What became of each class's boxes, by name.
    """

    labels: Results
    left_open: Results
    image_ids: frozenset[int]
    counts: Mapping[str, ClassCounts]


def select_boxes(members: Sequence[Results], annotations: CocoJson, settings: SelectionSettings) -> Selection:
    """Choose labels among the boxes of the first file; the others only vote.

    Boxes are cut at their image's border first; what is then shorter than a pixel is left out.

    Args:
        members: Detections on the same images, one a file.
        annotations: The annotation file of these images.
        settings: Which to take.

    Raises:
        InputError: More files have to agree than there are, or detections that don't belong to the annotation file.
    """
    if settings.min_agree > len(members):
        what = f"{settings.min_agree} files have to agree, and --pred lists {len(members)}"
        raise InputError(Problem("--min-agree", what, "give --pred more files, or lower it"))
    for number, member in enumerate(members, start=1):
        check_results(member, annotations, f"file {number} of --pred")
    members = [_inside_image(member, annotations) for member in members]
    first = _in_image_order(members[0], annotations)
    masks = _label_steps(first, members[1:], annotations, settings)
    image_ids = first.image_ids[masks["labels"]].tolist()
    if settings.keep_empty:
        image_ids = [image["id"] for image in annotations["images"]]
    is_open: BoolArray = np.zeros(len(first), dtype=bool)
    if settings.ignore_thr is not None:
        is_open = ~masks["labels"] & (first.scores >= settings.ignore_thr) & np.isin(first.image_ids, image_ids)
    counts = _count(first, annotations, {**masks, "left_open": is_open})
    return Selection(first.take(masks["labels"]), first.take(is_open), frozenset(image_ids), counts)


def _label_steps(
    first: Results, others: Sequence[Results], annotations: CocoJson, settings: SelectionSettings
) -> dict[str, BoolArray]:
    """Mark the boxes that are left after each step, the last one's being labels; keys as in :class:`ClassCounts`."""
    category_ids = np.array([category["id"] for category in annotations["categories"]], dtype=np.int64)
    # A class without a threshold has no labels.
    thresholds = np.array([settings.score_thrs.get(name, np.inf) for name in category_names(annotations)])
    above: BoolArray = first.scores >= thresholds[rows_of_ids(first.category_ids, category_ids)]
    agreed = above.copy()
    if settings.min_agree > 1:
        sure = [other.take(other.scores >= settings.agree_score_thr) for other in others]
        agreed[above] = count_votes(first.take(above), sure, settings.agree_iou) >= settings.min_agree
    distinct = agreed.copy()
    pairs = overlapping_pairs(groups_of(first.image_ids[agreed]), first.bboxes_xywh[agreed], settings.overlap_iou)
    distinct[agreed] = repeats_of_kept(int(agreed.sum()), pairs) < 0  # of boxes on each other the surest stays
    is_label = distinct.copy()
    if settings.max_per_image is not None:
        is_label[distinct] = ranks_in_group(first.image_ids[distinct]) < settings.max_per_image
    return {"above": above, "agreed": agreed, "distinct": distinct, "labels": is_label}


def _inside_image(results: Results, annotations: CocoJson) -> Results:
    rows = rows_of_ids(results.image_ids, np.array([image["id"] for image in annotations["images"]], dtype=np.int64))
    sizes_wh = np.array([[image["width"], image["height"]] for image in annotations["images"]], dtype=np.float64)
    bboxes_xywh = cut_at_border(results.bboxes_xywh, sizes_wh[rows])
    cut = Results(results.image_ids, results.category_ids, bboxes_xywh, results.scores)
    is_long: BoolArray = np.all(bboxes_xywh[:, 2:] >= SHORTEST_SIDE, axis=1)
    return cut.take(is_long)


def _in_image_order(results: Results, annotations: CocoJson) -> Results:
    ranked = results.take(taking_order(results))
    image_ids = np.array([image["id"] for image in annotations["images"]], dtype=np.int64)
    return ranked.take(np.argsort(rows_of_ids(ranked.image_ids, image_ids), kind="stable"))


def _count(first: Results, annotations: CocoJson, masks: Mapping[str, BoolArray]) -> dict[str, ClassCounts]:
    counts = {}
    for category in annotations["categories"]:
        of_class = first.category_ids == category["id"]
        numbers: dict[str, Any] = {key: int((mask & of_class).sum()) for key, mask in masks.items()}
        images: IntArray = np.unique(first.image_ids[of_class & masks["labels"]])
        counts[category["name"]] = ClassCounts(predicted=int(of_class.sum()), images=len(images), **numbers)
    return counts


def count_votes(first: Results, others: Sequence[Results], iou_thr: float) -> IntArray:
    """Count for each box of a file how many files have it, its own included, shape ``(N,)``.

    Another file has it with a box of the same image and class and an IoU above ``iou_thr``. Each of its boxes is a
    vote for one box at most, the highest-scoring of those that it overlaps enough.

    Args:
        first: The boxes in question.
        others: Other detections on the same images; take boxes that are too unsure to count out before.
        iou_thr: Overlap, above 0 and below 1.
    """
    votes = np.ones(len(first), dtype=np.int64)
    for other in others:
        votes += _is_backed(first, other, iou_thr)
    return votes


def _is_backed(first: Results, other: Results, iou_thr: float) -> BoolArray:
    """Mark the boxes of the first file for which a box of the other one votes, shape ``(N,)``."""
    both = Results.concatenate([first, other])
    pairs = overlapping_pairs(groups_of(both.image_ids, both.category_ids), both.bboxes_xywh, iou_thr)
    rows, other_rows = pairs[(pairs[:, 0] < len(first)) & (pairs[:, 1] >= len(first))].T
    ious = _paired_ious(both.bboxes_xywh[rows], both.bboxes_xywh[other_rows])
    is_backed = np.zeros(len(first), dtype=bool)
    is_spent = np.zeros(len(both), dtype=bool)
    for pair in np.lexsort((-ious, -first.scores[rows])):
        if not is_backed[rows[pair]] and not is_spent[other_rows[pair]]:
            is_backed[rows[pair]] = is_spent[other_rows[pair]] = True
    return is_backed


def groups_of(*columns: IntArray) -> IntArray:
    """Number the rows by what stands in them, equal rows alike, shape ``(N,)``."""
    _, groups = np.unique(np.stack(columns), axis=1, return_inverse=True)
    return groups.reshape(-1)


def _paired_ious(one_xywh: FloatArray, other_xywh: FloatArray) -> FloatArray:
    """Compute the IoU of each box with the one in the same row, ``(P, 4)`` and ``(P, 4)`` to ``(P,)``."""
    low = np.maximum(one_xywh[:, :2], other_xywh[:, :2])
    high = np.minimum(one_xywh[:, :2] + one_xywh[:, 2:], other_xywh[:, :2] + other_xywh[:, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=1)
    ious: FloatArray = shared / (one_xywh[:, 2:].prod(axis=1) + other_xywh[:, 2:].prod(axis=1) - shared)
    return ious
