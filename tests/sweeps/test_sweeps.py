"""Every sweep's command is one that train.py takes, expanded by wandb's own agent."""

import contextlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from helpers import ROOT, coco, write_folds

SWEEPS = sorted((ROOT / "sweeps").glob("*.yaml"))


def chosen(parameter: dict[str, Any]) -> Any:
    """Return a value that a sweep may choose."""
    return parameter["values"][-1] if "values" in parameter else (parameter["min"] + parameter["max"]) / 2


def agent_command(
    sweep: dict[str, Any], monkeypatch: pytest.MonkeyPatch, folder: Any
) -> tuple[list[str], dict[str, str]]:
    """Return the command and environment that wandb's agent would start the first run with."""
    from wandb import wandb_agent

    started = []
    monkeypatch.setattr(wandb_agent, "AgentProcess", lambda command, env, **_: started.append((command, env)))
    for name, value in {"WANDB_SWEEP_ID": "k3j2h1g0", "WANDB_DIR": str(folder)}.items():
        monkeypatch.setenv(name, value)
    for name in ("WANDB_RUN_ID", "WANDB_SWEEP_PARAM_PATH"):  # set by the agent in its own process
        monkeypatch.setenv(name, "")
    agent = SimpleNamespace(
        _sweep_command=sweep["command"], _in_jupyter=False, _function=None, _run_processes={}, _forward_signals=False
    )
    arguments = {name: {"value": chosen(parameter)} for name, parameter in sweep["parameters"].items()}
    command = {"program": sweep["program"], "args": arguments, "run_id": "a1b2c3d4"}
    with contextlib.suppress(AttributeError):  # it goes on to mark the process, which is none here
        wandb_agent.Agent._command_run(agent, command)
    ((words, env),) = started
    return words, env


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.stem)
def test_a_sweep_is_sound(path):
    sweep = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert sweep["metric"] == {"name": "contest/mAP50", "goal": "maximize"}
    assert sweep["early_terminate"]["type"] == "hyperband"
    assert (ROOT / sweep["program"]).is_file()
    assert [word for word in sweep["command"] if word.startswith("configs/") and not (ROOT / word).is_file()] == []


@pytest.fixture
def dataset(make_dataset):
    data = make_dataset()
    write_folds(data, coco(images=6))
    return data


@pytest.mark.mm
@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.stem)
def test_the_agents_command_is_taken_and_has_a_folder_of_its_own(path, dataset, tmp_path, monkeypatch):
    from _options import request_of
    from train import parse_args

    from sortline.pipeline.prepare import check_training_run, draft_run

    sweep = yaml.safe_load(path.read_text(encoding="utf-8"))
    words, env = agent_command(sweep, monkeypatch, tmp_path)
    assert words[:3] == ["/usr/bin/env", "python", sweep["program"]]
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("WANDB_RUN_ID", env["WANDB_RUN_ID"])
    args = parse_args(["--data-root", str(dataset), *words[3:]])
    cfg = check_training_run(draft_run(request_of(args)), split_dir=tmp_path / "split").cfg
    folder = Path("work_dirs") / Path(args.config).stem / "sweep_k3j2h1g0/a1b2c3d4"
    assert Path(cfg.work_dir) == (folder if args.fold is None else folder / f"fold_{args.fold}")
    assert cfg.optim_wrapper.optimizer.lr == chosen(sweep["parameters"]["optim_wrapper.optimizer.lr"])


@pytest.mark.mm
@pytest.mark.slow
@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.stem)
def test_the_agents_command_runs(path, dataset, run_tool, tmp_path, monkeypatch):
    words, _ = agent_command(yaml.safe_load(path.read_text(encoding="utf-8")), monkeypatch, tmp_path)
    result = run_tool("train", "--dry-run", "--data-root", dataset, *words[3:], WANDB_SWEEP_PARAM_PATH="")
    assert result.returncode == 0, result.stdout + result.stderr
