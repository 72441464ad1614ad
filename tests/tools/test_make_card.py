"""make_card.py through its command line, and what it refuses."""

import pytest
from helpers import refusal
from written_runs import dataset, write_fold_runs


@pytest.mark.slow
def test_each_fold_gets_its_page_although_another_folder_holds_no_run(run_tool, tmp_path):
    folded = write_fold_runs(tmp_path / "work/folded", dataset(6), range(4), folds=2)
    (tmp_path / "work/other").mkdir()
    result = run_tool("make_card", folded, tmp_path / "work/other")
    assert "run.json: no such file" in refusal(result)
    pages = [folded / "fold_0/card.html", folded / "fold_1/card.html"]
    assert result.stdout.splitlines() == [f"card: {page}" for page in pages]
    assert "mean mAP50 of 2 folds" in pages[0].read_text()


def test_a_run_beside_its_folds_gets_its_page_as_well(tmp_path):
    from make_card import runs_in

    folded = write_fold_runs(tmp_path / "work/folded", dataset(6), range(4), folds=2)
    folds = [folded / "fold_0", folded / "fold_1"]
    assert runs_in(folded) == folds
    (folded / "run.json").write_text("{}")
    assert runs_in(folded) == [folded, *folds]
    assert runs_in(tmp_path / "nowhere") == [tmp_path / "nowhere"]


def test_a_folder_that_is_not_there_is_refused(run_tool, tmp_path):
    assert "nowhere/run.json: no such file" in refusal(run_tool("make_card", tmp_path / "nowhere"))
