"""Every command in README and docs is run, in the order of the page, on a small dataset in a copy of the repository."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
MODEL_TOOLS = {"train.py", "test.py", "predict.py", "train_folds.py"}


def commands(page: Path) -> list[str]:
    """List the commands of a page's ``bash`` blocks, continued lines joined, comments left out."""
    blocks = re.findall(r"```bash\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.S)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [line.partition("  #")[0].strip() for line in lines if line.strip() and not line.startswith("#")]


def tool_commands(page: Path) -> list[list[str]]:
    return [shlex.split(line)[1:] for line in commands(page) if line.startswith("python ")]


@pytest.fixture
def sandbox(tmp_path: Path, make_dataset) -> Path:
    """The repository's files beside a small dataset at the place that the pages name."""
    data = make_dataset()
    root = tmp_path / "repo"
    root.mkdir()
    for name in ("configs", "custom_modules", "tools", "requirements.txt", "requirements", "Makefile"):
        (root / name).symlink_to(ROOT / name)
    (root / "data").mkdir()
    shutil.move(data, root / "data" / "recycle")
    (root / "photo.jpg").symlink_to(root / "data/recycle/train/0000.jpg")
    return root


def run_small(arguments: list[str], sandbox: Path) -> subprocess.CompletedProcess[str]:
    """Run one tool; those that run a model get ``--smoke``, in the run folder that the page names, and two folds."""
    extra: list[str] = []
    if Path(arguments[0]).name == "make_folds.py" and "--folds" in arguments:
        arguments = [*arguments, "--folds", "2"]
    if Path(arguments[0]).name in MODEL_TOOLS and "--dry-run" not in arguments:
        extra = ["--smoke", "--work-dir", f"work_dirs/{Path(arguments[1]).stem}"]
    return subprocess.run(
        [sys.executable, *arguments, *extra],
        cwd=sandbox,
        env={**os.environ, "WANDB_MODE": "offline"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.mm
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_tool_commands_run(page: Path, sandbox: Path):
    for arguments in tool_commands(page):
        result = run_small(arguments, sandbox)
        assert result.returncode == 0, f"python {' '.join(arguments)}\n{result.stdout}\n{result.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_make_commands_exist(page: Path):
    for line in commands(page):
        if line.startswith("make "):
            subprocess.run(["make", "-n", *shlex.split(line)[1:]], cwd=ROOT, check=True, capture_output=True)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_is_of_a_kind_that_is_tested(page: Path):
    known = ("python ", "make ", "git clone", "cd ", "pip install", ".venv/bin/pip install", "source ", "MMCV_")
    assert [line for line in commands(page) if not line.startswith(known)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path):
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []
