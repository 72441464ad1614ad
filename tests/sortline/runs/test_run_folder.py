"""A run is called after its paths; two processes never train in one folder, and nobody's file is harmed."""

import doctest
import fcntl
import os
import re
import subprocess
import sys

import pytest
from helpers import ROOT

from sortline.errors import InputError
from sortline.runs import run_folder
from sortline.runs.run_folder import LOCK, artifact_name, run_identity, sole_user

CONFIG = "configs/rtmdet/rtmdet_s_1x_recycle.py"
HOLDER = """
import os, sys, time
from sortline.runs.run_folder import sole_user
with sole_user(sys.argv[1]):
    if os.fork() == 0:  # as a data-loader worker that outlives its parent for some seconds
        os.close(1)
        time.sleep(20)
        os._exit(0)
    print("held", flush=True)
    time.sleep(20)
"""


def test_examples_hold():
    assert doctest.testmod(run_folder).failed == 0


@pytest.mark.parametrize(
    ("work_dir", "fold", "name", "tags"),
    [
        pytest.param("work_dirs/rtmdet_s_1x_recycle", None, "rtmdet_s_1x_recycle", ["rtmdet", "recycle"], id="plain"),
        pytest.param(
            "/home/me/work_dirs/rtmdet_s_1x_recycle/fold_0",
            0,
            "rtmdet_s_1x_recycle/fold_0",
            ["rtmdet", "recycle", "fold_0"],
            id="fold",
        ),
        pytest.param("/tmp/try", None, "try", ["rtmdet", "recycle"], id="folder-of-the-users"),
        pytest.param("/tmp/try", 3, "try/fold_3", ["rtmdet", "recycle", "fold_3"], id="fold-in-a-users-folder"),
    ],
)
def test_identity_comes_from_the_paths(work_dir, fold, name, tags):
    assert run_identity(CONFIG, work_dir, "train", fold) == {
        "name": name,
        "group": "rtmdet_s_1x_recycle",
        "job_type": "train",
        "tags": tags,
        "dir": work_dir,
    }


def test_family_is_the_folder_also_from_within_it(tmp_path, monkeypatch):
    (tmp_path / "rtmdet").mkdir()
    monkeypatch.chdir(tmp_path / "rtmdet")
    assert run_identity("rtmdet_s_1x_recycle.py", "work_dirs/x", "test")["tags"] == ["rtmdet", "recycle"]


def test_artifacts_have_names_that_wandb_allows():
    names = [artifact_name(run, "model") for run in ("größe 1", "실험", "시험", "x" * 200 + "/fold_2")]
    assert all(re.fullmatch(r"[a-zA-Z0-9_.-]{1,128}", name) for name in names)
    assert len({*names}) == 4
    assert names[-1].endswith("x-fold_2-model")


def test_a_tag_has_the_length_that_wandb_allows():
    long = "x" * 100
    assert run_identity(f"configs/{long}/a_{long}.py", "work_dirs/a", "train")["tags"] == ["x" * 64]


def test_a_held_folder_is_refused_until_its_holder_is_killed(tmp_path):
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        taken = f"process \\(number {holder.pid}\\) is training in this folder"
        with pytest.raises(InputError, match=taken), sole_user(tmp_path):
            pass
        holder.kill()
        holder.wait()
        with sole_user(tmp_path):
            pass


def test_a_refused_start_leaves_no_empty_folder(tmp_path):
    def start(folder):
        with sole_user(folder):
            assert (folder / LOCK).is_file()
            raise ValueError("refused")

    with pytest.raises(ValueError, match="refused"):
        start(tmp_path / "work_dirs" / "a")
    assert list(tmp_path.iterdir()) == []


def test_what_a_run_has_written_and_folders_of_before_stay(tmp_path):
    (tmp_path / "empty").mkdir()
    with sole_user(tmp_path / "empty"), sole_user(tmp_path / "new" / "fold_0"):
        (tmp_path / "new" / "kept").touch()
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == ["empty", "new", "new/kept"]


def link(lock, other):
    lock.symlink_to(other)


def link_to_nothing(lock, other):
    lock.symlink_to(other.with_name("absent"))


def hard_link(lock, other):
    lock.hardlink_to(other)


def named_pipe(lock, other):
    os.mkfifo(lock)


def folder(lock, other):
    lock.mkdir()


@pytest.mark.parametrize("make", [link, link_to_nothing, hard_link, named_pipe, folder])
def test_what_is_no_lock_is_refused_and_left_alone(tmp_path, make):
    other = tmp_path / "precious.txt"
    other.write_text("2048 rows of work\n")
    run = tmp_path / "run"
    run.mkdir()
    make(run / LOCK, other)
    before = os.lstat(run / LOCK)
    with pytest.raises(InputError, match="is not the lock of a run"), sole_user(run):
        pytest.fail("was taken")
    assert other.read_text() == "2048 rows of work\n"
    assert os.path.samestat(os.lstat(run / LOCK), before)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["precious.txt", "run"]


def test_a_lock_that_a_killed_run_left_is_taken(tmp_path):
    (tmp_path / LOCK).write_text("123456\n")
    with sole_user(tmp_path):
        assert (tmp_path / LOCK).read_text() == f"{os.getpid()}\n"
    assert not (tmp_path / LOCK).exists()


def test_a_lock_that_is_removed_while_it_is_taken_is_made_again(tmp_path, monkeypatch):
    locked = fcntl.lockf
    calls = []

    def removed_first(*arguments):
        calls.append(arguments)
        if len(calls) == 1:
            (tmp_path / LOCK).unlink()
        return locked(*arguments)

    monkeypatch.setattr(fcntl, "lockf", removed_first)
    with sole_user(tmp_path):
        assert (tmp_path / LOCK).read_text() == f"{os.getpid()}\n"
    assert len(calls) == 2


def test_a_place_where_no_file_can_be_made_is_an_error_and_no_endless_loop():
    with pytest.raises(FileNotFoundError), sole_user("/proc/self"):
        pass
