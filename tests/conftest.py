"""Shared fixtures: a tiny contest-shaped dataset, a config on it, and tools run as a user runs them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

# Two test processes on two cores: one thread each, set before torch is imported; what tools start inherits it.
os.environ.setdefault("OMP_NUM_THREADS", "1")
import _bootstrap  # noqa: F401
import pytest
from helpers import ROOT
from hypothesis import HealthCheck, settings
from tiny_runs import write_config, write_dataset

# How long an example takes says how busy the cores are, not whether the code is right.
settings.register_profile("sortline", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("sortline")


@pytest.fixture(autouse=True)
def _mmdet_scope(request: pytest.FixtureRequest) -> None:
    """Let tests that build models look types up in mmdet, whichever test ran before."""
    if request.node.get_closest_marker("mm"):
        from mmengine.registry import init_default_scope

        init_default_scope("mmdet")


@pytest.fixture(scope="session", autouse=True)
def _photo_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep what is measured of the tests' photos out of the repository, also where a tool measures it."""
    os.environ["SORTLINE_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def make_dataset(tmp_path: Path) -> Callable[..., Path]:
    """Write a dataset with photos of noise; keyword arguments replace whole files' contents."""
    return lambda images=6, **files: write_dataset(tmp_path / "data", images, **files)


@pytest.fixture
def make_config(tmp_path: Path) -> Callable[..., Path]:
    """Write a config of a very small detector on a dataset; further lines are put at its end."""
    return lambda data, extra="", name="tiny": write_config(tmp_path / f"{name}.py", data, extra)


@pytest.fixture(scope="session")
def run_script() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a script from the repository root as a user would, offline and without a login."""

    def run(script: str, *args: object, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(ROOT / script), *map(str, args)],
            cwd=ROOT,
            env={**os.environ, "WANDB_MODE": "offline", **env},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def run_tool(
    run_script: Callable[..., subprocess.CompletedProcess[str]],
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a tool by its name; see ``run_script``."""
    return lambda name, *args, **env: run_script(f"tools/{name}.py", *args, **env)
