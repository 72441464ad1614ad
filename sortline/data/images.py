"""Make an annotation file of photos that have none."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError

from sortline.data.annotations import EXIF_ORIENTATION, ORIENTATIONS_ON_THE_SIDE
from sortline.errors import InputError, Problem
from sortline.files import missing_part

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")


def find_images(source: str | os.PathLike[str]) -> list[Path]:
    """List a photo, or all photos below a folder by name.

    Raises:
        InputError: There is no such file or folder, or no photo in it.
    """
    path = Path(source)
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise InputError(Problem(str(path), "no such photo or folder", missing_part(path)))
    found = sorted(item for item in path.rglob("*") if item.suffix.lower() in IMAGE_SUFFIXES)
    if not found:
        raise InputError(Problem(str(path), "holds no photos", f"photos end in {', '.join(IMAGE_SUFFIXES)}"))
    return found


def image_size(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Read width and height in pixels from a photo's header, as loaders see it: turned upright.

    Raises:
        UnidentifiedImageError: The file is not an image.
        OSError: The file can't be read.
    """
    with Image.open(path) as image:
        width, height = image.size
        # Looking for EXIF in a PNG would decode all of it.
        turned = image.format != "PNG" and image.getexif().get(EXIF_ORIENTATION) in ORIENTATIONS_ON_THE_SIDE
        return (height, width) if turned else (width, height)


def describe_images(paths: Sequence[Path], root: Path, classes: Sequence[str]) -> dict[str, Any]:
    """Return a COCO annotation file's content for photos without annotations.

    Args:
        paths: Photos below ``root``.
        root: Folder to which ``file_name`` is relative.
        classes: Names of the categories, ids from 0.

    Raises:
        InputError: Files that are not images; all of them.
    """
    images: list[dict[str, Any]] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            width, height = image_size(path)
        except (UnidentifiedImageError, OSError):
            problems.append(Problem(str(path), "can't be read as an image"))
            continue
        name = path.relative_to(root).as_posix()
        images.append({"id": len(images), "file_name": name, "width": width, "height": height})
    if problems:
        raise InputError(problems)
    categories = [{"id": index, "name": name} for index, name in enumerate(classes)]
    return {"images": images, "categories": categories, "annotations": []}
