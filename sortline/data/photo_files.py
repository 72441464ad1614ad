"""Photos on disk: which file belongs to a ``file_name``, and which photos a folder holds. All other modules ask here."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from sortline.data.photos import PhotoError, PhotoView, view_photos
from sortline.errors import InputError, Problem
from sortline.files import missing_part

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")


@dataclass(frozen=True)
class Pairing:
    """Which of the photos that a file lists are there.

    Attributes:
        image_root: Folder that the names start from.
        absent: The names without a file.
        twins: For absent names, the one file that has the name in another form: letters composed another way or of
            another case, ``%20`` for a blank, ``\\`` for ``/``, or behind the folders of another computer. Names for
            which several files would do have none, nor have those whose file is listed under its own name as well.
    """

    image_root: Path
    absent: list[str]
    twins: dict[str, str] = field(default_factory=dict)

    @property
    def remedy(self) -> str:
        """What to do about the absent ones; empty if there are none."""
        if not self.absent:
            return ""
        if self.twins:
            name, twin = next(iter(self.twins.items()))
            return f"{name!r} is there as {twin!r}: tools/check_dataset.py --fix writes such names as they are on disk"
        root, name = self.image_root, self.absent[0]
        parts = Path(name).parts
        if (root.parent / name).is_file():
            return f"file_name already begins with {parts[0]!r}: set the image folder to {str(root.parent)!r}"
        if len(parts) > 1 and (root / parts[-1]).is_file():
            return f"{parts[-1]!r} lies directly in {str(root)!r}: set the image folder to where {name!r} starts from"
        return missing_part(root / name)


def absent_photos(image_root: str | os.PathLike[str], file_names: Iterable[str]) -> list[str]:
    """List the ``file_name`` entries whose file does not exist below ``image_root``."""
    # False, too, for a name that no file can have.
    return [name for name in file_names if not os.path.isfile(os.path.join(image_root, name))]


def pair_photos(image_root: str | os.PathLike[str], file_names: Collection[str]) -> Pairing:
    """Find the files of ``file_name`` entries. Only where some are absent, the folder is searched for their twins."""
    root = Path(image_root)
    absent = absent_photos(root, file_names)
    if not absent or not root.is_dir():
        return Pairing(root, absent)
    by_form = defaultdict(list)
    for path in photos_below(root):
        name = path.relative_to(root).as_posix()
        by_form[_plain_form(name)].append(name)
    twins = {}
    for name in absent:
        form = _plain_form(name)
        # The path of another computer ends with ours.
        is_foreign = "\\" in name or form.startswith("/") or form[1:2] == ":"
        parts = form.split("/")
        ends = ["/".join(parts[start:]) for start in range(len(parts) if is_foreign else 1)]
        found = next((by_form[end] for end in ends if end in by_form), [])
        if len(found) == 1:
            twins[name] = found[0]
    listed, claims = set(file_names), Counter(twins.values())
    twins = {name: twin for name, twin in twins.items() if twin not in listed and claims[twin] == 1}
    return Pairing(root, absent, twins)


def _plain_form(name: str) -> str:
    """Reduce a name to what all its forms have in common."""
    return unicodedata.normalize("NFC", unquote(name.replace("\\", "/"))).casefold()


def files_below(folder: Path, suffixes: Collection[str]) -> list[Path]:
    """List the files in a folder and all below it, by name, without hidden ones such as ``._a.jpg`` of macOS."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in suffixes
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def photos_below(folder: Path) -> list[Path]:
    """List the photos in a folder and all folders below it, by name."""
    return files_below(folder, IMAGE_SUFFIXES)


def find_photos(source: str | os.PathLike[str]) -> list[Path]:
    """List a photo, or all photos below a folder by name.

    Raises:
        InputError: There is no such file or folder, or no photo in it.
    """
    path = Path(source)
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise InputError(Problem(str(path), "no such photo or folder", missing_part(path)))
    found = photos_below(path)
    if not found:
        raise InputError(Problem(str(path), "holds no photos", f"photos end in {', '.join(IMAGE_SUFFIXES)}"))
    return found


def describe_photos(paths: Sequence[Path], root: Path, classes: Sequence[str]) -> dict[str, Any]:
    """Return a COCO annotation file's content for photos without annotations.

    Args:
        paths: Photos below ``root``.
        root: Folder to which ``file_name`` is relative.
        classes: Names of the categories, ids from 0.

    Raises:
        InputError: Files that can't be loaded; all of them.
    """
    views = view_photos(paths)
    problems = [
        Problem(str(path), f"can't be read as an image: {view}")
        for path, view in zip(paths, views, strict=True)
        if isinstance(view, PhotoError)
    ]
    if problems:
        raise InputError(problems)
    images = [
        {"id": row, "file_name": path.relative_to(root).as_posix(), "width": view.size_wh[0], "height": view.size_wh[1]}
        for row, (path, view) in enumerate(zip(paths, views, strict=True))
        if isinstance(view, PhotoView)
    ]
    categories = [{"id": index, "name": name} for index, name in enumerate(classes)]
    return {"images": images, "categories": categories, "annotations": []}
