"""Repairs that only the photos can decide: images that can't be used, and sizes."""

from __future__ import annotations

import numpy as np

from sortline.data.check.draft import Draft
from sortline.data.check.findings import Place, Places
from sortline.data.check.source import Photos
from sortline.arrays import IntArray
from sortline.data.table import boxes_outside


def drop_unusable_photos(draft: Draft, photos: Photos) -> None:
    """Drop images whose photo is absent or unreadable, with their annotations.

    An image whose id stands for another one as well stays: nobody can say whose annotations are whose.
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
    EXIF turns leaves a doubt: nobody can tell which way it was seen by who drew the boxes.

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
