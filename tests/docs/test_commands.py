"""Every command in README and docs is run, in the order of the page, on a small dataset in a copy of the repository."""

from __future__ import annotations

import glob
import json
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
LONG = ("data.md", "ensembling.md", "models.md", "runs.md")  # minutes each; README's commands are among the fast tests
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
    for name in (
        "configs",
        "custom_modules",
        "sortline",
        "tests",
        "tools",
        "requirements.txt",
        "requirements",
        "Makefile",
    ):
        (root / name).symlink_to(ROOT / name)
    (root / "data").mkdir()
    shutil.move(data, root / "data" / "recycle")
    (root / "photo.jpg").symlink_to(root / "data/recycle/train/0000.jpg")
    for shift, name in enumerate(("rtmdet_tiny_cspnext-pafpn-640_20e_recycle", "atss_r50_fpn_1x_recycle")):
        for folder in ("", "fold_0", "fold_1"):
            write_predictions(root / "work_dirs" / name / folder, shift)
    return root


def write_predictions(run: Path, shift: int) -> None:
    """Write what a trained and tested run folder holds: two smoke iterations predict hardly any box."""
    (run / "predictions").mkdir(parents=True, exist_ok=True)
    for split, images in (("oof", 6), ("test", 3)):
        rows = [
            {
                "image_id": image,
                "category_id": (image + wrong) % 3,
                "bbox": [4.0 + image % 7 + shift, 5.0 + wrong, 30.0, 20.0],
                "score": 0.9 - 0.5 * wrong - 0.1 * shift - 0.01 * image,
            }
            for image in range(images)
            for wrong in (0, 1)
        ]
        (run / "predictions" / f"{split}.bbox.json").write_text(json.dumps(rows))
    lines = [f"0 0.{9 - shift} {4 + shift} 5 34 25,test/{image:04}.jpg" for image in range(3)]
    (run / "submission.csv").write_text("\n".join(["PredictionString,image_id", *lines]) + "\n")


def run_small(arguments: list[str], sandbox: Path) -> subprocess.CompletedProcess[str]:
    """Run one tool; those that run a model get ``--smoke``, in the run folder that the page names, and two folds."""
    extra: list[str] = []
    # what a shell would do with a pattern
    found = [sorted(glob.glob(argument, root_dir=sandbox)) or [argument] for argument in arguments]
    arguments = [argument for group in found for argument in group]
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
@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=[pytest.mark.slow] if page.name in LONG else []) for page in PAGES],
    ids=lambda page: page.name,
)
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
