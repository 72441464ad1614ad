from __future__ import annotations

import numpy as np
import pytest
from helpers import coco

from sortline.errors import InputError
from sortline.predictions.ensembling.curves import IsotonicCurve, MemberCurves, PlattCurve, logits
from sortline.predictions.ensembling.ensemble_settings import EnsembleSettings
from sortline.predictions.ensembling.rescale import fit_curves, rescale_members
from sortline.predictions.matching import Matches
from sortline.predictions.results import Results


def test_an_isotonic_curve_is_linear_between_its_points():
    curve = IsotonicCurve((0.2, 0.6), (0.1, 0.5))
    assert curve(np.array([0.1, 0.2, 0.4, 0.6, 0.9])) == pytest.approx([0.1, 0.1, 0.3, 0.5, 0.5], abs=1e-4)


def test_an_isotonic_curve_keeps_the_order_on_level_stretches():
    curve = IsotonicCurve((0.2, 0.6, 0.8), (0.5, 0.5, 1.0))
    mapped = curve(np.linspace(0, 1, 101))
    assert (np.diff(mapped) > 0).all()
    assert mapped.max() <= 1


def test_platt_with_slope_1_changes_nothing():
    scores = np.array([0.01, 0.3, 0.99])
    assert PlattCurve(1, 0)(scores) == pytest.approx(scores)
    assert PlattCurve(2, 1)(np.array([0.5])) == pytest.approx([1 / (1 + np.exp(-1))])


def test_scores_of_0_and_1_have_a_logit():
    assert np.isfinite(logits(np.array([0.0, 1.0]))).all()


def test_a_class_without_its_own_curve_takes_the_pooled_one():
    curves = MemberCurves(PlattCurve(1, 0), {"Paper": PlattCurve(2, 0)})
    assert curves.of_class("Paper").slope == 2
    assert curves.of_class("Glass").slope == 1


ANNOTATIONS = coco(images=400)


def member(scores, image_ids=None) -> Results:
    scores = np.asarray(scores, dtype=float)
    ids = np.arange(len(scores)) if image_ids is None else image_ids
    return Results.from_arrays(ids, ids % 3, [[4 + i % 7, 5, 30, 20] for i in ids], scores)


def rescaled(scores, rescale, **more) -> list[float]:
    return rescale_members([member(scores)], ANNOTATIONS, EnsembleSettings(rescale=rescale, **more))[0].scores.tolist()


@pytest.mark.parametrize(
    ("rescale", "scores", "expected"),
    [
        ("none", [0.2, 0.6, 0.4], [0.2, 0.6, 0.4]),
        ("minmax", [0.2, 0.6, 0.4], [0, 1, (0.4 - 0.2) / (0.6 - 0.2)]),
        ("minmax", [0.3, 0.3], [1, 1]),
        ("rank", [0.2, 0.6, 0.4, 0.4], [1 / 4, 4 / 4, 2.5 / 4, 2.5 / 4]),
        ("minmax", [], []),
        ("rank", [], []),
    ],
)
def test_rescaling_by_range_and_rank(rescale, scores, expected):
    assert rescaled(scores, rescale) == pytest.approx(expected)


def test_each_class_is_mapped_by_its_curve():
    curves = MemberCurves(PlattCurve(1, 0), {"Paper": IsotonicCurve((0, 1), (0, 0.5))})  # Paper is class 1
    assert rescaled([0.4, 0.4, 0.4], "platt", curves=(curves,)) == pytest.approx([0.4, 0.2, 0.4], abs=1e-4)


def test_without_curves_nothing_can_be_mapped():
    with pytest.raises(InputError, match="'isotonic' has curves of 0 members for 1 members"):
        rescaled([0.4], "isotonic")


def made_of(chance, images: int = 400, seed: int = 0) -> Matches:
    """Detect the box of each image, right with a chance that grows with the score; the wrong ones lie elsewhere."""
    rng = np.random.default_rng(seed)
    scores = rng.uniform(0.05, 0.95, images)
    found = member(scores)
    wrong = rng.random(images) > chance(scores)
    found.bboxes_xywh[wrong] = [40, 30, 10, 10]
    return Matches.of(ANNOTATIONS, found)


@pytest.mark.parametrize("kind", ["isotonic", "platt"])
def test_curves_find_the_chance_of_being_right(kind):
    fitted = fit_curves(kind, [made_of(lambda score: score), made_of(np.square)], ["a", "b"])
    at = np.array([0.3, 0.5, 0.8])
    assert fitted[0].curves.pooled(at) == pytest.approx(at, abs=0.12)
    assert fitted[1].curves.pooled(at) == pytest.approx(at**2, abs=0.12)


@pytest.mark.parametrize("kind", ["isotonic", "platt"])
def test_a_class_with_few_boxes_shares_the_pooled_curve(kind):
    fitted = fit_curves(kind, [made_of(lambda score: 0.2 + 0.6 * score)], ["a"])[0]
    # About 133 boxes each of the first three classes, half of them right; none of the others.
    assert set(fitted.curves.by_class) == {"General trash", "Paper", "Paper pack"}
    assert len(fitted.pooled_classes) == 7
    assert fitted.extent.startswith("a curve each for General trash, Paper, Paper pack; one for Metal, Glass")
    few = made_of(lambda score: 0.2 + 0.6 * score, images=120)
    assert fit_curves(kind, [few], ["a"])[0].curves.by_class == {}


@pytest.mark.parametrize("kind", ["isotonic", "platt"])
@pytest.mark.parametrize("chance", [lambda s: 1 - s, lambda s: np.ones_like(s), np.zeros_like], ids=["falls", "1", "0"])
def test_scores_that_say_nothing_are_refused(kind, chance):
    good = made_of(lambda score: score)
    with pytest.raises(InputError, match=r"^bad\.json: its scores say nothing") as caught:
        fit_curves(kind, [good, made_of(chance)], ["good.json", "bad.json"])
    assert len(caught.value.problems) == 1


def test_boxes_in_crowds_are_neither_right_nor_wrong():
    annotations = coco(images=400)
    rng = np.random.default_rng(1)
    for box in annotations["annotations"]:
        crowd = {**box, "id": box["id"] + 1000, "iscrowd": 1, "bbox": [40.0, 30.0, 20.0, 15.0]}
        if rng.random() < 0.5:
            annotations["annotations"] = [*annotations["annotations"], crowd]
    found = made_of(lambda score: score)
    seen = fit_curves("platt", [Matches.of(annotations, found.results)], ["a"])[0].curves.pooled
    without = fit_curves("platt", [found], ["a"])[0].curves.pooled
    # Half of the wrong boxes lie in a crowd, so that the odds of being right double.
    assert seen.intercept - without.intercept == pytest.approx(np.log(2), abs=0.3)
