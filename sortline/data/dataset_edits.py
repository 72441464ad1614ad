"""Change which images, boxes and classes an annotation file holds: merge, filter, rename, subset.

All functions take COCO content as read by :func:`~sortline.data.annotations.read_annotations`, leave it
as it is and return a new one. Only :func:`merge` gives new ids; the others keep them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from sortline.data.annotations import CocoJson, category_names
from sortline.errors import InputError, Problem, counted, nearest


@dataclass(frozen=True)
class Edits:
    """What to change, in the order in which it is done.

    Attributes:
        match: Patterns of ``file_name``; an image stays if one of them fits.
        rename: New class names by old ones.
        keep: Classes to keep, by their new names; None for all.
        drop: Classes to leave out, by their new names.
        min_size: Least side of a box in pixels.
        drop_empty: Whether to leave out images without boxes.
        max_images: Most images, drawn at random.
        seed: Of the draw.
    """

    match: tuple[str, ...] = ()
    rename: Mapping[str, str] = field(default_factory=dict)
    keep: tuple[str, ...] | None = None
    drop: tuple[str, ...] = ()
    min_size: float = 0.0
    drop_empty: bool = False
    max_images: int | None = None
    seed: int = 0

    def lines(self) -> list[str]:
        """Say what is changed, a line an edit."""
        texts = {
            "match": ", ".join(self.match),
            "rename": ", ".join(f"{old}={new}" for old, new in self.rename.items()),
            "keep-classes": ", ".join(self.keep or ()),
            "drop-classes": ", ".join(self.drop),
            "min-size": f"{self.min_size:g} px" if self.min_size else "",
            "drop-empty": "images without boxes" if self.drop_empty else "",
            "max-images": "" if self.max_images is None else f"{self.max_images}, seed {self.seed}",
        }
        return [f"{name}: {text}" for name, text in texts.items() if text]


def apply_edits(annotations: CocoJson, edits: Edits) -> CocoJson:
    """Do all edits, in the order of :class:`Edits`.

    Raises:
        InputError: A class is unknown, a number is out of range, or no image or class is left.
    """
    edited = annotations
    if edits.match:
        edited = match_images(edited, edits.match)
    edited = rename_classes(edited, edits.rename)
    edited = filter_classes(edited, edits.keep, edits.drop)
    if edits.min_size:
        edited = drop_small(edited, edits.min_size)
    if edits.drop_empty:
        edited = drop_empty(edited)
    if edits.max_images is not None:
        edited = subset(edited, edits.max_images, edits.seed)
    return edited


def merge(parts: Sequence[tuple[str, CocoJson]]) -> CocoJson:
    """Join annotation files. Ids of images, annotations and categories count from 0 again.

    Categories are joined by name, in the order of the first file, then what the next ones add. Licences are
    joined by content. Each image and annotation says in ``source`` which file it is from and in
    ``source_id`` its id there.

    Args:
        parts: Name and content of each file. One file alone is renumbered.

    Returns:
        The joined content; what the files say of themselves in ``info`` is left to the caller.

    Raises:
        InputError: Two files list the same ``file_name``, by which an image is identified.
    """
    _check_distinct(parts)
    categories: dict[str, dict[str, Any]] = {}
    licenses: list[dict[str, Any]] = []
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for source, part in parts:
        for category in part["categories"]:
            categories.setdefault(category["name"], {**category, "id": len(categories)})
        category_ids = {category["id"]: categories[category["name"]]["id"] for category in part["categories"]}
        license_ids = _join_licenses(part, licenses)
        image_ids = {}
        for image in part["images"]:
            image_ids[image["id"]] = len(images)
            entry = {**image, "id": len(images), "source": source, "source_id": image["id"]}
            if type(image.get("license")) in (int, str):
                entry["license"] = license_ids.get(image["license"])
            images.append(entry)
        for annotation in part["annotations"]:
            new_ids = {
                "id": len(annotations),
                "image_id": image_ids[annotation["image_id"]],
                "category_id": category_ids[annotation["category_id"]],
            }
            annotations.append({**annotation, **new_ids, "source": source, "source_id": annotation["id"]})
    lists = {"images": images, "categories": list(categories.values()), "annotations": annotations}
    return {"licenses": licenses, **lists} if licenses else lists


def _check_distinct(parts: Sequence[tuple[str, CocoJson]]) -> None:
    """Raise if a ``file_name`` is in two files."""
    first: dict[str, int] = {}
    repeats: dict[tuple[int, int], list[str]] = {}
    for number, (_, part) in enumerate(parts):
        for image in part["images"]:
            before = first.setdefault(image["file_name"], number)
            if before != number:
                repeats.setdefault((before, number), []).append(image["file_name"])
    remedy = "an image is identified by its file_name: leave it out of one file (--match), or rename the photos"
    problems = [
        Problem(parts[number][0], f"lists images that {parts[before][0]} has too: {counted(names)}", remedy)
        for (before, number), names in repeats.items()
    ]
    if problems:
        raise InputError(problems)


def _join_licenses(part: CocoJson, licenses: list[dict[str, Any]]) -> dict[object, int]:
    """Add a file's licences to ``licenses`` and return their new ids by the old ones."""
    known = {_content(entry): entry["id"] for entry in licenses}
    new_ids: dict[object, int] = {}
    listed = part.get("licenses")
    for entry in listed if isinstance(listed, list) else ():
        if isinstance(entry, dict) and type(entry.get("id")) in (int, str):
            content = _content(entry)
            if content not in known:
                known[content] = len(licenses)
                licenses.append({**entry, "id": len(licenses)})
            new_ids[entry["id"]] = known[content]
    return new_ids


def _content(entry: Mapping[str, Any]) -> str:
    return repr(sorted((key, value) for key, value in entry.items() if key != "id"))


def match_images(annotations: CocoJson, patterns: Sequence[str]) -> CocoJson:
    """Keep the images whose ``file_name`` fits a pattern such as ``train/00*.jpg``; ``*`` stands for ``/`` too.

    Raises:
        InputError: No image fits.
    """
    names = [image["file_name"] for image in annotations["images"]]
    fits = [any(fnmatchcase(name, pattern) for pattern in patterns) for name in names]
    if not any(fits):
        what = f"no file_name fits {counted([repr(pattern) for pattern in patterns])}"
        raise InputError(Problem("--match", what, f"file names look like {names[0]!r}"))
    return _with_images(annotations, [image for image, fit in zip(annotations["images"], fits, strict=True) if fit])


def rename_classes(annotations: CocoJson, renames: Mapping[str, str]) -> CocoJson:
    """Rename classes, all at once. Classes that end with one name become one.

    Such a class has the id and place of the one that was called so before, else of the first.

    Args:
        annotations: COCO content.
        renames: New names by old ones.

    Raises:
        InputError: An old name is not a class, or a new one is empty.
    """
    names = category_names(annotations)
    problems = _unknown(renames, names, "--rename")
    problems += [Problem("--rename", f"{old!r} gets an empty name") for old, new in renames.items() if not new.strip()]
    if problems:
        raise InputError(problems)
    heads: dict[str, dict[str, Any]] = {}
    for category in annotations["categories"]:
        new = renames.get(category["name"], category["name"])
        if new not in heads or category["name"] == new:
            heads[new] = category
    new_ids = {
        category["id"]: heads[renames.get(category["name"], category["name"])]["id"]
        for category in annotations["categories"]
    }
    new_names = {head["id"]: name for name, head in heads.items()}
    categories = [
        {**category, "name": new_names[category["id"]]}
        for category in annotations["categories"]
        if category["id"] in new_names
    ]
    boxes = [{**box, "category_id": new_ids[box["category_id"]]} for box in annotations["annotations"]]
    return {**annotations, "categories": categories, "annotations": boxes}


def filter_classes(annotations: CocoJson, keep: Collection[str] | None = None, drop: Collection[str] = ()) -> CocoJson:
    """Keep or leave out classes with their boxes. Order and ids stay, and images left without boxes too.

    Args:
        annotations: COCO content.
        keep: Classes to keep; None for all.
        drop: Classes to leave out.

    Raises:
        InputError: A name is not a class, or no class is left.
    """
    names = category_names(annotations)
    problems = _unknown(keep or (), names, "--keep-classes") + _unknown(drop, names, "--drop-classes")
    if problems:
        raise InputError(problems)
    kept = [
        category
        for category in annotations["categories"]
        if (keep is None or category["name"] in keep) and category["name"] not in drop
    ]
    if not kept:
        raise InputError(Problem("--drop-classes", "no class is left", f"the classes are {counted(names, 20)}"))
    ids = {category["id"] for category in kept}
    boxes = [box for box in annotations["annotations"] if box["category_id"] in ids]
    return {**annotations, "categories": kept, "annotations": boxes}


def _unknown(wanted: Collection[str], names: Sequence[str], where: str) -> list[Problem]:
    listed = f"the classes are {counted(names, 20)}"
    return [
        Problem(where, f"no class {name!r}", nearest(name, names) or listed) for name in wanted if name not in names
    ]


def drop_small(annotations: CocoJson, min_size: float) -> CocoJson:
    """Leave out boxes with a side shorter than ``min_size`` pixels; their images stay.

    Raises:
        InputError: ``min_size`` is negative.
    """
    if not min_size >= 0:
        raise InputError(Problem("--min-size", f"{min_size} is negative", "give pixels, such as 4"))
    boxes = [box for box in annotations["annotations"] if min(box["bbox"][2:]) >= min_size]
    return {**annotations, "annotations": boxes}


def drop_empty(annotations: CocoJson) -> CocoJson:
    """Leave out images without boxes.

    Raises:
        InputError: None has any.
    """
    with_boxes = {box["image_id"] for box in annotations["annotations"]}
    images = [image for image in annotations["images"] if image["id"] in with_boxes]
    if not images:
        raise InputError(Problem("--drop-empty", "no image is left: none has boxes", "leave it out"))
    return {**annotations, "images": images}


def subset(annotations: CocoJson, max_images: int, seed: int = 0) -> CocoJson:
    """Draw images at random, without repeats, and keep their order.

    Args:
        annotations: COCO content.
        max_images: Most images; a file with fewer stays whole.
        seed: The same file, number and seed give the same images.

    Raises:
        InputError: ``max_images`` is below 1 or the seed below 0.
    """
    problems = []
    if max_images < 1:
        problems.append(Problem("--max-images", f"{max_images} leaves no image", "give 1 or more"))
    if seed < 0:
        problems.append(Problem("--seed", f"{seed} is negative", "give 0 or more"))
    if problems:
        raise InputError(problems)
    images = annotations["images"]
    if max_images >= len(images):
        return annotations
    rows = np.sort(np.random.default_rng(seed).choice(len(images), max_images, replace=False))
    return _with_images(annotations, [images[row] for row in rows])


def _with_images(annotations: CocoJson, images: list[dict[str, Any]]) -> CocoJson:
    """Keep these images and their boxes."""
    ids = {image["id"] for image in images}
    boxes = [box for box in annotations["annotations"] if box["image_id"] in ids]
    return {**annotations, "images": images, "annotations": boxes}


def prefix_file_names(annotations: CocoJson, prefix: str) -> CocoJson:
    """Put a folder before every ``file_name``, which then starts further up."""
    images = [{**image, "file_name": f"{prefix}/{image['file_name']}"} for image in annotations["images"]]
    return {**annotations, "images": images}
