"""The demo through its command line: a smoke run each day, the promise on unseen photos in the slow tests."""

import re

import pytest

pytestmark = pytest.mark.mm


def test_the_demos_stages_are_commands_of_existing_tools():
    from helpers import ROOT

    from sortline.runs.demo_run import CONFIG, Paths, stages

    assert (ROOT / CONFIG).is_file()
    for command in stages(Paths(), []).values():
        assert (ROOT / command[0]).is_file()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_demo_finds_what_it_never_saw(run_tool, tmp_path, seed):
    result = run_tool("demo", "--seed", seed, "--data", tmp_path / "data", "--work-dir", tmp_path / "run")
    assert result.returncode == 0, result.stderr
    (score,) = re.findall(r"mAP50 on 120 photos it never saw: (\d\.\d+)", result.stdout)
    assert float(score) >= 0.40
    for name in ("submission.csv", "comparison.png", "predictions/test.bbox.json"):
        assert (tmp_path / "run" / name).exists()


def test_a_stage_that_fails_stops_the_demo_with_its_reason(run_tool, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/mine.txt").write_text("not the demo's")
    result = run_tool("demo", "--data", tmp_path / "data", "--work-dir", tmp_path / "run")
    assert result.returncode == 2
    assert "demo stage 'draw photos'" in result.stderr
    assert not (tmp_path / "run").exists()
