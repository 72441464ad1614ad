"""The code of a run can be brought back from its commit and patch, and the repository is left as it was."""

import os
import shutil
import subprocess
from dataclasses import replace

import pytest

from sortline.runs import git_state
from sortline.runs.git_state import GitState, differing_files, keep_code, read_code


def git(root, *arguments):
    identity = {
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@b",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@b",
    }
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **identity}).stdout


@pytest.fixture
def root(tmp_path):
    """A repository with one commit."""
    folder = tmp_path / "repo"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch", "main")
    (folder / "net.py").write_text("width = 1\n")
    (folder / "gone.py").write_text("old\n")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "first")
    return folder


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    return folder


def change(root):
    """Edit, remove, add; the last file is no code."""
    (root / "net.py").write_text("width = 2\n")
    (root / "gone.py").unlink()
    (root / "new file.py").write_text("é = 1")
    (root / "photo.json").write_text("{}")


def test_a_clean_state_needs_no_patch(root, run):
    state = keep_code(run, root)
    assert state == GitState(git(root, "rev-parse", "HEAD").strip(), "main", dirty=False)
    assert list(run.iterdir()) == []
    assert differing_files(state, run, root) == []


def test_commit_and_patch_bring_the_code_back(root, run, tmp_path):
    change(root)
    before = git(root, "status", "--porcelain"), (root / ".git/index").read_bytes()
    state = keep_code(run, root)
    assert (git(root, "status", "--porcelain"), (root / ".git/index").read_bytes()) == before
    assert state.dirty
    assert state.left_out == []
    again = tmp_path / "again"
    git(tmp_path, "clone", "--quiet", str(root), str(again))
    git(again, "apply", str(run / state.diff_file))
    assert (again / "net.py").read_text() == "width = 2\n"
    assert (again / "new file.py").read_text() == "é = 1"
    assert not (again / "gone.py").exists()
    assert not (again / "photo.json").exists()
    assert differing_files(state, run, again) == []
    assert differing_files(state, run, root) == []


def test_the_same_code_committed_since_is_the_same(root, run):
    change(root)
    state = keep_code(run, root)
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "second")
    assert read_code(root)[0].commit != state.commit
    assert differing_files(state, run, root) == []


def test_what_differs_since_is_listed(root, run):
    change(root)
    state = keep_code(run, root)
    objects = sorted((root / ".git/objects").rglob("*"))
    (root / "net.py").write_text("width = 3\n")
    (root / "more.py").write_text("")
    assert differing_files(state, run, root) == ["more.py", "net.py"]
    assert sorted((root / ".git/objects").rglob("*")) == objects


def test_a_lost_patch_or_commit_is_not_known(root, run):
    change(root)
    state = keep_code(run, root)
    (run / state.diff_file).unlink()
    assert differing_files(state, run, root) is None
    assert differing_files(GitState("0" * 40), run, root) is None
    assert differing_files(GitState(), run, root) is None


@pytest.mark.parametrize("commit", ["--index-output={victim}", "HEAD", "main", "HEAD --index-output={victim}", "-"])
def test_a_commit_that_is_no_hash_reaches_no_git(root, run, tmp_path, monkeypatch, commit):
    victim = tmp_path / "victim.txt"
    victim.write_text("mine")
    monkeypatch.setattr(git_state, "_git", lambda *args, **variables: pytest.fail("git was called"))
    assert differing_files(GitState(commit.format(victim=victim)), run, root) is None
    assert victim.read_text() == "mine"


def test_a_patch_is_looked_for_in_the_run_folder_only(root, run):
    change(root)
    state = keep_code(run, root)
    other = run.parent / "other"
    other.mkdir()
    for name in (f"../run/{state.diff_file}", str(run / state.diff_file)):
        assert differing_files(replace(state, diff_file=name), other, root) is None


def test_large_files_are_left_out_and_named(root, run):
    (root / "net.py").write_text("x" * (git_state.MAX_FILE + 1))
    (root / "new.py").write_text("y = 1\n")
    state = keep_code(run, root)
    assert state.left_out == ["net.py"]
    assert "net.py" not in (run / state.diff_file).read_text()
    assert "+y = 1" in (run / state.diff_file).read_text()
    assert differing_files(state, run, root) == ["net.py"]


def test_no_secret_gets_into_the_patch(root, run):
    (root / "net.py").write_text('api_key = "s3cret"\n')
    text = (run / keep_code(run, root).diff_file).read_text()
    assert "s3cret" not in text
    assert '+api_key = "(hidden)"' in text


def test_the_user_s_own_settings_of_git_change_nothing(root, run):
    change(root)
    plain = read_code(root)
    for key, value in (("diff.noprefix", "true"), ("color.ui", "always"), ("diff.external", "false")):
        git(root, "config", key, value)
    assert read_code(root) == plain


def test_without_repository_commit_or_git_nothing_is_known(root, run, tmp_path, monkeypatch):
    assert read_code(run) == (GitState(), b"")
    shutil.rmtree(root / ".git")
    git(root, "init", "--quiet")
    assert read_code(root) == (GitState(), b"")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read_code(root) == (GitState(), b"")


def test_a_git_that_does_not_answer_holds_nothing_up(root, tmp_path, monkeypatch):
    (tmp_path / "git").write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(git_state, "TIMEOUT", 0.2)
    assert read_code(root) == (GitState(), b"")
