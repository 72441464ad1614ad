"""The demo data's command line, end to end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from helpers import ROOT, refusal

from sortline.files import read_json


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "tools" / "make_demo_data.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_makes_a_dataset_and_leaves_it_alone_the_second_time(tmp_path: Path) -> None:
    options = ("--train", "8", "--test", "4", "--size", "96", "--seed", "3")
    first = run(tmp_path / "data" / "demo", *options)
    assert first.returncode == 0, first.stderr
    assert "8 train and 4 test photos" in first.stdout
    assert len(read_json(tmp_path / "data" / "demo" / "train.json")["images"]) == 8
    assert len(list((tmp_path / "data" / "demo" / "test").iterdir())) == 4
    second = run(tmp_path / "data" / "demo", *options)
    assert second.returncode == 0
    assert "are there already" in second.stdout


def test_drawing_in_several_processes_works_from_the_command_line(tmp_path: Path) -> None:
    result = run(tmp_path / "demo", "--train", "44", "--test", "8", "--size", "96")
    assert result.returncode == 0, result.stderr
    assert len(list((tmp_path / "demo" / "train").iterdir())) == 44


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--train", "0", "--size", "5"), ("--train: is 0", "--size: is 5", "2 problems")),
        (("--test", "-3"), ("--test: is -3",)),
    ],
)
def test_values_out_of_range_are_refused(tmp_path: Path, options: tuple[str, ...], message: tuple[str, ...]) -> None:
    error = refusal(run(tmp_path / "demo", *options))
    assert all(part in error for part in message)
    assert not (tmp_path / "demo").exists()


def test_a_folder_of_the_users_is_refused(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"x")
    assert "photo.jpg" in refusal(run(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["photo.jpg"]


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "demo").write_text("x")
    assert "is a file" in refusal(run(tmp_path / "demo"))


def test_help_names_the_files_it_makes() -> None:
    result = run("--help")
    assert result.returncode == 0
    assert "test_answers.json" in result.stdout
