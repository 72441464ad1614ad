"""From run folders to rows and a page."""

import json
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from written_runs import dataset, write_fold_runs, write_run

from sortline.errors import InputError
from sortline.predictions.bootstrap import Interval
from sortline.runs.leaderboard.board import add_changes, interval_of_mean, make_entries, read_board
from sortline.runs.leaderboard.found_runs import Run
from sortline.runs.leaderboard.kept_scores import enter_score
from sortline.runs.leaderboard.leaderboard_page import render_page


@pytest.fixture
def work(tmp_path):
    write_run(tmp_path / "work/single", dataset(30), tmp_path / "val.json", range(20))
    write_fold_runs(tmp_path / "work/folded", dataset(30), range(25))
    return tmp_path / "work"


def test_rows_have_scores_and_intervals(work):
    entries, problems = read_board(work, price_per_hour=1.0)
    assert problems == []
    by_name = {entry.name: entry for entry in entries}
    single = by_name["single"]
    assert single.interval.low < single.cv < single.interval.high
    assert by_name["folded"].folds == 3
    plain, _ = read_board(work, with_intervals=False)
    assert [entry.interval for entry in plain if entry.name == "single"] == [None]


def test_a_broken_record_does_not_break_the_table(work):
    (work / "broken").mkdir()
    (work / "broken/run.json").write_text("{")
    entries, problems = read_board(work)
    assert len(entries) == 2
    assert [problem.where for problem in problems] == [str(work / "broken/run.json")]
    page = render_page("work", entries, problems, work / "board.html")
    assert "broken/run.json: is cut short" in page


def test_no_runs_and_an_unknown_baseline_are_refused(work, tmp_path):
    with pytest.raises(InputError, match="holds no runs"):
        read_board(work / "single/predictions")
    with pytest.raises(InputError, match="is no run of the table"):
        read_board(work, baseline=work / "folded/fold_0")
    baseline, _ = read_board(work, baseline=work / "folded")
    assert {entry.name: entry.parent for entry in baseline} == {"folded": "", "single": "folded"}


def test_the_page_needs_nothing_from_elsewhere_and_escapes_names(work):
    (work / "single").rename(work / "<script>alert(1) #2?%20")
    (work / "<script>alert(1) #2?%20/card.html").write_text("card")
    page = render_page("work", read_board(work, with_intervals=False)[0], [], work / "sub/board.html")
    assert "<script>alert" not in page
    (link,) = re.findall('href="(.*?)"', page)
    assert unquote(urlsplit(link).path) == "../<script>alert(1) #2?%20/card.html"
    assert not re.search(r"(src|href)=\"(https?:)?//", page)
    assert page.count("<tr>") == 1 + 2


def test_rows_of_another_score_stand_in_a_table_of_their_own(work, tmp_path):
    path = write_run(work / "coco", dataset(30), tmp_path / "coco.json", range(20), score="coco/bbox_mAP") / "run.json"
    entries, _ = read_board(work)
    (coco,) = [entry for entry in entries if entry.name == "coco"]
    assert coco.cv == json.loads(path.read_text())["best_score"]["value"]
    assert coco.interval.low < coco.cv < coco.interval.high
    page = render_page("work", entries, [], work / "board.html")
    assert re.findall("<h2>(.*?)</h2>", page) == ["Decided by mAP50", "Decided by coco/bbox_mAP"]
    assert page.count('aria-sort="descending">') == 2


def run(folder="work/a", config="configs/rtmdet/s_recycle.py", fold=None, **facts):
    defaults = dict(
        settings={"optim_wrapper": {"optimizer": {"lr": 0.1}}},
        is_trained=True,
        is_tested=True,
        score=0.5,
        epochs=12,
        seconds=1800.0,
        started="",
        commit="",
        is_dirty=None,
        device="",
        seed=0,
        deciding_name="contest/mAP50",
    )
    return Run(folder=Path(folder), config=config, fold=fold, **{**defaults, **facts})


def rows(*runs, root="work", **options):
    entries, problems = make_entries(root, runs, **options)
    assert problems == []
    return entries


def rate(value, **more):
    return {"optim_wrapper": {"optimizer": {"lr": value}}, **more}


def test_folds_are_one_row_with_their_mean():
    folds = [run(f"work/x/fold_{k}", fold=k, score=score) for k, score in enumerate((0.5, 0.6, 0.7))]
    (entry,) = rows(*folds, price_per_hour=2.0)
    assert (entry.name, entry.folds, entry.state) == ("x", 3, "finished")
    assert entry.cv == pytest.approx(0.6)
    # standard deviation 0.1; t of 2 degrees of freedom at 97.5% is 4.303
    assert entry.interval.high - entry.cv == pytest.approx(4.303 * 0.1 / 3**0.5, abs=1e-4)
    assert entry.hours == 3 * 1800 / 3600
    assert entry.cost == 2.0 * 1.5


def test_folds_that_different_scores_decided_have_no_mean():
    folds = [run(f"work/x/fold_{k}", fold=k, deciding_name=name) for k, name in enumerate(("loss", "coco/bbox_mAP"))]
    (entry,) = rows(*folds)
    assert (entry.cv, entry.interval, entry.deciding_name) == (None, None, "")
    assert entry.notes == ("no mean of its folds, which were decided by different scores: loss, coco/bbox_mAP",)


def test_a_score_that_does_not_follow_from_boxes_has_no_interval_and_says_so():
    (entry,) = rows(run(deciding_name="coco/segm_mAP"))
    assert (entry.cv, entry.notes) == (0.5, ("no interval: coco/segm_mAP doesn't follow from boxes",))


def test_a_single_run_has_the_interval_over_images():
    (entry,) = rows(run(), intervals={Path("work/a"): Interval(0.4, 0.6)})
    assert (entry.name, entry.folds, entry.interval) == ("a", 0, Interval(0.4, 0.6))
    assert interval_of_mean([0.5]) is None
    assert interval_of_mean([0.0, 1.0]) == Interval(0.0, 1.0)
    assert interval_of_mean([2.0, 4.0]).low < 0 < 4 < interval_of_mean([2.0, 4.0]).high, "of losses"


@pytest.mark.parametrize(
    ("facts", "state"),
    [({}, "finished"), ({"is_tested": False}, "not tested"), ({"is_trained": False}, "unfinished")],
)
def test_the_state_is_that_of_the_least_finished_fold(facts, state):
    entries = rows(run("work/x/fold_0", fold=0), run("work/x/fold_1", fold=1, **facts))
    assert [entry.state for entry in entries] == [state]


def test_what_one_fold_does_not_tell_is_not_known_of_all():
    (entry,) = rows(run("work/x/fold_0", fold=0), run("work/x/fold_1", fold=1, seconds=None), price_per_hour=1.0)
    assert (entry.hours, entry.cost) == (None, None)


def test_git_names_the_commits_and_whether_files_differed():
    first, second = run("work/x/fold_0", fold=0, commit="a" * 40), run("work/x/fold_1", fold=1, commit="b" * 40)
    assert rows(first, second)[0].git == f"{'a' * 7} {'b' * 7}"
    assert rows(run(commit="a" * 40, is_dirty=True))[0].git == f"{'a' * 7} dirty"
    assert rows(run())[0].git == ""


def test_a_run_is_a_change_of_the_earlier_one_that_it_differs_least_from():
    entries = rows(
        run("work/c", settings=rate(0.3, model={"depth": 50}), started="2026-03-03"),
        run("work/a", settings=rate(0.1), started="2026-03-01"),
        run("work/b", settings=rate(0.3), started="2026-03-02"),
        run("work/d", settings=rate(0.3), started="2026-03-04", config="configs/dino/d_recycle.py"),
    )
    told = {entry.name: entry for entry in add_changes(entries)}
    assert (told["a"].parent, told["b"].parent, told["c"].parent) == ("", "a", "b")
    assert [str(change) for change in told["b"].changes] == ["optim_wrapper.optimizer.lr 0.1 to 0.3"]
    assert [str(change) for change in told["c"].changes] == ["+ model"]
    assert told["d"].parent == ""  # the first of its family


def test_with_a_baseline_all_are_compared_with_it():
    entries = rows(run("work/a", settings=rate(0.1)), run("work/b", settings=rate(0.2)))
    told = add_changes(entries, entries[1])
    assert [entry.parent for entry in told] == ["b", ""]
    assert [str(change) for change in told[0].changes] == ["optim_wrapper.optimizer.lr 0.2 to 0.1"]


def test_the_number_of_a_fold_is_no_change():
    entries = rows(
        run("work/x/fold_0", fold=0, settings=rate(0.1, fold=0)),
        run("work/y/fold_1", fold=1, settings=rate(0.1, fold=1)),
    )
    assert add_changes(entries)[1].changes == ()


def test_other_scores_are_read_and_broken_ones_told(tmp_path):
    folder = tmp_path / "a"
    (folder / "predictions").mkdir(parents=True)
    (folder / "predictions/oof.score.json").write_text(json.dumps({"map50": 0.55}))
    (entry,) = rows(run(folder), root=tmp_path)
    assert (entry.oof, entry.public) == (0.55, None)
    named = {"name": "coco/bbox_mAP", "value": 0.3, "map50": 0.55}
    (folder / "predictions/oof.score.json").write_text(json.dumps(named))
    assert rows(run(folder, deciding_name="coco/bbox_mAP"), root=tmp_path)[0].oof == 0.3
    (entry,) = rows(run(folder), root=tmp_path)
    note = "the out-of-fold predictions score coco/bbox_mAP 0.3000, which doesn't compare"
    assert (entry.oof, entry.notes) == (None, (note,))
    (folder / "predictions/oof.score.json").write_text('{"map50": null}')  # the folds hold no boxes to be found
    assert rows(run(folder), root=tmp_path)[0].oof is None
    (folder / "predictions/oof.score.json").write_text('{"map50": NaN}')
    assert "holds no score" in str(make_entries(tmp_path, [run(folder)])[1][0])
    (folder / "predictions/oof.score.json").unlink()
    (folder / "public_score.json").write_text("{}")
    entries, problems = make_entries(tmp_path, [run(folder)])
    assert len(entries) == len(problems) == 1


def test_a_run_and_folds_in_one_folder_are_two_rows(tmp_path):
    folder = tmp_path / "x"
    (folder / "predictions").mkdir(parents=True)
    (folder / "fold_0").mkdir()
    (folder / "predictions/oof.score.json").write_text(json.dumps({"map50": 0.55}))
    enter_score(folder, 0.7)
    folds = [run(folder / f"fold_{k}", fold=k, score=score) for k, score in enumerate((0.5, 0.6))]
    alone, folded = rows(run(folder, score=0.9), *folds, root=tmp_path)
    assert (alone.name, alone.cv, alone.folds, alone.oof, alone.public) == ("x", 0.9, 0, None, 0.7)
    assert (folded.name, folded.cv, folded.folds, folded.oof, folded.public) == ("x (folds)", 0.55, 2, 0.55, None)
    assert [entry.parent for entry in add_changes([alone, folded])] == ["", "x"]


def test_changes_are_told_of_one_row_alone():
    entries = rows(*(run(f"work/{name}", settings=rate(value)) for name, value in (("a", 0.1), ("b", 0.2), ("c", 0.1))))
    assert [entry.parent for entry in add_changes(entries)] == ["", "a", "a"]
    assert [entry.parent for entry in add_changes(entries, only=entries[2])] == ["", "", "a"]


@pytest.mark.parametrize(
    ("root", "inside"), [("work/x/fold_0", "."), (".", "work/x/fold_0"), ("../fold_0", "work/x/fold_1")]
)
def test_a_fold_searched_alone_has_the_name_of_its_experiment(tmp_path, monkeypatch, root, inside):
    for fold in (0, 1):
        (tmp_path / f"work/x/fold_{fold}").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / inside)
    (entry,) = rows(run(root, fold=0), root=root)
    assert (entry.name, entry.folder.resolve()) == ("x", tmp_path / "work/x")
