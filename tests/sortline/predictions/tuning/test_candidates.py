from dataclasses import replace

import numpy as np
import pytest

from sortline.predictions.bootstrap import bootstrap_map50
from sortline.predictions.ensembling.ensemble_settings import EnsembleSettings
from sortline.predictions.ensembling.fuse import ensemble, group_members
from sortline.predictions.ensembling.rescale import fit_curves, rescale_members
from sortline.predictions.matching import match
from sortline.predictions.ranking import map50_of, rank
from sortline.predictions.tuning.candidates import Candidates, RescaledBoxes
from sortline.predictions.tuning.proposals import single

SETTINGS = [
    EnsembleSettings("wbf", weights=(1.0, 0.7, 0.0)),
    EnsembleSettings("wbf", iou_thr=0.7, conf_type="max", weights=(1.0, 1.0, 0.2), rescale="rank"),
    EnsembleSettings("soft-nms", weights=(0.0, 0.5, 1.0), skip_box_thr=0.01, rescale="minmax"),
    EnsembleSettings("nmw", weights=(0.5, 1.0, 1.0)),
    single(1, 3),
]


@pytest.fixture(scope="module")
def candidates(pair):
    return Candidates(pair, seed=0)


def test_scores_are_those_of_the_finished_recipe_on_the_images_of_each_view(pair, candidates):
    for view, mask in enumerate(candidates.views):
        values = candidates.scores(SETTINGS, view)
        for settings, value in zip(SETTINGS, values, strict=True):
            fused = ensemble(pair.members, pair.annotations, settings)
            assert value == pytest.approx(map50_of(match(pair.truth, fused), images=mask))
            applied = candidates.applied(settings, view)
            assert value == pytest.approx(map50_of(match(pair.truth, applied), images=mask))


def test_a_candidate_is_fused_once_for_all_views(pair):
    candidates = Candidates(pair, seed=0)
    for view in range(4):
        candidates.scores([*SETTINGS, *SETTINGS], view)
    assert candidates.fusions == len(SETTINGS)
    fitted = replace(SETTINGS[0], rescale="platt")
    for view in range(4):
        candidates.scores([fitted], view)
    assert candidates.fusions == len(SETTINGS) + 4  # its curves are others in each view


def test_scores_do_not_depend_on_the_number_of_workers(pair):
    one, three = (Candidates(pair, seed=0, workers=workers).scores(SETTINGS, 0) for workers in (1, 3))
    assert one == three


def test_the_difference_of_two_candidates_comes_from_the_same_resamples_of_the_view(pair, candidates):
    view = 1
    found = candidates.difference(SETTINGS[0], SETTINGS[-1], view)
    values = candidates.scores([SETTINGS[0], SETTINGS[-1]], view)
    assert found.value == pytest.approx(values[0] - values[1])
    weights = candidates.resampled(view)
    assert weights[:, ~candidates.views[view]].sum() == 0
    assert (weights.sum(axis=1) == candidates.views[view].sum()).all()
    resampled = [
        bootstrap_map50(rank(match(pair.truth, ensemble(pair.members, pair.annotations, entry))), weights)
        for entry in (SETTINGS[0], SETTINGS[-1])
    ]
    assert found.share_better == pytest.approx(np.mean(resampled[0] > resampled[1]))


def test_finished_settings_are_of_the_members_in_use_alone(candidates):
    finished = candidates.finished(SETTINGS[0], candidates.whole)
    assert finished == replace(SETTINGS[0], weights=(1.0, 0.7))
    assert candidates.finished(single(1, 3), candidates.whole) == EnsembleSettings("concat", skip_box_thr=0)


def test_finished_curves_are_fitted_to_all_images_of_the_view(pair, candidates):
    settings = EnsembleSettings("wbf", weights=(1.0, 1.0, 0.0), rescale="platt")
    finished = candidates.finished(settings, candidates.whole)
    fitted = fit_curves("platt", pair.matches[:2], pair.names[:2])
    assert finished.curves == tuple(member.curves for member in fitted)
    assert finished.curves != candidates.finished(settings, 0).curves


ALL = 10**9
WHOLE = 3


@pytest.mark.parametrize("rescale", ["none", "minmax", "rank"])
def test_rescaling_without_labels_is_that_of_the_ensemble(pair, rescale):
    members = rescale_members(pair.members, pair.annotations, EnsembleSettings(rescale=rescale))
    expected = group_members(members, pair.annotations)
    boxes = RescaledBoxes(pair, ALL).boxes(rescale, WHOLE)
    assert np.array_equal(boxes.scores, expected.scores)
    assert np.array_equal(boxes.bboxes_xywh, expected.bboxes_xywh)
    assert np.array_equal(boxes.starts, expected.starts)


def scores_by_fold(material, rescale, view, of_first_member=True):
    """Return each fold's rescaled scores of the first member's boxes."""
    boxes = RescaledBoxes(material, ALL).boxes(rescale, view)
    rows = np.repeat(np.arange(len(boxes.starts) - 1) // len(boxes.category_ids), np.diff(boxes.starts))
    folds = material.folds.of_image[rows]
    return [boxes.scores[(folds == fold) & (boxes.member_of_box == 0)] for fold in range(len(material.folds))]


@pytest.mark.parametrize("rescale", ["isotonic", "platt"])
@pytest.mark.parametrize("view", [WHOLE, 0])
def test_fitted_scores_never_depend_on_the_labels_of_their_own_fold(pair, rescale, view):
    in_fold_1 = {
        image["id"] for image, fold in zip(pair.annotations["images"], pair.folds.of_image, strict=True) if fold == 1
    }
    boxes = [box for box in pair.annotations["annotations"] if box["image_id"] not in in_fold_1]
    unlabelled = replace(pair, annotations={**pair.annotations, "annotations": boxes})
    with_labels, without = scores_by_fold(pair, rescale, view), scores_by_fold(unlabelled, rescale, view)
    assert np.array_equal(with_labels[1], without[1])
    assert not np.array_equal(with_labels[2], without[2])  # it is fitted to fold 1, and to fold 0 unless left out


@pytest.mark.parametrize("rescale", ["isotonic", "platt"])
def test_labels_of_the_fold_that_a_view_leaves_out_are_never_seen(pair, rescale):
    in_fold_0 = {
        image["id"] for image, fold in zip(pair.annotations["images"], pair.folds.of_image, strict=True) if fold == 0
    }
    boxes = [box for box in pair.annotations["annotations"] if box["image_id"] not in in_fold_0]
    unlabelled = replace(pair, annotations={**pair.annotations, "annotations": boxes})
    for fold, of_fold in enumerate(scores_by_fold(unlabelled, rescale, view=0)):
        assert np.array_equal(of_fold, scores_by_fold(pair, rescale, view=0)[fold])


def test_a_member_whose_scores_say_nothing_can_not_be_fitted(pair):
    reversed_scores = replace(pair.members[0], scores=1 - pair.members[0].scores)
    changed = replace(pair, members=(reversed_scores, *pair.members[1:]))
    rescaled = RescaledBoxes(changed, ALL)
    assert not rescaled.can_fit("platt", 0, WHOLE)
    assert rescaled.can_fit("platt", 1, WHOLE)


def test_only_the_best_boxes_of_each_class_are_looked_at(pair):
    few = RescaledBoxes(pair, 900).boxes("none", WHOLE)
    every = RescaledBoxes(pair, ALL).boxes("none", WHOLE)
    assert 800 < len(few.scores) <= 900 < len(every.scores)
    kept, left_out = set(few.scores.tolist()), set(every.scores.tolist()) - set(few.scores.tolist())
    assert np.mean(list(kept)) > np.mean(list(left_out))
