"""Which code a run uses: commit, branch, and a patch of all that differs from the commit."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from sortline.files import atomic_write
from sortline.secrets import hide_in_text

#: Root of this repository, or of a copy of it.
ROOT = Path(__file__).resolve().parents[2]
#: Seconds for one call of git: a repository on a network drive must not hold up a training.
TIMEOUT = 10.0
#: Files that are not tracked count as code by these endings. Others may be data, or hold passwords.
SOURCE_SUFFIXES = (".py", ".pyi", ".c", ".cc", ".cpp", ".cu", ".cuh", ".h", ".hpp")
#: Bytes of a changed file, and of all of them, that the patch takes.
MAX_FILE, MAX_ALL = 2**18, 2**22
#: What a record may name as a commit: git reads other texts as options or as expressions.
COMMIT = re.compile("[0-9a-f]{4,64}")
# Whatever the user's own git is set to do: no colours, no tools, no other prefixes.
DIFF = ("diff", "--no-ext-diff", "--no-textconv", "--no-color", "--src-prefix=a/", "--dst-prefix=b/")


@dataclass(frozen=True)
class GitState:
    """The code that a run used.

    Attributes:
        commit: Hash of the commit; empty where there is no git, no repository or no commit.
        branch: Name of the branch; empty on none.
        dirty: Whether files differed from the commit, new source files included; None where it is not known.
        diff_file: Patch to apply to the commit, beside ``run.json``; empty where there is none.
        diff_sha256: SHA-256 of the patch.
        left_out: Changed files that were too large for the patch.
    """

    commit: str = ""
    branch: str = ""
    dirty: bool | None = None
    diff_file: str = ""
    diff_sha256: str = ""
    left_out: list[str] = field(default_factory=list)


class GitError(Exception):
    """git is not there, took too long or refused."""


def keep_code(folder: str | os.PathLike[str], root: Path = ROOT) -> GitState:
    """Describe the code at ``root``, and write its patch into a run folder, named after its content.

    A run outside of a repository, or on a machine without git, is fine: then nothing is known.

    Raises:
        OSError: The patch can't be written.
    """
    state, patch = read_code(root)
    if patch:
        with atomic_write(Path(folder) / state.diff_file, "wb") as file:
            file.write(patch)
    return state


def read_code(root: Path = ROOT) -> tuple[GitState, bytes]:
    """Describe the code at ``root``; passwords and the like in changed files are hidden.

    Returns:
        Its state, and the patch from its commit to it; empty where nothing differs.
    """
    state = GitState()
    try:
        top, index, commit = _git(root, "rev-parse", "--show-toplevel", "--git-path", "index", "HEAD").splitlines()
        state = replace(state, commit=commit, branch=_branch(root))
        changed = _names(top, *DIFF, "--name-only", "-z", "HEAD", "--")
        added = [name for name in _names(top, "ls-files", "-z", "--others", "--exclude-standard") if _is_source(name)]
        kept, left_out = _within_limits(Path(top), [*changed, *added])
        patch = _patch(top, Path(root) / index, kept, set(added))
    except GitError:
        return state, b""
    digest = hashlib.sha256(patch).hexdigest() if patch else ""
    name = f"code_{digest[:8]}.diff" if patch else ""
    dirty = bool(changed or added)
    return replace(state, dirty=dirty, diff_file=name, diff_sha256=digest, left_out=left_out), patch


def _git(root: str | Path, *arguments: str, **variables: str) -> str:
    """Run git and return what it prints.

    Args:
        root: Folder to run it in.
        *arguments: Its command line.
        **variables: Environment variables to add.

    Raises:
        GitError: It is not there, took too long or refused.
    """
    # No lock, no refreshed index: the repository stays as it is.
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C", **variables}
    command = ["git", "-C", str(root), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT, env=environment, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise GitError(str(error)) from error
    return done.stdout.decode("utf-8", "surrogateescape")


def _names(root: str | Path, *arguments: str, **variables: str) -> list[str]:
    return [name for name in _git(root, *arguments, **variables).split("\0") if name]


def _branch(root: Path) -> str:
    try:
        return _git(root, "symbolic-ref", "--short", "--quiet", "HEAD").strip()
    except GitError:
        return ""


def _is_source(name: str) -> bool:
    return name.endswith(SOURCE_SUFFIXES)


def _within_limits(top: Path, names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Share out changed files: those that the patch takes, and those that are too large for it."""
    kept: list[str] = []
    left_out: list[str] = []
    total = 0
    for name in names:
        path = top / name
        size = path.stat().st_size if path.is_file() else 0
        fits = size <= MAX_FILE and total + size <= MAX_ALL
        total += size if fits else 0
        (kept if fits else left_out).append(name)
    return kept, left_out


def _patch(top: str, index: Path, names: list[str], added: set[str]) -> bytes:
    """Return the patch of some files. New ones are announced in a copy of the index, so that git shows them too."""
    if not names:
        return b""
    paths = [f":(top,literal){name}" for name in names]
    new = [path for path, name in zip(paths, names, strict=True) if name in added]
    with tempfile.TemporaryDirectory() as folder:
        copied = os.path.join(folder, "index")
        if index.is_file():
            shutil.copyfile(index, copied)
        if new:
            _git(top, "add", "--intent-to-add", "--", *new, GIT_INDEX_FILE=copied)
        patch = _git(top, *DIFF, "--binary", "HEAD", "--", *paths, GIT_INDEX_FILE=copied)
    return hide_in_text(patch).encode("utf-8", "surrogateescape")


def differing_files(then: GitState, folder: str | os.PathLike[str], root: Path = ROOT) -> list[str] | None:
    """List the files that differ between the code that a run used and the code at ``root`` as it is now.

    Args:
        then: The run's code.
        folder: Its run folder, which holds the patch.
        root: Where the code is now.

    Returns:
        Names from the repository's top; None where the run's code is not known any more: its commit is not in this
        repository, its patch is not there, or they are called what a run's are not.
    """
    patch = Path(folder) / then.diff_file
    if not COMMIT.fullmatch(then.commit) or (then.diff_file and not (patch.is_file() and patch.name == then.diff_file)):
        return None
    try:
        with tempfile.TemporaryDirectory() as scratch:
            return sorted({*_differing(then, patch, root, Path(scratch)), *then.left_out})
    except GitError:
        return None


def _differing(then: GitState, patch: Path, root: Path, scratch: Path) -> list[str]:
    """Compare the working tree with an index of the code as it was; both index and objects are scratch."""
    top, objects = _git(root, "rev-parse", "--show-toplevel", "--git-path", "objects").splitlines()
    (scratch / "objects").mkdir()
    environment = {
        "GIT_INDEX_FILE": str(scratch / "index"),
        "GIT_OBJECT_DIRECTORY": str(scratch / "objects"),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": str((root / objects).resolve()),
    }
    _git(top, "read-tree", "--", then.commit, **environment)
    if then.diff_file:
        _git(top, "apply", "--cached", "--whitespace=nowarn", "--", str(patch.resolve()), **environment)
    changed = _names(top, *DIFF, "--name-only", "-z", **environment)
    added = _names(top, "ls-files", "-z", "--others", "--exclude-standard", **environment)
    return [*changed, *filter(_is_source, added)]
