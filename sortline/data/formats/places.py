"""File names as places in a folder: which are safe to write, and which would share a file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from sortline.data.formats.base import Findings

# XML can't hold them, and a line break would end a row.
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def check_names(names: Iterable[str], noun: str, where: object, findings: Findings) -> None:
    """Report file or class names that a text format can't hold."""
    for name in names:
        if CONTROL.search(name):
            findings.add(f"a {noun} with control characters", where, repr(name), "rename it")


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


def without_suffix(file_name: str) -> str:
    """Drop the suffix of the last part: ``train/0001.jpg`` gives ``train/0001``."""
    return str(PurePosixPath(file_name).with_suffix(""))
