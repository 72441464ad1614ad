from dataclasses import replace

import pytest

from sortline.predictions.ensembling.ensemble_settings import EnsembleSettings
from sortline.predictions.tuning.candidates import Candidates
from sortline.predictions.tuning.proposals import is_as_it_is, members_of, single
from sortline.predictions.tuning.search import MOST_STEPS, Search, leave_one_out, put_one_in


@pytest.fixture(scope="module")
def candidates(pair):
    return Candidates(pair, seed=0)


def test_a_search_ends_above_the_best_single_member_on_its_own_images(candidates):
    search = Search(candidates, candidates.whole, budget=300)
    assert is_as_it_is(search.best)
    before = search.score
    assert before == max(candidates.scores([single(row, 3) for row in range(3)], candidates.whole))
    assert 0 < len(list(search.steps())) <= MOST_STEPS
    assert search.score > before
    assert members_of(search.best) == [0, 1]


@pytest.mark.parametrize("budget", [1, 20, 60])
def test_a_budget_ends_the_search_with_something_sound(candidates, budget):
    search = Search(candidates, 0, budget)
    list(search.steps())
    assert search.is_out_of_budget
    assert members_of(search.best)
    # A step is never cut in two: the one that passes the limit is the last.
    assert search.tried < budget + 40


def test_members_are_tried_on_the_images_of_the_view(candidates):
    both = EnsembleSettings("wbf", weights=(1.0, 1.0, 0.0))
    for view in (0, candidates.whole):
        trials = leave_one_out(candidates, both, view)
        assert [trial.member for trial in trials] == [0, 1]
        for trial in trials:
            values = candidates.scores([both, trial.rest], view)
            assert trial.difference.value == pytest.approx(values[0] - values[1])
            assert trial.helps
        (useless,) = put_one_in(candidates, both, view)
        assert useless.member == 2
        assert not useless.helps


def test_a_last_member_is_compared_as_it_is_or_fused_with_itself_whichever_is_better(candidates):
    both = EnsembleSettings("nms", iou_thr=0.4, weights=(1.0, 1.0, 0.0))
    trial = leave_one_out(candidates, both, candidates.whole)[0]
    rests = [single(1, 3), replace(both, weights=(0.0, 1.0, 0.0))]
    assert candidates.scores([trial.rest], candidates.whole)[0] == max(candidates.scores(rests, candidates.whole))
