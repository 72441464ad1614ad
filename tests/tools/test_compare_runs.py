"""compare_runs.py through its command line: run folders, files, folds, and what it refuses."""

import json

import pytest
from helpers import coco, refusal
from written_runs import dataset, found_rows, write_run


@pytest.fixture
def runs(tmp_path):
    """Two runs on the same 90 images; the second finds more."""
    return [
        write_run(tmp_path / name, dataset(90), tmp_path / name / "val.json", range(found))
        for name, found in (("base", 40), ("wide", 70))
    ]


def test_run_folders_end_in_a_verdict(run_tool, runs, tmp_path):
    out = tmp_path / "out"
    options = ("--bootstrap", 200, "--json", out / "numbers.json", "--markdown", out / "tables.md")
    result = run_tool("compare_runs", *runs, *options)
    assert result.returncode == 0, result.stderr
    assert "B is better than A: +0.3" in result.stdout
    numbers = json.loads((out / "numbers.json").read_text())
    assert numbers["differences"][0]["map50"]["value"] == pytest.approx((70 - 40) / 90, abs=0.01)
    assert numbers["differences"][0]["photos"]["better"] == 30
    assert (out / "tables.md").read_text().startswith("- B is better than A")


def test_files_are_compared_and_the_photos_drawn(run_tool, make_dataset, tmp_path):
    data = make_dataset()
    for name, found in (("a", range(4)), ("b", range(2, 6))):
        (tmp_path / f"{name}.bbox.json").write_text(json.dumps(found_rows(coco(), found)))
    files = [tmp_path / "a.bbox.json", tmp_path / "b.bbox.json", "--ann", data / "train.json", "--bootstrap", 100]
    result = run_tool("compare_runs", *files, "--draw", 2, "--out", tmp_path / "drawn", "--image-root", data)
    assert result.returncode == 0, result.stderr
    assert "no difference can be told from noise" in result.stdout
    assert len(list((tmp_path / "drawn").glob("*.png"))) == 2


def test_bad_input_is_refused_together(run_tool, runs):
    same = ("--json", "out.md", "--markdown", "out.md", "--ann", "train.json", "--folds", 0)
    message = refusal(run_tool("compare_runs", runs[0], "--bootstrap", 5, "--draw", 3, *same))
    assert "--markdown: out.md would overwrite another file of this command" in message
    assert "name two or more" in message
    assert "--folds: and --ann don't go together" in message
    assert "give at least 100" in message
    assert "needs --out DIR" in message
