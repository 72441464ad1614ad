"""Checks of what an annotation file says beside its boxes: names, categories, areas, flags, numbers of boxes."""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from sortline.arrays import BoolArray
from sortline.data.annotations import bare_name
from sortline.data.check.findings import Finding, Place, Places
from sortline.data.check.source import Source
from sortline.data.coco_table import AnnotationColumns
from sortline.data.json_columns import shown_value
from sortline.errors import counted
from sortline.reports.numbers import some

#: Fewer boxes of a class than this teach little, and one of five folds is left with hardly any to be scored on.
FEW_BOXES = 10
#: An image stands out when it has this many times the boxes that three quarters of the images stay below, ...
MANY_TIMES = 10
#: ... and at least this many; more than COCO_DETECTIONS is always worth a look.
MANY_BOXES = 50
#: COCO's metrics, and most detectors' settings, take this many detections an image.
COCO_DETECTIONS = 100
#: Keys whose values the rules of a sound file are about.
RULED = frozenset({"id", "image_id", "category_id", "width", "height", "area", "iscrowd", "bbox"})


def check_file_names(source: Source) -> Iterator[Finding]:
    """Find names that work on one machine and not on another."""
    names = source.table.images.names
    backslash = "use '/': only Windows takes '\\' for a folder"
    yield from _of_images(source, "file_name-backslash", lambda name: "\\" in name, "with a backslash", backslash)
    relative = "make it relative to the image folder: absolute names end on another machine"
    yield from _of_images(
        source, "file_name-absolute", lambda name: name[:1] in ("/", "\\") or name[1:2] == ":", "with an absolute path", relative
    )
    by_lower = defaultdict(list)
    for row, name in enumerate(names):
        if name:
            by_lower[name.lower()].append(row)
    twins = [rows for rows in by_lower.values() if len({names[row] for row in rows}) > 1]
    if twins:
        place = Places(source.table).image
        places = [place(rows[0], f"and {', '.join(names[row] for row in rows[1:])}") for rows in twins]
        what = f"{some(len(twins), 'file_name')} that differ from others only by case"
        remedy = "rename one of each: on Windows and macOS they are one file"
        yield Finding("file_names-alike", source.path, what, places, remedy)


def _of_images(source: Source, kind: str, is_bad: Callable[[str], bool], what: str, remedy: str) -> Iterator[Finding]:
    place = Places(source.table).image
    places = [place(row) for row, name in enumerate(source.table.images.names) if is_bad(name)]
    if places:
        yield Finding(kind, source.path, f"{some(len(places), 'image')} whose file_name is {what}", places, remedy)


def check_categories(source: Source) -> Iterator[Finding]:
    """Find category names that are easily taken for each other, and classes with few boxes or none."""
    categories = source.table.categories
    place = Places(source.table).category
    by_bare = defaultdict(list)
    for row, name in enumerate(categories.names):
        if name:
            by_bare[bare_name(name)].append(row)
    twins = [rows for rows in by_bare.values() if len({categories.names[row] for row in rows}) > 1]
    if twins:
        places = [place(row) for rows in twins for row in rows]
        what = f"{len(places):,} category names that differ only by case or blanks"
        yield Finding("category-names-alike", source.path, what, places, "give one class one name")
    if not source.is_test and len(source.table.annotations.rows):
        yield from _check_class_counts(source)


def _check_class_counts(source: Source) -> Iterator[Finding]:
    annotations, names = source.table.annotations, source.table.categories.names
    counts = np.bincount(annotations.category_rows[trained(annotations)], minlength=len(names))
    place = Places(source.table).category
    unused, rare = counts == 0, (counts > 0) & (counts < FEW_BOXES)
    if unused.any():
        what = f"{some(int(unused.sum()), 'category')} without a box"
        remedy = "no model can learn it: add images of it, or remove it here and from the config's classes"
        yield Finding("category-unused", source.path, what, [place(row) for row in np.flatnonzero(unused)], remedy)
    if rare.any():
        what = f"{some(int(rare.sum()), 'category')} with fewer than {FEW_BOXES} boxes"
        places = [place(row, some(int(counts[row]), "box")) for row in np.flatnonzero(rare)]
        remedy = "add images of it, or draw it more often; its score will be mostly chance"
        yield Finding("category-rare", source.path, what, places, remedy)


def trained(annotations: AnnotationColumns) -> BoolArray:
    """Mask of the boxes that teach a class on an image, shape ``(M,)``; crowd regions don't."""
    placed = (annotations.image_rows >= 0) & (annotations.category_rows >= 0)
    mask: BoolArray = annotations.has_box & placed & ~annotations.is_crowd
    return mask


def check_areas(source: Source) -> Iterator[Finding]:
    """Find areas that are absent, not positive, or not that of the box where no segmentation says otherwise."""
    rows = source.table.annotations.rows.rows
    areas, has_area = source.table.annotations.areas, source.table.annotations.has_area
    remedy = "area decides whether an object is scored as small, medium or large; MMDetection leaves out boxes with 0"
    bad = has_area & (areas <= 0)
    yield from of_annotations(source, "area-not-positive", bad, "with an area that is not positive", remedy, "area")
    wrong = area_differs(source)
    yield from of_annotations(source, "area-mismatch", wrong, "whose area is not width x height", remedy, "area")
    missing = np.array(["area" not in row for row in rows], dtype=bool)
    yield from of_annotations(source, "area-missing", missing, "without 'area'", "COCO's tools and MMDetection need it")


def has_segmentation(annotations: AnnotationColumns) -> BoolArray:
    """Mask of the annotations with an outline, whose area is not the box's, shape ``(M,)``."""
    return np.array([bool(row.get("segmentation")) for row in annotations.rows.rows], dtype=bool)


def area_differs(source: Source) -> BoolArray:
    """Tell which boxes without segmentation have another area than width x height, shape ``(M,)``.

    Half a pixel's rounding of each side is let pass.
    """
    annotations = source.table.annotations
    width, height = annotations.bboxes_xywh[:, 2], annotations.bboxes_xywh[:, 3]
    with np.errstate(over="ignore", invalid="ignore"):
        differs = np.abs(annotations.areas - width * height) > 1 + (width + height) / 2
    usable = annotations.has_area & (annotations.areas > 0) & annotations.has_box
    mask: BoolArray = usable & differs & ~has_segmentation(annotations)
    return mask


def check_crowds(source: Source) -> Iterator[Finding]:
    """Report crowd regions, which are not trained on, and annotations that don't say whether they are one."""
    annotations = source.table.annotations
    remedy = "a crowd region is neither trained on nor scored: make sure that it's meant"
    yield from of_annotations(source, "crowd", annotations.is_crowd, "marked as a crowd", remedy)
    missing = np.array(["iscrowd" not in row for row in annotations.rows.rows], dtype=bool)
    yield from of_annotations(source, "iscrowd-missing", missing, "without 'iscrowd'", "COCO's own scorer needs it")


def check_other_values(source: Source) -> Iterator[Finding]:
    """Find what JSON can't hold in keys that no rule is about: strict readers refuse the whole file."""
    found = values_not_json(source)
    if found:
        places = [replace(place, detail=f"{key} {shown_value(value)}") for place, key, value in found]
        what = f"{some(len(found), 'value')} that JSON doesn't have: NaN, infinity, or lists within lists without end"
        yield Finding("value-not-json", source.path, what, places, "write null: strict readers refuse the whole file")


def values_not_json(source: Source) -> list[tuple[Place, str, Any]]:
    """List the rows, each with key and value, that JSON can't hold though no rule is about that key."""
    if is_json(source.data):
        return []
    table, place = source.table, Places(source.table)
    sections = (
        (table.images.rows, place.image),
        (table.categories.rows, place.category),
        (table.annotations.rows, place.annotation),
    )
    bad = [
        (place_of(position), key, value)
        for columns, place_of in sections
        for position, row in enumerate(columns.rows)
        for key, value in row.items()
        if key not in RULED and not is_json(value)
    ]
    others = [(key, value) for key, value in source.data.items() if not isinstance(value, list) and not is_json(value)]
    return bad + [(Place(detail=key), key, value) for key, value in others]


def is_json(value: Any) -> bool:
    """Tell whether JSON can hold a value; it has no NaN, no infinity and no nesting without end."""
    try:
        json.dumps(value, allow_nan=False)
    except (ValueError, RecursionError):
        return False
    return True


def check_numbers_of_boxes(source: Source) -> Iterator[Finding]:
    """Find images without boxes and with extremely many."""
    if source.is_test:
        return
    table = source.table
    of_image = table.annotations.image_rows[trained(table.annotations)]
    counts = np.bincount(of_image, minlength=len(table.images.rows))
    if not counts.any():
        remedy = "there is nothing to train on; give a test set with --test"
        place = Place(detail=f"{some(len(counts), 'image')}, {some(len(table.annotations.rows), 'annotation')}")
        yield Finding("no-boxes", source.path, "no box that a model could learn from", [place], remedy)
        return
    place_of = Places(table).image
    empty = np.flatnonzero(counts == 0)
    if len(empty):
        what = f"{some(len(empty), 'image')} without a box"
        remedy = "fine for background; if objects were overlooked, the model learns to overlook them"
        yield Finding("image-without-boxes", source.path, what, [place_of(row) for row in empty.tolist()], remedy)
    limit = min(max(MANY_BOXES, MANY_TIMES * float(np.quantile(counts[counts > 0], 0.75))), COCO_DETECTIONS)
    many = np.flatnonzero(counts > limit)
    if len(many):
        what = f"{some(len(many), 'image')} with more than {limit:g} boxes"
        places = [place_of(row, f"{counts[row]} boxes") for row in many[np.argsort(-counts[many])].tolist()]
        remedy = f"look at them; a model gives at most {COCO_DETECTIONS} detections an image unless told otherwise"
        yield Finding("image-many-boxes", source.path, what, places, remedy)


def check_between_files(sources: Sequence[Source]) -> Iterator[Finding]:
    """Find other categories than the first file's, and images that two files list."""
    first = sources[0]
    classes = list(zip(first.table.categories.ids.tolist(), first.table.categories.names, strict=True))
    for source in sources[1:]:
        found = list(zip(source.table.categories.ids.tolist(), source.table.categories.names, strict=True))
        if found != classes and source.data["categories"] and first.data["categories"]:
            differing = [f"{name!r} (id {number})" for number, name in set(found) ^ set(classes)]
            detail = counted(sorted(differing), 6) if differing else "the same in another order"
            what = f"other categories than {first.path}"
            remedy = "give all files the same ids, names and order"
            yield Finding("categories-differ", source.path, what, [Place(detail=detail)], remedy)
    for number, source in enumerate(sources):
        for other in sources[:number]:
            yield from _listed_in_both(source, other)


def _listed_in_both(source: Source, other: Source) -> Iterator[Finding]:
    if os.path.realpath(source.image_root) != os.path.realpath(other.image_root):
        return
    known = Counter(other.table.images.names)
    place = Places(source.table).image
    places = [place(row) for row, name in enumerate(source.table.images.names) if name and known[name]]
    if places:
        what = f"{some(len(places), 'image')} that {other.path} lists as well"
        yield Finding(
            "listed-in-both", source.path, what, places, "keep each image in one file: scores would be too good"
        )


def of_annotations(
    source: Source, kind: str, bad: BoolArray, what: str, remedy: str = "", key: str = ""
) -> Iterator[Finding]:
    """Yield one finding that counts the ``bad`` annotations and names their places, if there are any.

    Args:
        source: The file.
        kind: Kind of the finding.
        bad: Mask of shape ``(M,)``.
        what: What is wrong, to follow a count and a noun.
        remedy: What to do about it.
        key: Key whose value each place shows.
    """
    rows = np.flatnonzero(bad)
    if len(rows) == 0:
        return
    place = Places(source.table).annotation
    values = source.table.annotations.rows.rows
    places = [place(row, f"{key} {values[row].get(key)}" if key else None) for row in rows.tolist()]
    yield Finding(kind, source.path, f"{some(len(rows), 'annotation')} {what}", places, remedy)
