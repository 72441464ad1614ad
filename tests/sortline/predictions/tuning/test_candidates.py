from dataclasses import replace

import numpy as np
import pytest

from sortline.predictions.bootstrap import bootstrap_map50
from sortline.predictions.ensembling.ensemble_settings import EnsembleSettings
from sortline.predictions.ensembling.fuse import ensemble
from sortline.predictions.ensembling.rescale import fit_curves
from sortline.predictions.matching import match
from sortline.predictions.ranking import map50_of, rank
from sortline.predictions.tuning.candidates import Candidates, single

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
