"""Checks of boxes: drawn twice, of two classes at once, in another format, of an unlikely size or shape."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from sortline.arrays import BoolArray, IntArray
from sortline.data.check.annotation_checks import area_differs, has_segmentation, of_annotations
from sortline.data.check.findings import Finding, Places
from sortline.data.check.source import Source
from sortline.data.coco_table import CocoTable, boxes_outside
from sortline.data.json_columns import shown_value
from sortline.data.overlaps import duplicate_boxes
from sortline.reports.numbers import some

#: Two annotators, or one twice, draw one object's box with an IoU above this; boxes of two objects hardly ever have it.
SAME_OBJECT_IOU = 0.9
#: Pixels; half of the finest stride of most detectors, and less after the photo is made smaller.
TINY_SIDE = 4
#: Longer side over shorter; anchors and most objects stay far below.
LONG_RATIO = 20
#: Share of the image.
FULL_SHARE = 0.95
#: Fewer boxes that only make sense as corners may be chance.
LEAST_CORNERS = 3


def check_overlaps(source: Source) -> Iterator[Finding]:
    """Find boxes drawn twice for one object, with the same class and with different ones."""
    repeats, conflicts = repeated_boxes(source.table)
    remedy = "a model is punished for the second: keep one"
    yield from _of_pairs(source, "box-duplicate", repeats, "that repeat another of the same class", remedy)
    remedy = "one of the two classes is wrong: look and remove it"
    yield from _of_pairs(source, "box-conflict", conflicts, "on an object that has another class as well", remedy)


def repeated_boxes(table: CocoTable) -> tuple[IntArray, IntArray]:
    """For each annotation the earlier one that it repeats, and that of another class on its place; -1 for none."""
    annotations = table.annotations
    rows = np.flatnonzero(annotations.is_sound & ~annotations.is_crowd)
    found = duplicate_boxes(
        annotations.image_rows[rows], annotations.category_rows[rows], annotations.bboxes_xywh[rows], SAME_OBJECT_IOU
    )
    whole = []
    for partners in found:
        column = np.full(len(annotations.rows), -1, dtype=np.int64)
        column[rows] = np.where(partners >= 0, rows[partners], -1) if len(rows) else partners
        whole.append(column)
    return whole[0], whole[1]


def _of_pairs(source: Source, kind: str, partners: IntArray, what: str, remedy: str) -> Iterator[Finding]:
    rows = np.flatnonzero(partners >= 0).tolist()
    if not rows:
        return
    place = Places(source.table).annotation
    annotations, names = source.table.annotations, source.table.categories.names
    places = []
    for row in rows:
        other = int(partners[row])
        classes = " and ".join(dict.fromkeys(names[annotations.category_rows[index]] for index in (row, other)))
        partner = shown_value(annotations.rows.rows[other].get("id", f"number {other}"))
        places.append(place(row, f"{classes}, with annotation {partner}"))
    yield Finding(kind, source.path, f"{some(len(rows), 'box')} {what} (IoU over {SAME_OBJECT_IOU})", places, remedy)


def check_corners(source: Source) -> Iterator[Finding]:
    """Find boxes given as corners in place of sizes."""
    order = "COCO's order is [left, top, width, height]"
    proven = boxes_as_corners(source)
    what = "whose area shows that the box is [left, top, right, bottom]"
    yield from of_annotations(source, "box-corners", proven, what, order, "bbox")
    if look_like_corners(source):
        rows = np.flatnonzero(source.table.annotations.is_outside).tolist()
        place = Places(source.table).annotation
        what = "all boxes fit their images only when read as [left, top, right, bottom]"
        remedy = f"{order}: convert the file before anything else"
        yield Finding("boxes-look-like-corners", source.path, what, [place(row) for row in rows], remedy)


def boxes_as_corners(source: Source) -> BoolArray:
    """Tell which boxes have the area that they would have as corners, and not that of their sizes, shape ``(M,)``."""
    annotations = source.table.annotations
    left, top, right, bottom = annotations.bboxes_xywh.T
    with np.errstate(over="ignore", invalid="ignore"):
        area = (right - left) * (bottom - top)
        agrees = np.abs(annotations.areas - area) <= 1e-3 * area
    mask: BoolArray = area_differs(source) & (right > left) & (bottom > top) & agrees & _fit_as_corners(source.table)
    return mask


def look_like_corners(source: Source) -> bool:
    """Tell whether some boxes reach out of their images, but all would fit if they were corners."""
    annotations = source.table.annotations
    if has_segmentation(annotations).all() or boxes_as_corners(source).any():
        return False
    usable = annotations.has_box & (annotations.image_rows >= 0)
    outside = int(annotations.is_outside.sum())
    return outside >= LEAST_CORNERS and bool(_fit_as_corners(source.table)[usable].all())


def _fit_as_corners(table: CocoTable) -> BoolArray:
    """Tell which boxes lie inside their image when read as left, top, right, bottom, shape ``(M,)``."""
    annotations = table.annotations
    corners = annotations.bboxes_xywh
    with np.errstate(over="ignore", invalid="ignore"):
        sizes = corners[:, 2:] - corners[:, :2]
    fits: BoolArray = annotations.has_box & (annotations.image_rows >= 0) & (sizes > 0).all(axis=1)
    rows = np.flatnonzero(fits)
    bboxes_xywh = np.concatenate([corners[rows, :2], sizes[rows]], axis=1)
    fits[rows] = ~boxes_outside(bboxes_xywh, table.images.sizes_wh[annotations.image_rows[rows]])
    return fits


def check_outliers(source: Source) -> Iterator[Finding]:
    """Find boxes of an unlikely size or shape."""
    annotations = source.table.annotations
    usable = annotations.is_sound & ~annotations.is_crowd
    width, height = annotations.bboxes_xywh[:, 2], annotations.bboxes_xywh[:, 3]
    shorter, longer = np.minimum(width, height), np.maximum(width, height)
    share = np.zeros(len(annotations.rows))
    rows = np.flatnonzero(usable)
    rows = rows[source.table.images.has_size[annotations.image_rows[rows]]]
    image_areas = source.table.images.sizes_wh[annotations.image_rows[rows]].prod(axis=1, dtype=np.float64)
    share[rows] = width[rows] * height[rows] / image_areas
    found = partial(of_annotations, source, key="bbox")
    remedy = "MMDetection leaves them out of training in silence: draw them again or remove them"
    yield from found("box-under-a-pixel", usable & (shorter < 1), "with a box narrower than 1 px", remedy)
    tiny = usable & (shorter >= 1) & (shorter < TINY_SIDE)
    yield from found("box-tiny", tiny, f"with a box narrower than {TINY_SIDE} px", "few detectors can find them")
    long = usable & (shorter >= 1) & (longer / LONG_RATIO > shorter)
    what = f"with a box more than {LONG_RATIO} times longer than wide, or wider than long"
    yield from found("box-long", long, what, "look whether a corner was set by accident")
    what = f"with a box that covers {FULL_SHARE:.0%} of the image or more"
    yield from found("box-full", usable & (share >= FULL_SHARE), what, "a box drawn for a label of the whole image?")
