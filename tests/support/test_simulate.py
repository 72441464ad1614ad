from dataclasses import replace

import numpy as np
import pytest
from simulate import DetectorNoise, make_scene, near_copy, simulate_detector

from sortline.predictions.ensembling.ensemble_settings import EnsembleSettings
from sortline.predictions.ensembling.fuse import ensemble
from sortline.predictions.matching import Truth, match
from sortline.predictions.ranking import map50_of
from sortline.predictions.results import Results, check_results

SIDE = 1024
PERFECT = DetectorNoise(
    skill=6.0,
    size_effect=0.0,
    class_effect=0.0,
    spread=0.1,
    margin=20.0,
    jitter=0.0,
    duplicates=0.0,
    spot_skill=-20.0,
    clutter=0.0,
    nms_iou_thr=1.0,
)


def annotations(images: int = 300, side: float = 60.0) -> dict:
    """Return ground truth of three boxes an image, side by side, of the three classes."""
    return {
        "images": [{"id": i, "file_name": f"{i}.jpg", "width": SIDE, "height": SIDE} for i in range(images)],
        "categories": [{"id": label, "name": f"class {label}"} for label in range(3)],
        "annotations": [
            {"id": 3 * i + k, "image_id": i, "category_id": k, "bbox": [300.0 * k + 20, 400.0, side, side]}
            for i in range(images)
            for k in range(3)
        ],
    }


def look(seed: int = 1, scene: int = 0, truth: dict | None = None, **changes: float) -> Results:
    """Let a detector look that is perfect but for the changes."""
    return simulate_detector(make_scene(truth or annotations(), scene), replace(PERFECT, **changes), seed)


def map50(results: Results, truth: dict | None = None) -> float:
    return map50_of(match(Truth.of(truth or annotations()), results)) or 0.0


def found(results: Results) -> set[tuple[int, int]]:
    return set(zip(results.image_ids.tolist(), results.category_ids.tolist(), strict=True))


def test_without_noise_the_truth_comes_back():
    results = look()
    assert map50(results) == 1
    assert len(results) == 3 * 300


@pytest.mark.parametrize(
    "changes",
    [
        {"skill": -4.0, "spread": 2.0},
        {"spread": 4.0, "spot_skill": 3.0},
        {"margin": 0.0},
        {"jitter": 0.3},
        {"duplicates": 3.0, "spread": 3.0, "jitter": 0.1},
        {"clutter": 30.0, "clutter_skill": 6.0},
    ],
    ids=["misses", "spots", "confusions", "jitter", "duplicates", "clutter"],
)
def test_every_kind_of_noise_costs_score(changes):
    results = look(**changes)
    assert map50(results) < 0.95
    check_results(results, annotations(), "simulated")
    ends = results.bboxes_xywh[:, :2] + results.bboxes_xywh[:, 2:]
    assert (results.bboxes_xywh[:, 2:] > 0).all()
    assert results.bboxes_xywh.min() >= 0
    assert ends.max() <= SIDE + 1e-9


def test_small_objects_are_missed_more_often():
    noise = {"skill": -4.0, "size_effect": 1.5, "spread": 2.0}
    small, large = (look(truth=annotations(side=side), **noise) for side in (24.0, 240.0))
    assert len(small) < len(large) / 2


def test_calibration_changes_scores_but_no_order():
    calm, sure = (look(spread=2.0, skill=0.0, sharpness=sharpness) for sharpness in (1.0, 2.0))
    assert np.array_equal(calm.bboxes_xywh, sure.bboxes_xywh)
    log_odds = np.log(calm.scores / (1 - calm.scores))
    assert sure.scores == pytest.approx(1 / (1 + np.exp(-2 * log_odds)))


def test_errors_are_shared_as_far_as_the_correlation_says():
    def overlap(correlation: float) -> float:
        one, other = (found(look(seed, skill=-5.0, spread=2.0, correlation=correlation)) for seed in (1, 2))
        return len(one & other) / len(one | other)

    # Half the objects are found: by chance alike a third of the union, all of it where all is shared.
    assert overlap(0.0) == pytest.approx(1 / 3, abs=0.06)
    assert overlap(0.0) < overlap(0.6) < overlap(1.0) == 1


def test_an_ensemble_gains_by_what_is_own_not_by_what_is_shared():
    def gain(correlation: float) -> float:
        noise = dict(skill=0.0, spread=2.0, jitter=0.1, spot_skill=-1.0, correlation=correlation)
        members = [look(seed, **noise) for seed in range(3)]
        return map50(ensemble(members, annotations(), EnsembleSettings())) - max(map(map50, members))

    assert gain(0.2) > gain(0.7) > 0
    assert gain(0.2) > 0.03


def test_the_seeds_decide_everything():
    noise = {"skill": 0.0, "spread": 2.0, "jitter": 0.1, "clutter": 2.0}
    first, again = look(**noise), look(**noise)
    assert np.array_equal(first.bboxes_xywh, again.bboxes_xywh)
    assert np.array_equal(first.scores, again.scores)
    for other in (look(seed=2, **noise), look(scene=1, **noise)):
        assert len(other) != len(first) or not np.array_equal(other.scores, first.scores)


def test_a_detector_keeps_its_weak_classes_on_other_photos():
    def shares(scene: int, seed: int) -> np.ndarray:
        results = look(seed, scene, skill=-5.0, spread=1.0, class_effect=3.0)
        return np.bincount(results.category_ids, minlength=3) / 300

    for seed in range(3):
        assert shares(0, seed) == pytest.approx(shares(1, seed), abs=0.12)
    assert np.abs(shares(0, seed=1) - shares(0, seed=2)).max() > 0.3


def test_no_image_has_more_boxes_than_allowed():
    results = look(clutter=40.0, clutter_skill=2.0, max_per_image=7)
    assert np.bincount(results.image_ids).max() == 7


def test_a_near_copy_scores_and_finds_almost_the_same():
    results = look(skill=1.0, spread=2.0, jitter=0.1)
    copy = near_copy(results, seed=3)
    assert found(copy) == found(results)
    assert map50(copy) == pytest.approx(map50(results), abs=0.02)
    assert not np.array_equal(copy.scores, results.scores)
