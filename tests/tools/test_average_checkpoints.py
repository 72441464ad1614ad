"""Average checkpoints of a run through the command line, and test the result."""

from __future__ import annotations

import pytest
from helpers import refusal

pytestmark = pytest.mark.mm


@pytest.mark.slow
def test_the_average_of_a_run_can_be_tested(run_tool, make_dataset, make_config, tmp_path):
    import torch

    config = make_config(make_dataset())
    run = tmp_path / "run"
    trained = run_tool("train", config, "--work-dir", run, "--cfg-options", "train_cfg.max_epochs=2")
    assert trained.returncode == 0, trained.stderr
    result = run_tool("average_checkpoints", run, "--last", 2)
    assert result.returncode == 0, result.stderr
    first, second, out = (run / f"{name}.pth" for name in ("epoch_1", "epoch_2", "averaged"))
    assert result.stdout.splitlines() == [str(first), str(second), f"average of 2 checkpoints: {out}"]
    weights = [torch.load(path, weights_only=False)["state_dict"] for path in (first, second, out)]
    key = next(key for key, value in weights[0].items() if value.is_floating_point() and value.ndim == 4)
    assert torch.allclose(weights[2][key], (weights[0][key] + weights[1][key]) / 2)
    measured = run_tool(
        "average_checkpoints", first, second, "--recompute-bn", config, "--bn-images", 4, "--out", tmp_path / "bn.pth"
    )
    assert measured.returncode == 0, measured.stderr
    anew = torch.load(tmp_path / "bn.pth", weights_only=False)["state_dict"]
    assert torch.equal(anew[key], weights[2][key])
    means = [name for name in anew if name.endswith("running_mean")]
    assert means
    assert not all(torch.equal(anew[name], weights[2][name]) for name in means)
    assert set(anew) == set(weights[2])
    tested = run_tool("test", config, tmp_path / "bn.pth", "--work-dir", run)
    assert tested.returncode == 0, tested.stderr
    assert "validation mAP50:" in tested.stdout


def test_the_average_of_two_files(run_tool, tmp_path):
    import torch

    for epoch, value in ((1, 2.0), (2, 4.0)):
        torch.save({"meta": {}, "state_dict": {"w": torch.tensor([value])}}, tmp_path / f"epoch_{epoch}.pth")
    result = run_tool("average_checkpoints", tmp_path, "--last", 2)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == f"average of 2 checkpoints: {tmp_path}/averaged.pth"
    assert torch.load(tmp_path / "averaged.pth")["state_dict"]["w"].item() == (2 + 4) / 2


def test_what_can_not_be_averaged_is_refused_and_nothing_written(run_tool, tmp_path):
    import torch

    run = tmp_path / "run"
    run.mkdir()
    for epoch, size in ((1, 2), (2, 3)):
        torch.save({"meta": {}, "state_dict": {"w": torch.ones(size)}}, run / f"epoch_{epoch}.pth")
    assert "w is [3] instead of [2]" in refusal(run_tool("average_checkpoints", run, "--last", 2))
    files = [run / f"epoch_{epoch}.pth" for epoch in (1, 2)]
    assert "--best: chooses among a run folder's" in refusal(run_tool("average_checkpoints", *files, "--best"))
    assert "one of the checkpoints" in refusal(run_tool("average_checkpoints", *files, "--out", files[0]))
    assert "--last N or --best" in refusal(run_tool("average_checkpoints", run))
    assert "holds 2 complete checkpoints, not 5" in refusal(run_tool("average_checkpoints", run, "--last", 5))
    assert "holds no best checkpoint" in refusal(run_tool("average_checkpoints", run, "--best"))
    assert "is for --recompute-bn" in refusal(run_tool("average_checkpoints", run, "--last", 2, "--data-root", run))
    message = refusal(run_tool("average_checkpoints", run / "epoch_8.pth", run / "epoch_9.pth"))
    assert "epoch_8.pth" in message
    assert "epoch_9.pth" in message
    assert not (run / "averaged.pth").exists()
