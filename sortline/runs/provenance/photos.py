"""A quick fingerprint of an annotation file's photos."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable

from sortline.files import read_json
from sortline.runs.provenance.parts import Photos

ABSENT = -1


def describe_photos(ann_file: str | os.PathLike[str], folder: str | os.PathLike[str]) -> Photos:
    """Describe the photos that a COCO annotation file lists by their names and sizes, not by their content.

    Args:
        ann_file: The annotation file.
        folder: Folder that its file names are relative to.

    Raises:
        InputError: The annotation file can't be read.
    """
    return fingerprint(folder, (image["file_name"] for image in read_json(ann_file, quick=True)["images"]))


def fingerprint(folder: str | os.PathLike[str], names: Iterable[str]) -> Photos:
    """Describe photos by their names and sizes, in whichever order they come."""
    digest = hashlib.sha256()
    count = total = 0
    for name in sorted(names):
        size = _size(os.path.join(folder, name))
        digest.update(f"{name}\t{size}\n".encode("utf-8", "surrogatepass"))
        count, total = count + 1, total + max(size, 0)
    return Photos(count, total, digest.hexdigest())


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return ABSENT
