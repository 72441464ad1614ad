"""Repairs of boxes and what goes with them, and of images by what their photos say."""

from __future__ import annotations

from typing import Any

import numpy as np

from sortline.arrays import BoolArray, IntArray
from sortline.data.check.annotation_checks import area_differs, has_segmentation
from sortline.data.check.box_checks import SAME_OBJECT_IOU, boxes_as_corners, repeated_boxes
from sortline.data.check.findings import Place, Places
from sortline.data.check.source import Draft, Photos
from sortline.data.coco_table import boxes_outside

UNUSABLE = ("box-bbox-missing", "box-bbox-bad", "box-not-finite", "box-empty", "box-negative")
#: Digits after the point of a clipped box: far below a pixel, and free of the noise of binary fractions.
DIGITS = 6


def drop_unusable_boxes(draft: Draft) -> None:
    """Drop annotations whose box is absent, NaN, infinite, empty or of negative size.

    A negative size may be a box drawn from right to left, or corners, or something else.
    """
    while found := draft.findings(lambda kind: kind in UNUSABLE):
        draft.drop(found[0].kind, found[0].places, "no usable box")


def turn_corners_into_sizes(draft: Draft) -> None:
    """Rewrite boxes given as corners where the area proves it."""
    place = Places(draft.source.table).annotation
    for row in np.flatnonzero(boxes_as_corners(draft.source)).tolist():
        spot = place(row)
        left, top, right, bottom = draft.row(spot)["bbox"]
        sizes = [left, top, round(right - left, DIGITS), round(bottom - top, DIGITS)]
        draft.set("box-corners", spot, "bbox", sizes, "the area is that of [left, top, right, bottom]")


def clip_boxes(draft: Draft, in_question: set[str]) -> None:
    """Clip boxes that reach out of their image; drop those of which nothing is left.

    Args:
        draft: The file.
        in_question: Names of images whose listed size is not the photo's: their boxes stay as they are.
    """
    table = draft.source.table
    place = Places(table).annotation
    empty = []
    for row in np.flatnonzero(table.annotations.is_outside).tolist():
        spot = place(row)
        if spot.file_name in in_question:
            continue
        width, height = table.images.sizes_wh[table.annotations.image_rows[row]].tolist()
        clipped = _clipped(draft.row(spot)["bbox"], width, height)
        if clipped is None:
            empty.append(spot)
        else:
            draft.set("box-outside", spot, "bbox", clipped, f"clipped to the image of {width}x{height}")
    draft.drop("box-outside", empty, "nothing of the box is in the image")


def _clipped(bbox_xywh: list[float], width: int, height: int) -> list[float] | None:
    left, top = max(bbox_xywh[0], 0), max(bbox_xywh[1], 0)
    right, bottom = min(bbox_xywh[0] + bbox_xywh[2], width), min(bbox_xywh[1] + bbox_xywh[3], height)
    sizes = [round(right - left, DIGITS), round(bottom - top, DIGITS)]
    return [left, top, *sizes] if min(sizes) > 0 else None


def set_areas(draft: Draft) -> None:
    """Set areas that are absent or wrong to width x height; those of outlines can't be told from a box."""
    for finding in draft.findings(lambda kind: kind == "annotation-area-bad"):
        for spot in finding.places:
            draft.remove_key(finding.kind, spot, "area", "not a finite number")
    annotations = draft.source.table.annotations
    missing = np.array(["area" not in row for row in annotations.rows.rows], dtype=bool)
    not_positive = annotations.has_area & (annotations.areas <= 0)
    boxed = annotations.has_box & ~has_segmentation(annotations)
    _set_area(draft, "area-mismatch", area_differs(draft.source))
    _set_area(draft, "area-missing", missing & boxed)
    _set_area(draft, "area-not-positive", not_positive & boxed)


def _set_area(draft: Draft, kind: str, mask: BoolArray) -> None:
    place = Places(draft.source.table).annotation
    bboxes_xywh = draft.source.table.annotations.bboxes_xywh
    for row in np.flatnonzero(mask).tolist():
        area = float(bboxes_xywh[row, 2] * bboxes_xywh[row, 3])
        draft.set(kind, place(row), "area", area, "width x height of the box")


def set_crowd_flags(draft: Draft) -> None:
    """Add the crowd flag where it's absent."""
    place = Places(draft.source.table).annotation
    rows: list[dict[str, Any]] = draft.source.table.annotations.rows.rows
    for row in [position for position, annotation in enumerate(rows) if "iscrowd" not in annotation]:
        draft.set("iscrowd-missing", place(row), "iscrowd", 0, "a box without the flag is one object")


def drop_repeated_boxes(draft: Draft) -> None:
    """Drop boxes that repeat an earlier one of the same class on the same image."""
    repeats, _ = repeated_boxes(draft.source.table)
    place = Places(draft.source.table).annotation
    spots = [place(row) for row in np.flatnonzero(repeats >= 0).tolist()]
    draft.drop("box-duplicate", spots, f"IoU over {SAME_OBJECT_IOU} with an earlier box of the same class")


def name_as_on_disk(draft: Draft, photos: Photos) -> Photos:
    """Write the names of absent photos that are there under another form of the name as they are on disk.

    Returns:
        The photos of the names as they are now.
    """
    # Measuring photos needs libraries that take longer to load than annotations to check.
    from sortline.data.check.photo_checks import read_photos, twins_of_absent

    twins = twins_of_absent(draft.source, photos)
    if not twins:
        return photos
    place = Places(draft.source.table).image
    for row, name in enumerate(draft.source.table.images.names):
        if name in twins:
            draft.set("photo-absent", place(row), "file_name", twins[name], "the same name in the form of the disk")
    read_photos(draft.source, progress=False)
    return draft.source.photos or photos


def drop_unusable_photos(draft: Draft, photos: Photos) -> None:
    """Drop images whose photo is absent or unreadable, with their annotations.

    An image whose id another image has too stays: it is unknown which of the two an annotation belongs to.
    """
    problems = {
        name: problem for name, problem in zip(photos.scan.file_names, photos.scan.problems, strict=True) if problem
    }
    for kind, is_absent in (("photo-absent", True), ("photo-unreadable", False)):
        table = draft.source.table
        gone = {name for name, problem in problems.items() if (problem == "absent") == is_absent}
        names_of_id = table.images.names_by_id()
        ids = table.images.ids.tolist()
        images = [
            row for row, name in enumerate(table.images.names) if name in gone and names_of_id[ids[row]] == {name}
        ]
        boxes = np.flatnonzero(np.isin(table.annotations.image_rows, images)).tolist()
        place = Places(table)
        draft.drop(kind, [place.annotation(row) for row in boxes], "its photo can't be used")
        draft.drop(kind, [place.image(row) for row in images], "the photo is absent or can't be read")


def set_sizes(draft: Draft, photos: Photos) -> set[str]:
    """Set listed sizes to the photos' where the boxes leave no doubt.

    That is where all boxes of the image fit the photo, and not all fit the listed size or there is none. A photo that
    EXIF turns leaves a doubt: it is unknown whether the annotation tool turned it.

    Returns:
        Names of the images whose size is still not the photo's.
    """
    table = draft.source.table
    place = Places(table).image
    photo_of = {name: index for index, name in enumerate(photos.scan.file_names)}
    in_question = set()
    for row, name in enumerate(table.images.names):
        index = photo_of.get(name)
        if index is None or not photos.scan.readable[index]:
            continue
        true_wh, listed_wh = photos.scan.sizes_wh[index], table.images.sizes_wh[row]
        if table.images.has_size[row] and (true_wh == listed_wh).all():
            continue
        if photos.scan.facts["orientation"][index] == 1 and _only_true_size_fits(draft, row, true_wh):
            _set_size(draft, place(row), true_wh)
        else:
            in_question.add(name)
    return in_question


def _only_true_size_fits(draft: Draft, image: int, true_wh: IntArray) -> bool:
    """Tell whether an image's boxes fit the photo's size, and not the listed one unless there are none."""
    table = draft.source.table
    boxes = np.flatnonzero((table.annotations.image_rows == image) & table.annotations.has_box)
    bboxes_xywh = table.annotations.bboxes_xywh[boxes]
    if boxes_outside(bboxes_xywh, np.broadcast_to(true_wh, (len(boxes), 2))).any():
        return False
    return len(boxes) == 0 or not table.images.has_size[image] or bool(table.annotations.is_outside[boxes].any())


def _set_size(draft: Draft, spot: Place, size_wh: IntArray) -> None:
    row = draft.row(spot)
    for key, value in zip(("width", "height"), size_wh.tolist(), strict=True):
        if row.get(key) != value or type(row[key]) is not int:
            draft.set("photo-size", spot, key, value, "the photo's own size, which all boxes fit")
