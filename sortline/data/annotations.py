"""COCO annotation files: read, check against the config's classes and against the images they list."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError

from sortline.data.table import read_table
from sortline.errors import InputError, Problem, counted, nearest
from sortline.files import missing_part, read_json

CocoJson = dict[str, Any]

EXIF_ORIENTATION = 0x0112
ORIENTATIONS_ON_THE_SIDE = (5, 6, 7, 8)


def read_annotations(path: str | os.PathLike[str]) -> CocoJson:
    """Read a COCO annotation file and check it.

    A file without annotations, such as a test set's, is fine; the key ``annotations`` is then an empty list.

    Returns:
        The file's content with ``images``, ``categories`` and ``annotations`` in the file's order and every
        other key as it was. Ids are unique, every annotation's image and category exist, boxes are
        ``[left, top, width, height]`` in absolute pixels, of positive size and inside their image.

    Raises:
        InputError: The file can't be read or breaks any of the above; all problems together, each naming
            the ids concerned.
    """
    where = str(path)
    data = read_json(path)
    problems = list(check_shape(data, where).values())
    if problems:
        raise InputError(problems)
    data.setdefault("annotations", [])
    problems = [fault.problem for fault in read_table(data, where).faults]
    if problems:
        raise InputError(problems)
    return dict(data)


def check_shape(data: Any, where: str) -> dict[str, Problem]:
    """Check that a parsed file has the lists ``images``, ``categories`` and, but for a test set, ``annotations``.

    Returns:
        What is wrong with each of the three keys that is absent, no list or empty.

    Raises:
        InputError: It isn't even an object.
    """
    if isinstance(data, list):
        if data and isinstance(data[0], dict) and {"image_id", "score"} <= data[0].keys():
            what = "is a list of detections, which looks like a COCO results file, not an annotation file"
        else:
            what = "is not a COCO annotation file: it holds a list, not an object"
        raise InputError(Problem(where, what, "give the file that has 'images' and 'categories'"))
    if not isinstance(data, dict):
        raise InputError(Problem(where, f"is not a COCO annotation file: it holds a {type(data).__name__}"))
    remedy = "a COCO annotation file has the lists 'images', 'categories' and, but for a test set, 'annotations'"
    problems = {}
    for key in ("images", "categories", "annotations"):
        if key not in data:
            if key != "annotations":
                suggestion = nearest(key, map(str, data))
                problems[key] = Problem(where, f"is not COCO: no key {key!r}", suggestion or remedy)
        elif not isinstance(data[key], list):
            problems[key] = Problem(where, f"{key!r} is not a list but a {type(data[key]).__name__}", remedy)
        elif not data[key] and key != "annotations":
            problems[key] = Problem(where, f"{key!r} is an empty list", remedy)
    return problems


def image_rows(annotations: CocoJson) -> dict[int, int]:
    """Map each image id to its row in the file."""
    return {image["id"]: row for row, image in enumerate(annotations["images"])}


def category_names(annotations: CocoJson) -> list[str]:
    """List the category names in the file's order, which is the order of a model's outputs."""
    return [category["name"] for category in annotations["categories"]]


def check_categories(annotations: CocoJson, classes: Sequence[str], where: str) -> list[Problem]:
    """Compare a config's classes with an annotation file's categories, in name and order.

    mmdet drops the boxes of a class whose name the file lacks in silence, so any difference is a problem.

    Args:
        annotations: A file read by :func:`read_annotations`.
        classes: The config's ``metainfo['classes']``.
        where: The config and key that holds the classes, as shown to the user.

    Returns:
        What differs, each with what to write; an empty list if nothing does.
    """
    names = category_names(annotations)
    if list(classes) == names:
        return []
    line = f"write metainfo = dict(classes={_tuple_text(names)})"
    repeated = [name for name, count in Counter(classes).items() if count > 1]
    problems = [Problem(where, f"class {name!r} is listed more than once", "list it once") for name in repeated]
    missing = [name for name in names if name not in classes]
    for extra in (name for name in dict.fromkeys(classes) if name not in names):
        twin = next((name for name in missing if bare_name(name) == bare_name(extra)), None)
        if twin is None:
            remedy = nearest(extra, missing or names) or "remove it, or use the annotation file that has it"
            problems.append(Problem(where, f"class {extra!r} is not in the annotation file", remedy))
        else:
            missing.remove(twin)
            what = f"class {extra!r} is {twin!r} in the annotation file (case or blanks differ)"
            problems.append(Problem(where, what, f"write {twin!r}"))
    if missing:
        listed = counted([repr(name) for name in missing], limit=len(missing))
        problems.append(Problem(where, f"lacks {listed}, which the annotation file has", "add what is missing"))
    if not problems:
        what = f"the classes {_tuple_text(classes)} are in another order than in the annotation file"
        return [Problem(where, what, line)]
    last = problems[-1]
    problems[-1] = Problem(last.where, last.what, f"{last.remedy}; to match the file in name and order, {line}")
    return problems


def bare_name(name: str) -> str:
    """Reduce a name to what is left when case, blanks, hyphens and underscores don't count."""
    return "".join(letter for letter in name.casefold() if letter not in " \t\n-_")


def _tuple_text(names: Sequence[str]) -> str:
    return repr(tuple(names))


def check_images(annotations: CocoJson, image_root: str | os.PathLike[str], where: str) -> list[Problem]:
    """Check that every listed image exists, opens, is complete and has the size that the file gives.

    Of JPEG and PNG only the header and the end are read: thousands of photos take seconds.

    Args:
        annotations: A file read by :func:`read_annotations`.
        image_root: Folder that the ``file_name`` entries start from.
        where: The annotation file, as shown to the user.

    Returns:
        One problem a kind, each naming the first images and counting the others.
    """
    root = Path(image_root)
    if not root.is_dir():
        return [Problem(where, f"the image folder {str(root)!r} does not exist", missing_part(root))]
    images = annotations["images"]
    with ThreadPoolExecutor(max_workers=8) as pool:
        findings = list(pool.map(lambda image: _check_image(root, image), images))
    by_kind: dict[str, list[str]] = {"absent": [], "unreadable": [], "size": []}
    for finding in findings:
        if finding is not None:
            by_kind[finding[0]].append(finding[1])
    texts = {
        "absent": ("listed but absent", _absent_remedy(root, by_kind["absent"])),
        "unreadable": ("that can't be read", "copy them again or remove them from the annotation file"),
        "size": (
            "of another size than the annotation file says",
            "boxes would be in the wrong place: use the images that were annotated, or turn them upright",
        ),
    }
    problems = []
    for kind, names in by_kind.items():
        if names:
            what = f"{len(names):,} of {len(images):,} images {texts[kind][0]}: {counted(names)}"
            problems.append(Problem(where, what, texts[kind][1]))
    return problems


def _check_image(root: Path, image: dict[str, Any]) -> tuple[str, str] | None:
    """Return the kind of problem and the image's name with the detail, or None if all is well."""
    name = image["file_name"]
    path = root / name
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return "absent", name
    except OSError as error:
        return "unreadable", f"{name} ({error.strerror})"
    if path.is_dir():
        return "unreadable", f"{name} (a folder)"
    if size == 0:
        return "unreadable", f"{name} (empty)"
    try:
        with Image.open(path) as opened:
            width, height = opened.size
            # Looking for EXIF in a PNG would decode all of it.
            exif = opened.getexif() if opened.format != "PNG" else {}
            turned = exif.get(EXIF_ORIENTATION) in ORIENTATIONS_ON_THE_SIDE
            is_complete = COMPLETE.get(opened.format or "")
            if is_complete is None:
                opened.load()  # a format whose end has no mark: only decoding tells
    except UnidentifiedImageError:
        return "unreadable", f"{name} (not an image)"
    # Pillow's readers of damaged headers raise whatever their parsing trips over.
    except Exception as error:
        return "unreadable", f"{name} ({error or type(error).__name__})"
    if is_complete is not None and not is_complete(path):
        return "unreadable", f"{name} (cut short)"
    # OpenCV, and with it mmcv, turns a photo upright as its EXIF entry says before anything sees it.
    seen = (height, width) if turned else (width, height)
    listed = (image["width"], image["height"])
    if seen == listed:
        return None
    detail = f"{seen[0]}x{seen[1]}, listed as {listed[0]}x{listed[1]}"
    return "size", f"{name} ({detail}{', stored on its side with an EXIF orientation' if turned else ''})"


def _absent_remedy(root: Path, absent: list[str]) -> str:
    """Say where the images are instead if that is a folder up or down, else which part of the path is missing."""
    if not absent:
        return ""
    name = absent[0]
    parts = Path(name).parts
    if (root.parent / name).is_file():
        return f"file_name already begins with {parts[0]!r}: set the image folder to {str(root.parent)!r}"
    if len(parts) > 1 and (root / parts[-1]).is_file():
        return f"{parts[-1]!r} lies directly in {str(root)!r}: set the image folder to where {name!r} starts from"
    return missing_part(root / name)


def _jpeg_is_complete(path: Path) -> bool:
    """Tell whether the end marker follows the picture's data; phones may append more behind it."""
    with path.open("rb") as file:
        file.seek(-2, os.SEEK_END)
        if file.read(2) == b"\xff\xd9":
            return True
        file.seek(0)
        data = file.read()
    # Segments before the picture, such as EXIF with its own small JPEG, are skipped by their lengths; within
    # the picture's data a byte FF is always followed by 00 or a restart marker, so FFD9 can only be its end.
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF and data[position + 1] != 0xDA:
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return b"\xff\xd9" in data[position:]


def _png_is_complete(path: Path) -> bool:
    """Tell whether the end chunk is there; it may have other data behind it."""
    with path.open("rb") as file:
        file.seek(-8, os.SEEK_END)
        return file.read(4) == b"IEND" or (file.seek(0) == 0 and b"IEND" in file.read())


COMPLETE: dict[str, Callable[[Path], bool]] = {
    "JPEG": _jpeg_is_complete,
    "MPO": _jpeg_is_complete,
    "PNG": _png_is_complete,
}
