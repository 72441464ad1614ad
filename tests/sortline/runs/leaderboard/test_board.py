"""From run folders to rows and a page."""

import json
import re
from urllib.parse import unquote, urlsplit

import pytest
from written_runs import dataset, write_fold_runs, write_run

from sortline.errors import InputError
from sortline.predictions.bootstrap import Interval
from sortline.runs.leaderboard import intervals
from sortline.runs.leaderboard.board import read_board
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


def test_an_interval_is_measured_once_until_its_files_change(work, monkeypatch):
    first = intervals.interval_over_images(work / "single")
    monkeypatch.setattr(intervals, "_measure", lambda folder: Interval(0.0, 1.0))
    assert intervals.interval_over_images(work / "single") == first
    record = json.loads((work / "single/run.json").read_text())
    (work / "single/run.json").write_text(json.dumps({**record, "seed": 1}, indent=2))
    assert intervals.interval_over_images(work / "single") == Interval(0.0, 1.0)


def test_a_run_whose_photos_list_is_gone_has_no_interval(work, tmp_path):
    (tmp_path / "val.json").unlink()
    assert intervals.interval_over_images(work / "single") is None


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
