"""--auto-batch on the command line, where there is no GPU."""

import pytest
from helpers import refusal

pytestmark = pytest.mark.mm


@pytest.mark.slow
def test_without_a_gpu_it_is_refused_and_smoke_runs_do_without(run_tool, make_dataset, make_config, tmp_path):
    config = make_config(make_dataset())
    options = ("--auto-batch", "--work-dir", tmp_path / "run")
    message = refusal(run_tool("train", config, *options, CUDA_VISIBLE_DEVICES=""))
    assert message.count("error") == 1
    assert "there is no GPU here" in message
    assert "train_dataloader.batch_size" in message
    assert not (tmp_path / "run/run.json").exists()
    smoke = run_tool("train", config, *options, "--smoke")
    assert smoke.returncode == 0, smoke.stderr


def test_a_batch_of_ones_own_beside_it_is_refused(run_tool, make_dataset, make_config):
    override = ("--cfg-options", "train_dataloader.batch_size=8")
    message = refusal(run_tool("train", make_config(make_dataset()), "--auto-batch", *override))
    assert "--auto-batch chooses train_dataloader.batch_size" in message
