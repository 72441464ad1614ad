"""Write a plan's files: all checks first, then everything into a temporary folder, then renamed into place."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from sortline.data.formats.base import Findings, Plan
from sortline.data.photo_files import absent_photos
from sortline.errors import counted
from sortline.files import umask
from sortline.progress import track

COPY, LINK, NONE = "copy", "link", "none"
IMAGE_MODES = (COPY, LINK, NONE)


def check_plan(plan: Plan, images: str, sources: Collection[Path], overwrite: bool) -> None:
    """Check that a plan can be written.

    Args:
        plan: What is to be written.
        images: One of :data:`IMAGE_MODES`.
        sources: Annotation files that were read, which must stay as they are.
        overwrite: Whether other existing files may be replaced.

    Raises:
        InputError: A place leads out of the folder or is taken twice, a photo is missing, a file exists, or
            a file of the source would be replaced; all together.
    """
    findings = Findings(plan.root)
    if plan.root.exists() and not plan.root.is_dir():
        findings.add("is a file where a folder is needed", plan.root)
    photos = {} if images == NONE else plan.photos
    check_places([*plan.texts, *photos], plan.root, findings)
    for place in plan.clashes:
        findings.add("two files for one place", plan.root / place, remedy="write the splits into folders of their own")
    missing = absent_photos("", map(str, photos.values()))
    if missing:
        remedy = "--image-root says where file_name starts, --images none leaves the photos out"
        findings.add(f"{len(missing):,} of {len(photos):,} photos are missing", counted(missing), remedy=remedy)
    _check_targets([*plan.texts, *photos], plan, sources, overwrite, findings)
    findings.check()


def _check_targets(
    places: Collection[str], plan: Plan, sources: Collection[Path], overwrite: bool, findings: Findings
) -> None:
    """Report what exists already, and what is the source's own whether it may be replaced or not."""
    taken = [place for place in places if os.path.lexists(plan.root / place)]
    own = {path.resolve() for path in (*sources, *plan.photos.values())} if taken else set()
    for place in taken:
        target = plan.root / place
        if target.is_dir():
            findings.add("a folder where a file is to be written", target)
        elif not target.is_symlink() and target.resolve() in own:
            findings.add("a file of the source would be replaced", target, remedy="choose another --out")
        elif not overwrite and place not in plan.shared:
            findings.add("exists already", target, remedy="choose another --out, or add --overwrite")


def check_places(file_names: Iterable[str], where: object, findings: Findings) -> None:
    """Report file names that lead out of the folder they are put in, or that name one place twice."""
    seen: dict[PurePosixPath, str] = {}
    for name in file_names:
        place = PurePosixPath(name)
        if place.is_absolute() or ".." in place.parts or not place.name:
            remedy = "--image-root and relative file names keep photos in the dataset's folder"
            findings.add("a file_name that leads out of the folder", where, repr(name), remedy)
        elif place in seen:
            findings.add("two names for one place", where, f"{seen[place]!r} and {name!r}", "list the image once")
        seen.setdefault(place, name)


def write_plan(plan: Plan, images: str) -> None:
    """Write a checked plan.

    A folder that is new appears whole or not at all. Into one that exists, complete files are moved one by
    one, those that list others last.

    Raises:
        OSError: The disk is full, or the folder may not be written to.
    """
    photos = {} if images == NONE else plan.photos
    with _staging_folder(plan.root) as staging:
        for place, source in track(photos.items(), "copying photos" if images == COPY else "linking photos"):
            target = _made(staging / place)
            if images == LINK:
                target.symlink_to(source.resolve())
            else:
                shutil.copyfile(source, target)
        for place, text in track(plan.texts.items(), "writing annotations"):
            with open(_made(staging / place), "w", encoding="utf-8", newline="") as file:
                file.write(text)
        # One flush for all before anything takes its name: a flush a file takes ten times as long for 5,000 files.
        os.sync()
        if not plan.root.exists():
            os.rename(staging, plan.root)
            return
        for place in (*photos, *plan.texts):
            os.replace(staging / place, _made(plan.root / place))


@contextmanager
def _staging_folder(root: Path) -> Iterator[Path]:
    """Make a folder on the same disk: in ``root``, or beside it if it is new. It is gone afterwards unless renamed."""
    parent = root if root.is_dir() else root.absolute().parent
    parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(dir=parent, prefix=".convert.", suffix=".tmp"))
    staging.chmod(0o777 & ~umask())
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _made(path: Path) -> Path:
    """Make the folder of a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
