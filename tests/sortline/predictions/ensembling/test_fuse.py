"""Worked cases of each method, and what holds whatever the boxes: threads, order of rows, exact coordinates."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import coco

from sortline.errors import InputError
from sortline.predictions.ensembling import fuse as fuse_module
from sortline.predictions.ensembling.ensemble_settings import CONF_TYPES, METHODS, EnsembleSettings
from sortline.predictions.ensembling.fuse import chunks_of, ensemble, fuse, fuse_in_chunks, group_members
from sortline.predictions.results import Results

ANNOTATIONS = coco("test", images=4, boxes=False)


def rows(results: Results) -> list[list[float]]:
    """Give image id, category id, left, top, width, height, score of each box."""
    columns = (results.image_ids, results.category_ids, results.bboxes_xywh, results.scores)
    return np.column_stack(columns).tolist()


@pytest.fixture
def two_members(results_of):
    """Two boxes with an IoU of 10*8 / (10*10), one of each member, and one that only the first member has."""
    return [
        results_of((0, 0, 0, 0, 10, 10, 0.6), (0, 0, 40, 30, 10, 10, 0.9)),
        results_of((0, 0, 0, 0, 10, 8, 0.3)),
    ]


def test_wbf_weights_boxes_by_score(two_members):
    fused = ensemble(two_members, ANNOTATIONS, EnsembleSettings())
    alone, together = rows(fused)
    height = (0.6 * 10 + 0.3 * 8) / (0.6 + 0.3)
    assert together == pytest.approx([0, 0, 0, 0, 10, height, (0.6 + 0.3) / 2])
    assert alone == pytest.approx([0, 0, 40, 30, 10, 10, 0.9 / 2])


@pytest.mark.parametrize(
    ("conf_type", "together", "alone"),
    [
        ("avg", (3 * 0.6 + 1 * 0.3) / 2 * 2 / (3 + 1), 3 * 0.9 * 1 / (3 + 1)),
        ("max", 3 * 0.6 / 3, 3 * 0.9 / 3),
        ("box_and_model_avg", (3 * 0.6 + 0.3) / (3 + 1) * (3 + 1) / (3 + 1), 3 * 0.9 / 3 * 3 / (3 + 1)),
        ("absent_model_aware_avg", (3 * 0.6 + 0.3) / (3 + 1), 3 * 0.9 / (3 + 1)),
    ],
)
def test_wbf_scores_by_conf_type(two_members, conf_type, together, alone):
    fused = ensemble(two_members, ANNOTATIONS, EnsembleSettings(weights=(3, 1), conf_type=conf_type))
    assert sorted(fused.scores) == pytest.approx(sorted([together, alone]))


def test_a_fused_score_is_at_most_1(results_of):
    twice = results_of((0, 0, 0, 0, 10, 10, 1.0), (0, 0, 0, 0, 10, 10, 0.9))
    other = results_of((1, 0, 0, 0, 10, 10, 0.5))
    # 3 * (1.0 + 0.9) / 2 * 2 / (3 + 1) = 1.425
    assert ensemble([twice, other], ANNOTATIONS, EnsembleSettings(weights=(3, 1))).scores.max() == 1


def test_nmw_weights_boxes_by_score_and_overlap(two_members):
    _, together = rows(ensemble(two_members, ANNOTATIONS, EnsembleSettings("nmw")))
    height = (0.6 * 1 * 10 + 0.3 * 0.8 * 8) / (0.6 * 1 + 0.3 * 0.8)
    assert together == pytest.approx([0, 0, 0, 0, 10, height, 0.6])


@pytest.mark.parametrize(
    ("settings", "scores"),
    [
        (EnsembleSettings("nms"), [0.9, 0.6]),
        (EnsembleSettings("concat"), [0.9, 0.6, 0.3]),
        (EnsembleSettings("concat", max_per_image=2), [0.9, 0.6]),
        (EnsembleSettings("concat", skip_box_thr=0.6), [0.9, 0.6]),
        (EnsembleSettings("concat", score_thr=0.6), [0.9]),
        (EnsembleSettings("concat", weights=(1, 2)), [0.9 / 2, 0.6 / 2, 0.3]),
        (EnsembleSettings("soft-nms", decay="linear"), [0.9, 0.6, 0.3 * (1 - 0.8)]),
        (EnsembleSettings("soft-nms", sigma=0.5), [0.9, 0.6, 0.3 * np.exp(-(0.8**2) / 0.5)]),
        (EnsembleSettings("soft-nms", decay="linear", iou_thr=0.81), [0.9, 0.6, 0.3]),
    ],
)
def test_scores_of_the_other_methods(two_members, settings, scores):
    assert sorted(ensemble(two_members, ANNOTATIONS, settings).scores) == pytest.approx(sorted(scores))


@pytest.mark.parametrize("method", ["wbf", "nms", "nmw"])
def test_a_box_joins_above_the_threshold_only(results_of, method):
    members = [results_of((0, 0, 0, 0, 8, 8, 0.9)), results_of((0, 0, 0, 0, 8, 4, 0.5))]
    assert len(ensemble(members, ANNOTATIONS, EnsembleSettings(method, iou_thr=0.5))) == 2
    assert len(ensemble(members, ANNOTATIONS, EnsembleSettings(method, iou_thr=0.4999))) == 1


@pytest.mark.parametrize("method", ["wbf", "nms", "nmw"])
def test_a_class_can_have_its_own_threshold(results_of, method):
    pair = [(0, 0, 0, 0, 8, 8, 0.9), (0, 0, 0, 0, 8, 4, 0.5)]
    member = results_of(*pair, *[(0, 8, *row[2:]) for row in pair], *[(1, 8, *row[2:]) for row in pair])
    settings = EnsembleSettings(method, iou_thr=0.6, class_iou_thr={"Battery": 0.4})
    fused = ensemble([member], ANNOTATIONS, settings)
    assert sorted(zip(fused.image_ids.tolist(), fused.category_ids.tolist(), strict=True)) == [
        (0, 0),
        (0, 0),
        (0, 8),
        (1, 8),
    ]


def test_boxes_that_touch_stay_apart(results_of):
    member = results_of((0, 0, 0, 0, 10, 10, 0.9), (0, 0, 10, 0, 10, 10, 0.8), (0, 0, 0, 10, 10, 10, 0.7))
    assert len(ensemble([member], ANNOTATIONS, EnsembleSettings(iou_thr=0))) == 3


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("conf_type", CONF_TYPES)
def test_weight_0_leaves_a_member_out(two_members, method, conf_type):
    three = [two_members[0], two_members[1], two_members[0]]
    with_0 = ensemble(three, ANNOTATIONS, EnsembleSettings(method, weights=(2, 1, 0), conf_type=conf_type))
    without = ensemble(two_members, ANNOTATIONS, EnsembleSettings(method, weights=(2, 1), conf_type=conf_type))
    assert rows(with_0) == rows(without)


@pytest.mark.parametrize("method", METHODS)
def test_members_without_boxes(results_of, method):
    member = results_of((3, 1, 1.1, 2.3, 10.7, 10.9, 0.5))
    assert len(ensemble([Results.empty(), Results.empty()], ANNOTATIONS, EnsembleSettings(method))) == 0
    fused = ensemble([member, Results.empty()], ANNOTATIONS, EnsembleSettings(method))
    assert rows(fused)[0][:6] == rows(member)[0][:6]  # a box on its own keeps every digit


def random_members(images: int, boxes: int, seed: int = 0) -> list[Results]:
    rng = np.random.default_rng(seed)
    corners = rng.integers(0, 20, (3, images * boxes, 2))
    sizes = rng.integers(5, 25, (3, images * boxes, 2))
    ids = np.tile(np.arange(images), boxes)
    return [
        Results.from_arrays(ids, rng.integers(0, 3, len(ids)), np.hstack([xy, wh]), rng.integers(1, 9, len(ids)) / 10)
        for xy, wh in zip(corners, sizes, strict=True)
    ]


@pytest.mark.parametrize("method", METHODS)
def test_the_number_of_threads_changes_nothing(method, monkeypatch):
    monkeypatch.setattr(fuse_module, "IMAGES_A_CHUNK", 3)
    annotations = coco("test", images=20, boxes=False)
    grouped = group_members(random_members(20, 15), annotations)
    settings = EnsembleSettings(method)
    one, two = (rows(fuse(grouped, settings, workers)) for workers in (1, 2))
    assert one == two
    parts = list(fuse_in_chunks(grouped, settings))
    assert len(parts) == chunks_of(grouped) == 7
    assert rows(Results.concatenate(parts)) == one


def test_images_in_the_files_order_and_boxes_by_falling_score():
    annotations = coco("test", images=5, boxes=False)
    annotations["images"].reverse()
    fused = ensemble(random_members(5, 20), annotations, EnsembleSettings())
    keys = [(-image, -score) for image, score in zip(fused.image_ids, fused.scores, strict=True)]
    assert keys == sorted(keys)


def test_boxes_are_cut_at_the_border(results_of):
    member = results_of((0, 0, -4, -2, 10, 10, 0.9), (1, 0, 60, 40, 30, 30, 0.8), (2, 0, 70, 0, 5, 5, 0.7))
    fused = ensemble([member], ANNOTATIONS, EnsembleSettings("nms"))
    assert fused.bboxes_xywh.tolist() == [[0, 0, 6, 8], [60, 40, 4, 8]]  # the images are 64 x 48


def test_settings_that_do_not_fit_are_refused(two_members):
    with pytest.raises(InputError, match="holds 3 numbers for 2 members"):
        ensemble(two_members, ANNOTATIONS, EnsembleSettings(weights=(1, 1, 1)))
    with pytest.raises(InputError, match="Baterry"):
        ensemble(two_members, ANNOTATIONS, EnsembleSettings(class_iou_thr={"Baterry": 0.4}))


def test_detections_of_other_images_are_refused(results_of):
    with pytest.raises(
        InputError, match="member 2: detections of images that the annotation file does not list: ids 9"
    ):
        group_members([Results.empty(), results_of((9, 0, 0, 0, 5, 5, 0.5))], ANNOTATIONS)


def test_part_of_the_images_gives_that_part_of_the_result():
    annotations = coco("test", images=6, boxes=False)
    grouped = group_members(random_members(6, 10), annotations)
    mask = np.array([True, False, False, True, True, False])
    whole = fuse(grouped, EnsembleSettings())
    assert rows(fuse(grouped.of_images(mask), EnsembleSettings())) == rows(whole.take(mask[whole.image_ids]))


def test_equal_scores_keep_the_order_of_members_and_rows(results_of):
    lefts = np.random.default_rng(0).permutation(60)
    members = [results_of(*((0, 0, left, 0, 2, 2, 0.5) for left in part)) for part in (lefts[:25], lefts[25:])]
    fused = ensemble(members, ANNOTATIONS, EnsembleSettings("concat"))
    assert fused.bboxes_xywh[:, 0].tolist() == lefts.tolist()
