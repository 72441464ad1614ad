from dataclasses import replace

import numpy as np
import pytest
from simulate import DetectorNoise, near_copy

from sortline.errors import InputError
from sortline.predictions.ensembling.ensemble_settings import EnsembleSettings
from sortline.predictions.matching import match
from sortline.predictions.ranking import map50_of
from sortline.predictions.results import Results
from sortline.predictions.tuning.candidates import Candidates
from sortline.predictions.tuning.proposals import single
from sortline.predictions.tuning.tune import held_out_outcomes, place_scores, tune
from sortline.predictions.tuning.tuning_tables import as_json, reason, verdict


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


GOOD = DetectorNoise(skill=2.0, size_effect=0.0, class_effect=0.0, correlation=0.2, duplicates=0.0, nms_iou_thr=0.5)


@pytest.fixture(scope="module")
def tuned(pair):
    return tune(pair)


def test_two_detectors_with_errors_of_their_own_are_chosen_and_the_useless_one_dropped(pair, tuned):
    assert tuned.members == (0, 1)
    assert not tuned.single_wins
    assert "left out: it would add -" in reason(tuned, 2)
    assert "kept: it adds +" in reason(tuned, 0)
    assert tuned.gain.interval.low > 0
    assert "first + second" in verdict(tuned)


def test_each_of_two_halves_is_needed(make_material):
    whole = make_material({"whole": GOOD})
    member = whole.members[0]
    halves = {f"class {kind}": member.take(member.category_ids == kind) for kind in (1, 2, 3)}
    material = replace(whole, members=tuple(halves.values()), names=tuple(halves))
    tuning = tune(material)
    assert tuning.members == (0, 1, 2)
    assert tuning.expected.map50 == pytest.approx(map50_of(match(whole.truth, member)), abs=0.02)


def test_a_near_copy_does_not_stay_beside_its_original(make_material):
    material = make_material({"first": GOOD, "second": GOOD})
    copies = (*material.members, near_copy(material.members[0], seed=1, amount=0.001))
    tuning = tune(replace(material, members=copies, names=("first", "second", "copy")))
    assert 1 in tuning.members
    assert len(tuning.members) == 2


def test_the_single_winner_is_said_plainly_and_is_the_recipe(make_material):
    poor = replace(GOOD, skill=-4.0, jitter=0.3, correlation=0.9, spot_skill=1.0)
    material = make_material({"good": GOOD, "poor": poor, "worse": replace(poor, skill=-6.0)})
    tuning = tune(material)
    assert tuning.single_wins
    assert tuning.members == (0,)
    assert tuning.settings == EnsembleSettings("concat", skip_box_thr=0)
    assert "THE BEST SINGLE MODEL WINS: good" in verdict(tuning)
    assert "good alone, without fusion" in verdict(tuning)
    assert reason(tuning, 0) == "the best single member"
    assert "left out" in reason(tuning, 1)


def test_what_one_member_gains_by_an_nms_is_not_put_down_to_another(make_material):
    unsuppressed = replace(GOOD, duplicates=2.0, nms_iou_thr=0.95)
    useless = DetectorNoise(skill=-9.0, spot_skill=0.0)
    tuning = tune(make_material({"good": unsuppressed, "useless": useless}))
    assert tuning.members == (0,)
    assert tuning.settings.method != "concat"
    assert tuning.gain.interval.low > 0
    assert "Its own boxes gain by" in verdict(tuning)


def test_the_score_on_held_out_images_is_below_the_flattering_one_on_average(make_material):
    noises = dict.fromkeys("abc", replace(GOOD, skill=0.5))
    tunings = [tune(make_material(noises, images=24, seed=seed), budget=80) for seed in range(4)]
    assert np.mean([tuning.found_score - tuning.expected.map50 for tuning in tunings]) > 0


def test_a_member_that_no_curve_can_be_fitted_to_does_no_harm(pair):
    # Its surest boxes are its worst, so that isotonic and Platt curves would have to fall.
    reversed_scores = replace(pair.members[1], scores=1 - pair.members[1].scores)
    members = (*pair.members[:2], reversed_scores)
    tuning = tune(replace(pair, members=members, names=("first", "second", "reversed")))
    assert tuning.members == (0, 1)
    assert len(tuning.settings.curves) in (0, 2)


def test_the_same_seed_gives_the_same_answer(pair, tuned):
    assert as_json(tune(pair)) == as_json(tuned)


def test_a_search_out_of_budget_says_so(pair):
    tuning = tune(pair, budget=10)
    assert tuning.is_cut_short
    assert "a larger one may find more" in " ".join(as_json(tuning)["notes"])


def test_fewer_boxes_to_look_at_still_give_a_sound_recipe(pair, tuned):
    few = tune(pair, most_boxes=600)
    assert few.expected.map50 == pytest.approx(tuned.expected.map50, abs=0.05)


def test_one_member_is_nothing_to_choose_from(pair):
    with pytest.raises(InputError, match="nothing to choose"):
        tune(replace(pair, members=pair.members[:1], names=pair.names[:1]))
