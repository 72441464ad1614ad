from dataclasses import replace

import numpy as np
import pytest

from sortline.predictions.ensembling.ensemble_settings import EnsembleSettings
from sortline.predictions.matching import match
from sortline.predictions.ranking import map50_of
from sortline.predictions.results import Results
from sortline.predictions.tuning.candidates import Candidates, single
from sortline.predictions.tuning.nested import held_out_outcomes, place_scores


def test_places_in_a_class_rank_as_the_scores_did(pair):
    for member in pair.members:
        placed = replace(member, scores=place_scores(member))
        assert map50_of(match(pair.truth, placed)) == pytest.approx(map50_of(match(pair.truth, member)))


def test_places_are_counted_in_each_class():
    results = Results.from_arrays([1, 1, 1, 2], [5, 6, 5, 5], np.ones((4, 4)), [0.2, 0.3, 0.9, 0.2])
    assert place_scores(results).tolist() == [1 / 2, 1, 1, 1 / 3]


def test_the_same_choice_without_every_fold_gives_its_own_score(pair):
    candidates = Candidates(pair, seed=0)
    settings = EnsembleSettings("wbf", weights=(1.0, 0.5, 0.0))
    outcomes, held_out = held_out_outcomes(candidates, [settings] * 3, best_single=0)
    assert map50_of(match(pair.truth, held_out)) == pytest.approx(candidates.scores([settings], candidates.whole)[0])
    assert [entry.fold for entry in outcomes] == ["0", "1", "2"]
    assert sum(entry.images for entry in outcomes) == 60
    assert outcomes[0].members == ("first", "second")


def test_choices_whose_scores_are_of_other_scales_can_be_joined(pair):
    # The same member, its scores as they are or as ranks: one threshold would not serve both, places do.
    candidates = Candidates(pair, seed=0)
    as_is = EnsembleSettings("nms", iou_thr=1.0, skip_box_thr=0.0, weights=(1.0, 0.0, 0.0))
    choices = [as_is, replace(as_is, rescale="rank"), single(0, 3)]
    outcomes, held_out = held_out_outcomes(candidates, choices, best_single=0)
    expected = map50_of(match(pair.truth, pair.members[0]))
    assert map50_of(match(pair.truth, held_out)) == pytest.approx(expected)
    assert all(entry.map50 == pytest.approx(entry.best_single) for entry in outcomes)
