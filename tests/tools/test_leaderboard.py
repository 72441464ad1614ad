"""leaderboard.py through its command line."""

import csv

from helpers import refusal
from written_runs import dataset, write_fold_runs, write_run


def test_runs_become_a_table_a_csv_and_a_page(run_tool, tmp_path):
    work = tmp_path / "work"
    write_run(work / "single", dataset(30), tmp_path / "val.json", range(20))
    write_fold_runs(work / "folded", dataset(30), range(25))
    assert run_tool("leaderboard", "--enter", work / "folded", "--public", 0.612).returncode == 0
    outputs = ("--csv", tmp_path / "out/runs.csv", "--html", tmp_path / "out/runs.html")
    result = run_tool("leaderboard", work, *outputs, "--filter", "family=family", "--sort", "public")
    assert result.returncode == 0, result.stderr
    rows = list(csv.DictReader((tmp_path / "out/runs.csv").open()))
    assert [(row["name"], row["public"]) for row in rows] == [("folded", "0.612"), ("single", "")]
    assert "0.6120" in result.stdout
    assert "folded" in (tmp_path / "out/runs.html").read_text()


def test_bad_input_is_refused(run_tool):
    message = refusal(run_tool("leaderboard", "--public", 0.5, "--price-per-hour", -1))
    assert "go together" in message
    assert "--price-per-hour: is -1" in message
