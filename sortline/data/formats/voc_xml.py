"""One xml file of Pascal VOC: parsed without trusting it, and printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from sortline.data.formats.base import Findings, own_area
from sortline.data.formats.decimals import corner_texts, exact, parse_decimal, parse_whole, plain
from sortline.errors import InputError
from sortline.files import read_text

CORNERS = ("xmin", "ymin", "xmax", "ymax")
#: Says in our files from which number pixels count.
ORIGIN = "first_pixel"
FLAGS = ("difficult", "truncated", "occluded")
NO_POSE = "Unspecified"


@dataclass(frozen=True)
class XmlBox:
    """One object.

    Attributes:
        where: File and number of the object, for messages.
        name: Its class.
        corners: Left, top, right, bottom as printed.
        keys: Annotation keys that the file sets: ``difficult``, ``truncated``, ``occluded``, ``pose``,
            ``iscrowd``, ``area``.
    """

    where: str
    name: str
    corners: tuple[Decimal, Decimal, Decimal, Decimal]
    keys: dict[str, Any]


@dataclass(frozen=True)
class XmlFile:
    """One file.

    Attributes:
        path: Where it lies.
        file_name: Of the photo, as the file says it.
        size_wh: Width and height in pixels; None if the file does not say.
        origin: Number of the first pixel; None if the file does not say.
        boxes: Its objects.
    """

    path: Path
    file_name: str
    size_wh: tuple[int, int] | None
    origin: int | None
    boxes: list[XmlBox] = field(default_factory=list)


def parse_file(path: Path, findings: Findings) -> XmlFile | None:
    """Read one file; None if it can't be used at all. What is wrong is added to ``findings``."""
    root = _parse(path, findings)
    if root is None:
        return None
    if root.tag != "annotation":
        findings.add("is not Pascal VOC: the outermost element is not <annotation>", path, f"<{root.tag}>")
        return None
    origin = {"0": 0, "1": 1}.get(_text(root, ORIGIN))
    name = _text(root, "filename")
    if origin is None:  # not ours: tools on Windows write its separator
        name = name.replace("\\", "/")
    if not name.strip():
        findings.add("no <filename>", path)
        return None
    boxes = [_parse_box(element, f"{path} object {number}", findings) for number, element in enumerate(root.findall("object"), 1)]
    return XmlFile(path, name, _size(root, path, findings), origin, [box for box in boxes if box is not None])


def _parse(path: Path, findings: Findings) -> ElementTree.Element | None:
    """Parse the text. Entities are never expanded: what declares any is refused."""
    try:
        text = read_text(path)
    except InputError as error:
        findings.extend(error.problems)
        return None
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        findings.add("a DOCTYPE, which may declare entities", path, remedy="remove that line: annotations need none")
        return None
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        findings.add("is not XML", f"{path}:{error.position[0]}", str(error))
    except ValueError as error:
        findings.add("is not XML", path, str(error))
    return None


def _text(element: ElementTree.Element, tag: str) -> str:
    """Return a child's text. Blanks count, for they are part of names, but not those of pretty-printing."""
    text = element.findtext(tag) or ""
    return text.strip() if "\n" in text else text


def _size(root: ElementTree.Element, path: Path, findings: Findings) -> tuple[int, int] | None:
    """Read the size; None where it is absent or zero, as some tools leave it."""
    texts = [_text(root, f"size/{key}").strip() for key in ("width", "height")]
    if all(text in ("", "0") for text in texts):
        return None
    width, height = map(parse_whole, texts)
    if width is None or height is None:
        findings.add("a <size> that is not positive whole numbers", path, f"{texts[0]!r}, {texts[1]!r}")
        return None
    return width, height


def _parse_box(element: ElementTree.Element, where: str, findings: Findings) -> XmlBox | None:
    name = _text(element, "name")
    texts = [_text(element, f"bndbox/{key}") for key in CORNERS]
    left, top, right, bottom = map(parse_decimal, texts)
    if not name.strip():
        findings.add("an object without <name>", where)
    if left is None or top is None or right is None or bottom is None:
        findings.add("a <bndbox> that is not four numbers", where, ", ".join(map(repr, texts)))
        return None
    return (
        XmlBox(where, name, (left, top, right, bottom), _parse_keys(element, where, findings)) if name.strip() else None
    )


def _parse_keys(element: ElementTree.Element, where: str, findings: Findings) -> dict[str, Any]:
    """Read what the object says beside class and corners; usual values are left out."""
    keys: dict[str, Any] = {}
    for flag in (*FLAGS, "iscrowd"):
        text = _text(element, flag).strip()
        if text not in ("", "0", "1"):
            findings.add(f"a <{flag}> that is neither 0 nor 1", where, repr(text))
        elif text == "1":
            keys[flag] = 1
    pose = _text(element, "pose")
    if pose not in ("", NO_POSE):
        keys["pose"] = pose
    area = _text(element, "area")
    if area:
        number = parse_decimal(area)
        if number is None:
            findings.add("an <area> that is not a number", where, repr(area))
        else:
            keys["area"] = float(number)
    return keys


def print_file(image: Mapping[str, Any], boxes: Sequence[tuple[str, Mapping[str, Any]]], origin: int) -> str:
    """Print one image's file.

    Args:
        image: The COCO entry.
        boxes: Class and COCO entry of each box.
        origin: Number of the first pixel, 0 or 1.
    """
    root = ElementTree.Element("annotation")
    _add(root, "filename", image["file_name"])
    _add(root, ORIGIN, origin)
    size = ElementTree.SubElement(root, "size")
    for key, value in (("width", image["width"]), ("height", image["height"]), ("depth", 3)):
        _add(size, key, value)
    _add(root, "segmented", 0)
    for name, box in boxes:
        _add_object(root, name, box, origin)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _add_object(root: ElementTree.Element, name: str, box: Mapping[str, Any], origin: int) -> None:
    element = ElementTree.SubElement(root, "object")
    _add(element, "name", name)
    _add(element, "pose", box.get("pose", NO_POSE))
    for flag in FLAGS:
        if flag != "occluded" or flag in box:
            _add(element, flag, int(bool(box.get(flag, 0))))
    if box.get("iscrowd"):
        _add(element, "iscrowd", 1)
    area = own_area(box)
    if area is not None:
        _add(element, "area", plain(exact(area)))
    bndbox = ElementTree.SubElement(element, "bndbox")
    for key, text in zip(CORNERS, corner_texts(box["bbox"], origin), strict=True):
        _add(bndbox, key, text)


def _add(parent: ElementTree.Element, tag: str, value: object) -> None:
    ElementTree.SubElement(parent, tag).text = str(value)
