"""Average precisions by the names that evaluators report: COCO's equal hotcoco's own, also of weighted images."""

import doctest

import numpy as np
import pytest
from detection_cases import make_results, make_truth

from sortline.predictions import box_scores
from sortline.predictions.box_scores import box_score, common_score
from sortline.predictions.coco_metrics import METRICS, evaluate_coco
from sortline.predictions.matching import Truth, match
from sortline.predictions.results import Results
from sortline.predictions.score import score

rng = np.random.default_rng(3)
PLACES = rng.integers(np.array([0, 0, 8, 8]), np.array([12, 12, 20, 20]), (60, 4))
TRUTH = make_truth(*((row % 12, row % 3, box.tolist()) for row, box in enumerate(PLACES)), images=12)
#: Boxes near the true ones, some of another class; of one image no two have the same score.
FOUND = make_results(
    *(
        (row % 12, (row + (row % 7 == 0)) % 3, (box + rng.integers(-2, 3, 4) * [1, 1, 0, 0]).clip(0).tolist(), s / 10)
        for row, (box, s) in enumerate(zip(np.tile(PLACES, (2, 1)), np.repeat(rng.permutation(10), 12), strict=True))
    )
)
MATCHES = match(Truth.of(TRUTH), FOUND)


def test_examples_hold():
    assert doctest.testmod(box_scores).failed == 0


@pytest.mark.parametrize("metric", METRICS)
def test_all_images_give_what_hotcoco_gives(metric):
    expected = evaluate_coco(TRUTH, FOUND)
    found = box_score(f"contest/coco_{metric}").value(MATCHES)
    assert found == (None if expected.metrics[metric] is None else pytest.approx(expected.metrics[metric], abs=1e-12))


def test_map50_is_the_contests():
    assert box_score("contest/mAP50").value(MATCHES) == score(MATCHES).map50


def test_a_weight_counts_as_so_many_copies_of_the_image():
    weights = np.random.default_rng(0).integers(0, 3, (1, len(TRUTH["images"])))
    images, boxes, ids, rows = [], [], [], []
    for image, weight in zip(TRUTH["images"], weights[0], strict=True):
        own = [box for box in TRUTH["annotations"] if box["image_id"] == image["id"]]
        for _ in range(weight):
            boxes += [{**box, "image_id": len(images), "id": len(boxes) + place} for place, box in enumerate(own)]
            of_image = np.flatnonzero(FOUND.image_ids == image["id"])
            ids += [len(images)] * len(of_image)
            rows += of_image.tolist()
            images.append({**image, "id": len(images)})
    copies = {**TRUTH, "images": images, "annotations": boxes}
    results = Results(np.array(ids), FOUND.category_ids[rows], FOUND.bboxes_xywh[rows], FOUND.scores[rows])
    found = box_score("coco/bbox_mAP").of(MATCHES)(weights)[0]
    expected = np.array(evaluate_coco(copies, results).class_aps, dtype=float)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_nothing_found_is_0_and_nothing_to_find_is_none():
    none, empty = make_results(), {**TRUTH, "annotations": []}
    assert box_score("coco/bbox_mAP").value(match(Truth.of(TRUTH), none)) == 0
    assert box_score("coco/bbox_mAP").value(match(Truth.of(empty), FOUND)) is None


@pytest.mark.parametrize("name", ["coco/segm_mAP", "loss", "contest/AP50_Paper", "pascal_voc/mAP", "bbox_mAP", ""])
def test_other_metrics_do_not_follow_from_boxes_here(name):
    assert box_score(name) is None


@pytest.mark.parametrize(
    ("names", "score", "note"),
    [
        ([], "contest/mAP50", ""),
        (["", "coco/bbox_mAP", "coco/bbox_mAP"], "coco/bbox_mAP", ""),
        (["contest/mAP50", "coco/bbox_mAP"], "contest/mAP50", "decided by different scores"),
        (["coco/segm_mAP"], "contest/mAP50", "doesn't follow from boxes alone: compared by contest/mAP50"),
    ],
)
def test_runs_are_compared_by_the_first_ones_score_or_by_map50(names, score, note):
    found, said = common_score(names)
    assert found.name == score
    assert note in said
    assert bool(said) is bool(note)
