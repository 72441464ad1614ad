"""List, fetch and bring in pretrained weights through the command line."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from file_server import serving
from helpers import refusal

pytestmark = pytest.mark.mm

CONTENT = b"\x80\x02weights"
NAME = f"net-{hashlib.sha256(CONTENT).hexdigest()[:8]}.pth"
NOWHERE = f"https://no-such-host.invalid/{NAME}"


def starting_from(make_config, make_dataset, url: str) -> Path:
    init_cfg = f'dict(type="Pretrained", checkpoint="{url}")'
    return make_config(make_dataset(), f'model["backbone"]["init_cfg"] = {init_cfg}\n')


@pytest.mark.slow
def test_list_carry_and_bring_in(run_tool, make_dataset, make_config, tmp_path):
    config = starting_from(make_config, make_dataset, NOWHERE)
    home = str(tmp_path / "torch")
    target = tmp_path / "torch/hub/checkpoints" / NAME
    listed = run_tool("pretrained", config, "--list-urls", TORCH_HOME=home)
    assert listed.returncode == 0, listed.stderr
    assert listed.stdout == f"{NOWHERE}\t{target}\n"
    assert f"python tools/pretrained.py {config} --from weights" in listed.stderr
    assert NOWHERE in refusal(run_tool("pretrained", config, "--fetch", TORCH_HOME=home))
    weights = tmp_path / "weights"
    assert "no such folder" in refusal(run_tool("pretrained", config, "--from", weights, TORCH_HOME=home))
    weights.mkdir()
    (weights / NAME).write_bytes(CONTENT + b"?")
    assert "is damaged" in refusal(run_tool("pretrained", config, "--from", weights, TORCH_HOME=home))
    assert not target.exists()
    (weights / NAME).write_bytes(CONTENT)
    brought = run_tool("pretrained", config, "--from", weights, TORCH_HOME=home)
    assert brought.returncode == 0, brought.stderr
    assert target.read_bytes() == CONTENT


def test_fetch_into_a_folder_then_list(run_tool, make_dataset, make_config, tmp_path):
    with serving(CONTENT) as server:
        config = starting_from(make_config, make_dataset, server.url(NAME))
        fetched = run_tool("pretrained", config, "--fetch", "--cache", tmp_path / "cache")
        assert fetched.returncode == 0, fetched.stderr
        assert fetched.stdout.split() == [str(tmp_path / "cache" / NAME)]
        listed = run_tool("pretrained", config, config, "--cache", tmp_path / "cache", COLUMNS="200")
    assert NAME in listed.stdout
    assert f"{len(CONTENT)} bytes" in listed.stdout
    assert "all of them are here" in listed.stdout


def test_training_without_the_weights_stops_before_anything_is_written(run_tool, make_dataset, make_config, tmp_path):
    config = starting_from(make_config, make_dataset, NOWHERE)
    home = str(tmp_path / "torch")
    run = tmp_path / "run"
    message = refusal(run_tool("train", config, "--work-dir", run, TORCH_HOME=home))
    assert f"{NOWHERE} belongs at {home}/hub/checkpoints/{NAME}" in message
    assert "--from-scratch" in message
    assert not (run / "run.json").exists()
    planned = run_tool("train", config, "--work-dir", run, "--dry-run", TORCH_HOME=home)
    assert planned.returncode == 0, planned.stderr
    assert NOWHERE in planned.stdout
    options = ["--work-dir", run, "--from-scratch"]
    trained = run_tool("train", config, *options, TORCH_HOME=home)
    assert trained.returncode == 0, trained.stderr
    assert "RANDOM weights" in trained.stdout + trained.stderr


@pytest.mark.slow
def test_init_cfg_none_on_the_command_line_passes_the_checks(run_tool, make_dataset, make_config, tmp_path):
    config = starting_from(make_config, make_dataset, NOWHERE)
    listed = run_tool("pretrained", config, "--cfg-options", "model.backbone.init_cfg=None")
    assert "nothing to download" in listed.stdout
    options = ["--cfg-options", "model.backbone.init_cfg=None", "--dry-run"]
    planned = run_tool("train", config, "--work-dir", tmp_path / "run", *options)
    assert planned.returncode == 0, planned.stderr
    assert NOWHERE not in planned.stdout
