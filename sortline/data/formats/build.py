"""Images and boxes of a foreign format, put together as COCO."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sortline.data.annotations import CocoJson
from sortline.data.coco_table import BORDER_TOLERANCE
from sortline.data.formats.base import Findings, check_names
from sortline.data.formats.decimals import box_area
from sortline.data.photos import PhotoError, view_photos
from sortline.errors import InputError, Problem, counted, nearest
from sortline.files import read_text

CLASS_LISTS = ("classes.txt", "labels.txt")


class Builder:
    """Collects one split's images and boxes; ids count from 0 in the order of adding.

    Args:
        findings: Takes what is wrong with them.
    """

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.images: dict[str, dict[str, Any]] = {}
        self.boxes: list[tuple[str, str, dict[str, Any]]] = []

    def add_image(self, file_name: str, size_wh: tuple[int, int], where: object) -> dict[str, Any]:
        """Add an image, or return it if it is there with the same size."""
        image = self.images.get(file_name)
        if image is None:
            width, height = size_wh
            image = {"id": len(self.images), "file_name": file_name, "width": width, "height": height}
            self.images[file_name] = image
            if width <= 0 or height <= 0:
                self.findings.add("an image size that is not positive", where, f"{width}x{height}")
        elif (image["width"], image["height"]) != size_wh:
            first = f"{image['width']}x{image['height']}"
            self.findings.add("two sizes for one image", where, f"{file_name} is {first} and {size_wh[0]}x{size_wh[1]}")
        return image

    def add_box(self, image: dict[str, Any], name: str, bbox_xywh: Sequence[float], where: object, **keys: Any) -> None:
        """Add a box.

        Args:
            image: Entry of its image.
            name: Its class.
            bbox_xywh: Left, top, width, height in pixels.
            where: File and line, for messages.
            **keys: Other annotation keys; ``area`` and ``iscrowd`` have defaults.
        """
        left, top, width, height = bbox_xywh
        if width <= 0 or height <= 0:
            self.findings.add("a box without area", where, f"{width:g}x{height:g} px")
            return
        right, bottom = left + width, top + height
        inside = left >= -BORDER_TOLERANCE and top >= -BORDER_TOLERANCE
        inside = inside and right <= image["width"] + BORDER_TOLERANCE and bottom <= image["height"] + BORDER_TOLERANCE
        if not inside:
            corners = f"{left:g},{top:g} to {right:g},{bottom:g} of {image['width']}x{image['height']}"
            self.findings.add(f"a box more than {BORDER_TOLERANCE:g} px outside the image", where, corners)
        entry = {"image_id": image["id"], "bbox": list(bbox_xywh), "area": box_area(width, height), "iscrowd": 0}
        self.boxes.append((name, str(where), {**entry, **keys}))

    def class_names(self) -> list[str]:
        """Return the boxes' classes by name."""
        return sorted({name for name, _, _ in self.boxes})

    def finish(self, classes: Sequence[str], where: str) -> CocoJson:
        """Return COCO content with the classes in the order given, ids from 0; it is sound if there are no findings."""
        ids = {name: index for index, name in enumerate(classes)}
        unknown: dict[str, str] = {}
        annotations: list[dict[str, Any]] = []
        for name, place, box in self.boxes:
            if name in ids:
                annotations.append({"id": len(annotations), "category_id": ids[name], **box})
            else:
                unknown.setdefault(name, place)
        for name, place in unknown.items():
            remedy = nearest(name, classes) or f"the classes are {counted(classes, limit=20)}"
            self.findings.add("a class that the list of classes lacks", place, repr(name), remedy)
        check_names(classes, "class name", where, self.findings)
        check_names(self.images, "file_name", where, self.findings)
        if not self.images:
            self.findings.add("holds no images", where)
        if not ids:
            self.findings.add("has no boxes and no list of classes", where, remedy="name the classes with --classes")
        categories = [{"id": index, "name": name} for name, index in ids.items()]
        return {"images": list(self.images.values()), "categories": categories, "annotations": annotations}


def read_sizes(paths: Sequence[Path], findings: Findings) -> list[tuple[int, int]]:
    """Return the widths and heights in pixels that a training run loads photos with.

    A photo that is absent or can't be loaded is reported and gets the size 1x1.
    """
    sizes = []
    for path, view in zip(paths, view_photos(paths, "reading photo sizes"), strict=True):
        if isinstance(view, PhotoError):
            # False, too, for a name that no file can have.
            kind, seen = ("a photo that can't be read", str(view)) if os.path.isfile(path) else ("a missing photo", "")
            findings.add(kind, path, seen, "its size is needed: bring the photo, or say where it is with --image-root")
        sizes.append((1, 1) if isinstance(view, PhotoError) else view.size_wh)
    return sizes


def class_order(given: Sequence[str] | None, folder: Path, used: Sequence[str]) -> tuple[list[str], str]:
    """Find the order of classes for a format that keeps none.

    Args:
        given: The user's list, which wins.
        folder: Folder in which ``classes.txt`` may lie.
        used: Classes that have boxes, by name.

    Returns:
        The classes, and a line that says where their order is from; empty when the user gave it.

    Raises:
        InputError: A class is listed twice.
    """
    where, note = "--classes", ""
    classes = list(given) if given is not None else None
    if classes is None:
        path = next((folder / name for name in CLASS_LISTS if (folder / name).is_file()), None)
        if path is None:
            return list(
                used
            ), f"classes in the order of their names, as there is no classes.txt: {counted(used, 20)}"
        where, note = str(path), f"classes in the order of {path}"
        classes = [line for line in read_text(path).split("\n") if line.strip()]
    if not all(name.strip() for name in classes):
        raise InputError(Problem(where, "a class without a name", "separate the names by single commas"))
    repeated = sorted({name for name in classes if classes.count(name) > 1})
    if repeated:
        raise InputError(Problem(where, f"a class is listed more than once: {counted(repeated)}", "list it once"))
    return classes, note


def class_list_text(names: Sequence[str]) -> str:
    """Return the content of ``classes.txt``."""
    return "".join(f"{name}\n" for name in names)


def check_shared_classes(root: Path, names: Sequence[str], overwrite: bool) -> None:
    """Check that ``classes.txt`` in ``root``, if there is one, lists the same classes.

    Raises:
        InputError: It lists others.
    """
    path = root / CLASS_LISTS[0]
    if overwrite or not path.is_file():
        return
    listed = [line for line in read_text(path).split("\n") if line.strip()]
    if listed != list(names):
        what = f"lists other classes: {counted(listed, 20)}; these are {counted(names, 20)}"
        raise InputError(Problem(str(path), what, "choose another --out; --rename or --keep-classes make them agree"))
