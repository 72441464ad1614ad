import json

import pytest
from helpers import refusal


@pytest.mark.mm
@pytest.mark.slow
def test_rows_and_seeds_end_in_a_table(make_dataset, make_config, run_tool, tmp_path):
    data = make_dataset()
    base, change = (
        make_config(data, name="base"),
        make_config(data, "optim_wrapper = dict(optimizer=dict(lr=0.002))\n", name="change"),
    )
    arguments = (base, change, "--seeds", 0, 1, "--work-dir", tmp_path / "runs", "--smoke", "--tta")
    result = run_tool("ablation", *arguments, "--labels", "base", "+ change", "+ TTA", "--markdown", tmp_path / "t.md")
    assert result.returncode == 0, result.stderr
    lines = (tmp_path / "t.md").read_text().splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:]] == ["base", "+ change", "+ TTA"]
    for name in ("base", "change"):
        records = [json.loads((tmp_path / f"runs/{name}/seed_{seed}/run.json").read_text()) for seed in (0, 1)]
        assert [record["settings"]["randomness"]["seed"] for record in records] == [0, 1]
    again = run_tool("ablation", *arguments)
    assert again.stdout.count("was done") == 4


@pytest.mark.mm
def test_one_row_one_seed(make_dataset, make_config, run_tool, tmp_path):
    result = run_tool("ablation", make_config(make_dataset()), "--seeds", 3, "--work-dir", tmp_path / "runs", "--smoke")
    assert result.returncode == 0, result.stderr
    assert "tiny seed 3" in result.stdout
    assert (tmp_path / "runs/tiny/seed_3/predictions/val.bbox.json").exists()


def test_bad_input_is_refused(make_dataset, make_config, run_tool, tmp_path):
    config = make_config(make_dataset())
    assert "given twice" in refusal(run_tool("ablation", config, config, "--work-dir", tmp_path / "runs"))
    assert "names 2 rows of 1" in refusal(run_tool("ablation", config, "--labels", "a", "b"))
    assert not (tmp_path / "runs").exists()
