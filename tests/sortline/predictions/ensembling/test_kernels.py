"""Our kernels against the package of the authors of Weighted Boxes Fusion, on random and degenerate boxes."""

from __future__ import annotations

import contextlib
import io
import warnings
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import ensemble_boxes
import numpy as np
import pytest
from helpers import coco
from hypothesis import given, settings
from hypothesis import strategies as st

from sortline.predictions.ensembling.ensemble_settings import CONF_TYPES, EnsembleSettings
from sortline.predictions.ensembling.fuse import ensemble
from sortline.predictions.results import Results

WIDTH, HEIGHT = 1000, 700
KINDS = ("new", "equal", "jittered", "touching", "nested", "reaching out", "flat")


@dataclass(frozen=True)
class Members:
    """Members' detections on one image, and its annotation file."""

    annotations: dict[str, Any]
    results: list[Results]


def annotations_of(images: int = 1, width: int = WIDTH, height: int = HEIGHT) -> dict[str, Any]:
    content = coco("test", images=images, boxes=False)
    for image in content["images"]:
        image |= {"width": width, "height": height}
    return content


def box_of_kind(kind: str, before: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Make one box, corners in pixels, that stands to an earlier one as ``kind`` says."""
    if kind == "new" or not before:
        size = rng.uniform(10, 300, 2)
        left_top = rng.uniform(0, (WIDTH, HEIGHT) - size)
        return np.concatenate([left_top, left_top + size])
    box = before[rng.integers(len(before))]
    size = box[2:] - box[:2]
    if kind == "jittered":
        moved = box + np.tile(size, 2) * rng.uniform(-0.15, 0.15, 4)
        return np.clip(moved, 0, [WIDTH, HEIGHT, WIDTH, HEIGHT])
    if kind == "touching":
        # Of another width: a box that covers both must not overlap them equally, to be decided by rounding.
        return np.array([box[2], box[1], box[2] + size[0] * rng.uniform(0.5, 2), box[3]])
    if kind == "nested":
        return np.concatenate([box[:2], box[:2] + size * rng.uniform(0.3, 0.99, 2)])
    if kind == "reaching out":
        return np.concatenate([box[:2], np.maximum(box[2:], (WIDTH, HEIGHT)) + rng.uniform(1, 50, 2)])
    if kind == "flat":
        return np.array([box[0], box[1], box[0], box[3]])
    return box.copy()


@st.composite
def members(draw: st.DrawFn, equal_scores: bool = False) -> Members:
    """Draw up to four members with up to 12 boxes each, in two classes, on one image."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    results, before = [], []
    for _ in range(draw(st.integers(1, 4))):
        kinds = draw(st.lists(st.sampled_from(KINDS), max_size=12))
        boxes = []
        for kind in kinds:
            boxes.append(box_of_kind(kind, before, rng))
            before.append(boxes[-1])
        corners = np.array(boxes).reshape(-1, 4)
        scores = rng.choice([0.2, 0.5, 0.9], len(kinds)) if equal_scores else rng.uniform(0.001, 1, len(kinds))
        bboxes_xywh = np.hstack([corners[:, :2], corners[:, 2:] - corners[:, :2]])
        results.append(Results.from_arrays([0] * len(kinds), rng.integers(0, 2, len(kinds)), bboxes_xywh, scores))
    return Members(annotations_of(), results)


def normalised(results: list[Results]) -> tuple[list[Any], list[Any], list[Any]]:
    """Give boxes with corners from 0 to 1, scores and labels of each member, as the package takes them."""
    boxes = [np.hstack([r.bboxes_xywh[:, :2], r.bboxes_xywh[:, :2] + r.bboxes_xywh[:, 2:]]) for r in results]
    size = np.array([WIDTH, HEIGHT, WIDTH, HEIGHT])
    return [box / size for box in boxes], [r.scores.copy() for r in results], [r.category_ids for r in results]


def reference(function: str, results: list[Results], **options: Any) -> tuple[Any, Any, Any]:
    """Call the package; it prints and warns about boxes that it mends, and fails without any box."""
    if not any((part.bboxes_xywh[:, 2:] > 0).all(axis=1).any() for part in results):
        return np.zeros((0, 4)), np.zeros(0), np.zeros(0)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        boxes, scores, labels = getattr(ensemble_boxes, function)(*normalised(results), **options)
    return boxes, np.minimum(scores, 1), labels


def assert_same(ours: Results, theirs: tuple[Any, Any, Any]) -> None:
    """Check boxes within 1e-5 of the image's sides, scores within 1e-6, and the order where scores differ."""
    boxes, scores, labels = theirs
    assert len(ours) == len(scores)
    corners, our_scores, our_labels = (part[0] for part in normalised([ours]))
    places = []
    free = np.ones(len(scores), dtype=bool)
    for row in range(len(ours)):
        is_twin = free & (labels == our_labels[row]) & (np.abs(scores - our_scores[row]) < 1e-6)
        is_twin &= np.abs(boxes - corners[row]).max(axis=1) < 1e-5
        assert is_twin.any(), (corners[row], our_scores[row])
        places.append(int(np.argmax(is_twin)))
        free[places[-1]] = False
    assert all(scores[first] > scores[second] - 1e-6 for first, second in pairwise(places))


def spread(results: list[Results]) -> list[Results]:
    """Move equal scores apart by too little to matter, in the order in which we take them: members, then rows."""
    starts = np.cumsum([0, *map(len, results)])
    return [
        Results.from_arrays(
            r.image_ids, r.category_ids, r.bboxes_xywh, r.scores - 1e-9 * np.arange(start, start + len(r))
        )
        for r, start in zip(results, starts, strict=False)
    ]


# Not 0: boxes that touch overlap by a rounding error or not, in our pixels and in the package's shares differently.
IOU_THRS = st.sampled_from([0.001, 0.3, 0.5, 0.55, 0.7, 0.9])
SKIP_THRS = st.sampled_from([0.0, 0.0001, 0.3, 0.8])
WEIGHTS = st.lists(st.sampled_from([0.001, 0.5, 1.0, 2.0, 300.0]), min_size=4, max_size=4)


@settings(max_examples=300, deadline=None)
@given(members(), IOU_THRS, SKIP_THRS, st.sampled_from(CONF_TYPES), WEIGHTS)
def test_wbf_gives_the_packages_boxes(made: Members, iou_thr, skip_box_thr, conf_type, weights):
    weights = tuple(weights[: len(made.results)])
    ours = ensemble(
        made.results,
        made.annotations,
        EnsembleSettings(iou_thr=iou_thr, skip_box_thr=skip_box_thr, conf_type=conf_type, weights=weights),
    )
    options = dict(weights=list(weights), iou_thr=iou_thr, skip_box_thr=skip_box_thr, conf_type=conf_type)
    assert_same(ours, reference("weighted_boxes_fusion", made.results, **options))


@settings(max_examples=100, deadline=None)
@given(members(equal_scores=True), st.sampled_from(CONF_TYPES))
def test_wbf_takes_equal_scores_by_member_and_row(made: Members, conf_type):
    ours = ensemble(made.results, made.annotations, EnsembleSettings(conf_type=conf_type))
    theirs = reference("weighted_boxes_fusion", spread(made.results), iou_thr=0.55, conf_type=conf_type)
    assert_same(ours, theirs)


@settings(max_examples=200, deadline=None)
@given(members(), IOU_THRS, SKIP_THRS, WEIGHTS)
def test_nmw_gives_the_packages_boxes(made: Members, iou_thr, skip_box_thr, weights):
    weights = tuple(weights[: len(made.results)])
    options = EnsembleSettings("nmw", iou_thr, skip_box_thr=skip_box_thr, weights=weights)
    ours = ensemble(made.results, made.annotations, options)
    theirs = reference(
        "non_maximum_weighted", made.results, weights=list(weights), iou_thr=iou_thr, skip_box_thr=skip_box_thr
    )
    assert_same(ours, theirs)


@settings(max_examples=200, deadline=None)
@given(members(), IOU_THRS, st.none() | WEIGHTS)
def test_nms_gives_the_packages_boxes(made: Members, iou_thr, weights):
    weights = weights and tuple(weights[: len(made.results)])
    ours = ensemble(made.results, made.annotations, EnsembleSettings("nms", iou_thr, skip_box_thr=0, weights=weights))
    assert_same(ours, reference("nms", made.results, iou_thr=iou_thr, weights=weights and list(weights)))


def plain_soft_nms(results: Results, iou_thr: float, sigma: float | None, score_thr: float) -> list[tuple[float, int]]:
    """Write the paper's figure 2 down as it stands: scores and labels of one image's boxes, whatever their class."""
    kept = []
    for label in np.unique(results.category_ids):
        boxes = results.take(results.category_ids == label)
        left = [(score, *box) for score, box in zip(boxes.scores, boxes.bboxes_xywh.tolist(), strict=True)]
        while left:
            best = max(left)
            left.remove(best)
            kept.append((best[0], label))
            ious = [iou_of(best[1:], other[1:]) for other in left]
            factors = [np.exp(-(iou**2) / sigma) if sigma else 1 - iou * (iou > iou_thr) for iou in ious]
            left = [(other[0] * factor, *other[1:]) for other, factor in zip(left, factors, strict=True)]
    return sorted((score, label) for score, label in kept if score > score_thr)


def iou_of(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    width = max(0, min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0]))
    height = max(0, min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1]))
    return width * height / (a[2] * a[3] + b[2] * b[3] - width * height)


INSIDE = members().map(lambda made: Members(made.annotations, [cut(part) for part in made.results]))


def cut(results: Results) -> Results:
    sizes = np.minimum(results.bboxes_xywh[:, 2:], (WIDTH, HEIGHT) - results.bboxes_xywh[:, :2])
    boxes = np.hstack([results.bboxes_xywh[:, :2], sizes])
    return Results(results.image_ids, results.category_ids, boxes, results.scores).without_empty_boxes()


@settings(max_examples=200, deadline=None)
@given(INSIDE, IOU_THRS, st.sampled_from([None, 0.1, 0.5]))
def test_soft_nms_decays_scores_as_the_paper_says(made: Members, iou_thr, sigma):
    decay = {"decay": "gaussian", "sigma": sigma} if sigma else {"decay": "linear"}
    options = EnsembleSettings("soft-nms", iou_thr, skip_box_thr=0, score_thr=0.001, **decay)
    ours = ensemble(made.results, made.annotations, options)
    expected = plain_soft_nms(Results.concatenate(made.results), iou_thr, sigma, 0.001)
    found = sorted(zip(ours.scores.tolist(), ours.category_ids.tolist(), strict=True))
    assert [label for _, label in found] == [label for _, label in expected]
    assert [score for score, _ in found] == pytest.approx([score for score, _ in expected], rel=1e-9)


@settings(max_examples=200, deadline=None)
@given(INSIDE, IOU_THRS, st.sampled_from(["linear", "gaussian"]))
def test_soft_nms_keeps_the_packages_boxes(made: Members, iou_thr, decay):
    """The package returns the boxes that are kept with their old scores, so only boxes and labels are compared."""
    options = EnsembleSettings("soft-nms", iou_thr, skip_box_thr=0, score_thr=0.001, decay=decay, sigma=0.5)
    ours = ensemble(made.results, made.annotations, options)
    method = 1 if decay == "linear" else 2
    boxes, _, labels = reference("soft_nms", made.results, method=method, iou_thr=iou_thr, sigma=0.5, thresh=0.001)
    corners, _, our_labels = (part[0] for part in normalised([ours]))
    theirs = np.column_stack([labels, boxes])
    found = np.column_stack([our_labels, corners])
    assert found[np.lexsort(found.T.round(9))] == pytest.approx(theirs[np.lexsort(theirs.T.round(9))], abs=1e-9)
