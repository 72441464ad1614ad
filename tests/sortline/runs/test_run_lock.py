"""Two processes never train in one folder, a killed one leaves it free, and nobody's file is harmed."""

import fcntl
import os
import subprocess
import sys

import pytest
from helpers import ROOT

from sortline.errors import InputError
from sortline.runs.run_lock import NAME, sole_user

HOLDER = """
import os, sys, time
from sortline.runs.run_lock import sole_user
with sole_user(sys.argv[1]):
    if os.fork() == 0:  # as a data-loader worker that outlives its parent for some seconds
        os.close(1)
        time.sleep(20)
        os._exit(0)
    print("held", flush=True)
    time.sleep(20)
"""


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
            assert (folder / NAME).is_file()
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
    make(run / NAME, other)
    before = os.lstat(run / NAME)
    with pytest.raises(InputError, match="is not the lock of a run"), sole_user(run):
        pytest.fail("was taken")
    assert other.read_text() == "2048 rows of work\n"
    assert os.path.samestat(os.lstat(run / NAME), before)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["precious.txt", "run"]


def test_a_lock_that_a_killed_run_left_is_taken(tmp_path):
    (tmp_path / NAME).write_text("123456\n")
    with sole_user(tmp_path):
        assert (tmp_path / NAME).read_text() == f"{os.getpid()}\n"
    assert not (tmp_path / NAME).exists()


def test_a_lock_that_is_removed_while_it_is_taken_is_made_again(tmp_path, monkeypatch):
    locked = fcntl.lockf
    calls = []

    def removed_first(*arguments):
        calls.append(arguments)
        if len(calls) == 1:
            (tmp_path / NAME).unlink()
        return locked(*arguments)

    monkeypatch.setattr(fcntl, "lockf", removed_first)
    with sole_user(tmp_path):
        assert (tmp_path / NAME).read_text() == f"{os.getpid()}\n"
    assert len(calls) == 2


def test_a_place_where_no_file_can_be_made_is_an_error_and_no_endless_loop():
    with pytest.raises(FileNotFoundError), sole_user("/proc/self"):
        pass
