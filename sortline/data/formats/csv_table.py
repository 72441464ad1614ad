"""CSV: a row a box, corners in pixels counted from 0; an image without boxes has a row with empty box columns.

Read are our header and the widespread one of TensorFlow and Roboflow, which says ``filename``. Corners are
exact sums of left and width as printed, so reading back gives the same floats.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sortline.data.annotations import CocoJson, category_names
from sortline.data.formats.base import (
    Findings,
    Format,
    Plan,
    ReadOptions,
    Split,
    WriteOptions,
    named_splits,
    own_area,
    photos_of,
    split_files,
    target_of_split,
)
from sortline.data.formats.build import (
    CLASS_LISTS,
    Builder,
    check_shared_classes,
    class_list_text,
    class_order,
)
from sortline.data.formats.decimals import box_of_corners, corner_texts, exact, parse_decimal, parse_whole, plain
from sortline.errors import InputError, Problem, nearest
from sortline.files import read_text

SUFFIX = ".csv"
CORNERS = ("xmin", "ymin", "xmax", "ymax")
HEADER = ("file_name", "width", "height", "class", *CORNERS)
ALSO = {"filename": "file_name"}

Row = dict[str, str]


def recognises(source: Path) -> bool:
    """Tell whether ``source`` is a CSV file or a folder with ``train.csv`` and the like."""
    return bool(named_splits(source, SUFFIX)) if source.is_dir() else source.suffix.lower() == SUFFIX


def read(source: Path, options: ReadOptions) -> list[Split]:
    """Read a table, or the splits in a folder of them.

    Raises:
        InputError: All that is wrong with the rows, each with its line.
    """
    files = split_files(source, SUFFIX, options.split)
    folder = source if source.is_dir() else source.parent
    findings = Findings(source)
    builders = {name: _read_table(path, findings) for name, path in files.items()}
    used = sorted({name for builder in builders.values() for name in builder.class_names()})
    classes, note = class_order(options.classes, folder, used)
    root = options.image_root or folder
    splits = [
        Split(name, builders[name].finish(classes, str(path)), root, (path,), (note,) if note else ())
        for name, path in files.items()
    ]
    findings.check()
    return splits


def _read_table(path: Path, findings: Findings) -> Builder:
    builder = Builder(findings)
    rows = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    try:
        header = [ALSO.get(name.strip().lower(), name.strip().lower()) for name in next(rows, [])]
        _check_header(header, path)
        for cells in rows:
            where = f"{path}:{rows.line_num}"
            if len(cells) == len(header):
                _read_row(dict(zip(header, cells, strict=True)), where, builder)
            elif cells:
                findings.add(f"a row without {len(header)} columns", where, f"{len(cells)} columns")
    except csv.Error as error:
        findings.add("is not CSV", f"{path}:{rows.line_num}", str(error))
    return builder


def _check_header(header: list[str], path: Path) -> None:
    """Raise unless all columns that are needed are there, each once."""
    remedy = f"the header is {','.join(HEADER)}"
    problems = [
        Problem(str(path), f"no column {name!r} in the header", nearest(name, header) or remedy)
        for name in HEADER
        if name not in header
    ]
    problems += [
        Problem(str(path), f"two columns {name!r} in the header", "remove one")
        for name in sorted({name for name in header if header.count(name) > 1})
    ]
    if problems:
        raise InputError(problems)


def _read_row(row: Row, where: str, builder: Builder) -> None:
    """Add a row's image and its box, if it has one."""
    findings = builder.findings
    if not row["file_name"].strip():
        findings.add("a row without file_name", where)
        return
    sizes = [parse_whole(row[key]) for key in ("width", "height")]
    if None in sizes:
        seen = f"{row['width']!r}, {row['height']!r}"
        findings.add("width or height that is not a positive whole number", where, seen)
    width, height = (size or 1 for size in sizes)
    image = builder.add_image(row["file_name"], (width, height), where)
    if None not in sizes and any(row[key].strip() for key in ("class", *CORNERS)):
        _read_box(row, where, image, builder)


def _read_box(row: Row, where: str, image: dict[str, Any], builder: Builder) -> None:
    findings = builder.findings
    if not row["class"].strip():
        findings.add("a box without class", where, remedy="a row without box has no corners either")
        return
    keys: dict[str, Any] = {}
    corners = [parse_decimal(row[key]) for key in CORNERS]
    left, top, right, bottom = corners
    if left is None or top is None or right is None or bottom is None:
        seen = ", ".join(repr(row[key]) for key in CORNERS)
        findings.add("corners that are not four numbers", where, seen)
        return
    crowd, area = row.get("iscrowd", ""), row.get("area", "")
    if crowd.strip() not in ("", "0", "1"):
        findings.add("an iscrowd that is neither 0 nor 1", where, repr(crowd))
    elif crowd.strip():
        keys["iscrowd"] = int(crowd)
    if area.strip():
        number = parse_decimal(area)
        if number is None:
            findings.add("an area that is not a number", where, repr(area))
        else:
            keys["area"] = float(number)
    builder.add_box(image, row["class"], box_of_corners(left, top, right, bottom), where, **keys)


def plan(splits: Sequence[Split], out: Path, options: WriteOptions) -> Plan:
    """Plan ``out`` itself if it ends in ``.csv``, else ``out/train.csv`` and the like, with ``classes.txt`` beside.

    The columns ``iscrowd`` and ``area`` are there when a box needs them.

    Raises:
        InputError: ``classes.txt`` of another dataset lies there.
    """
    root, places = target_of_split(splits, out, SUFFIX)
    names = category_names(splits[0].annotations)
    check_shared_classes(root, names, options.overwrite)
    made = Plan(root, shared={CLASS_LISTS[0]})
    for split in splits:
        made.add_photos(photos_of(split))
        made.add_text(places[split.name], _table_text(split.annotations))
    made.add_text(CLASS_LISTS[0], class_list_text(names))
    return made


def _table_text(annotations: CocoJson) -> str:
    names = {category["id"]: category["name"] for category in annotations["categories"]}
    boxes: dict[int, list[dict[str, Any]]] = {image["id"]: [] for image in annotations["images"]}
    for annotation in annotations["annotations"]:
        boxes[annotation["image_id"]].append(annotation)
    extra = {
        "iscrowd": any(box.get("iscrowd") for box in annotations["annotations"]),
        "area": any(own_area(box) is not None for box in annotations["annotations"]),
    }
    more = [key for key, needed in extra.items() if needed]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*HEADER, *more])
    for image in annotations["images"]:
        start = [image["file_name"], image["width"], image["height"]]
        for box in boxes[image["id"]]:
            writer.writerow([*start, names[box["category_id"]], *corner_texts(box["bbox"]), *_extras(box, more)])
        if not boxes[image["id"]]:
            writer.writerow([*start, *[""] * (1 + len(CORNERS) + len(more))])
    return text.getvalue()


def _extras(box: dict[str, Any], keys: Sequence[str]) -> list[str]:
    area = own_area(box)
    values = {"iscrowd": str(int(box.get("iscrowd", 0))), "area": "" if area is None else plain(exact(area))}
    return [values[key] for key in keys]


CSV = Format("csv", recognises, read, plan, held_keys=frozenset({"iscrowd", "area"}), lists_classes=False)
