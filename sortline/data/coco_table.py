"""A COCO file as columns: every rule that a sound file keeps is checked here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from sortline.arrays import BoolArray, FloatArray, IntArray
from sortline.data.json_columns import Columns, Fault
from sortline.errors import counted
from sortline.reports.numbers import some

# Real files are rounded to 0.1 px and some tools draw on the pixel grid's outer edge.
BORDER_TOLERANCE = 1.0


@dataclass(frozen=True)
class ImageColumns:
    """The ``N`` images of a file.

    Attributes:
        rows: The images as listed, and what is wrong with them.
        ids: Shape ``(N,)``.
        has_id: Mask of the usable ids, shape ``(N,)``.
        names: The ``file_name`` entries, empty where there is none that can be used.
        sizes_wh: Width and height in pixels, shape ``(N, 2)``.
        has_size: Mask of the usable sizes, shape ``(N,)``.
    """

    rows: Columns
    ids: IntArray
    has_id: BoolArray
    names: list[str]
    sizes_wh: IntArray
    has_size: BoolArray

    def names_by_id(self) -> dict[int, set[str]]:
        """Collect the names listed under each id: more than one where an id is used twice."""
        names: dict[int, set[str]] = {}
        for number, name in zip(self.ids.tolist(), self.names, strict=True):
            names.setdefault(number, set()).add(name)
        return names


@dataclass(frozen=True)
class CategoryColumns:
    """The ``C`` categories of a file; attributes as those of the images."""

    rows: Columns
    ids: IntArray
    has_id: BoolArray
    names: list[str]


@dataclass(frozen=True)
class AnnotationColumns:
    """The ``M`` annotations of a file.

    Attributes:
        rows: The annotations as listed, and what is wrong with them.
        ids: Shape ``(M,)``.
        has_id: Mask of the usable ids, shape ``(M,)``.
        image_rows: Each annotation's row in the image columns, -1 where it has none, shape ``(M,)``.
        category_rows: The same for categories.
        bboxes_xywh: Left, top, width, height in pixels, shape ``(M, 4)``.
        has_box: Mask of the usable boxes, shape ``(M,)``.
        is_outside: Mask of the usable boxes that reach beyond their image, shape ``(M,)``.
        areas: Square pixels, 0 where there is none, shape ``(M,)``.
        has_area: Mask of the usable areas that the file gives, shape ``(M,)``.
        is_crowd: Mask of the regions marked as a crowd, shape ``(M,)``.
    """

    rows: Columns
    ids: IntArray
    has_id: BoolArray
    image_rows: IntArray
    category_rows: IntArray
    bboxes_xywh: FloatArray
    has_box: BoolArray
    is_outside: BoolArray
    areas: FloatArray
    has_area: BoolArray
    is_crowd: BoolArray

    @property
    def is_sound(self) -> BoolArray:
        """Mask of the boxes on a listed image, of a listed category and inside the border, shape ``(M,)``."""
        sound: BoolArray = self.has_box & ~self.is_outside & (self.image_rows >= 0) & (self.category_rows >= 0)
        return sound


@dataclass(frozen=True)
class CocoTable:
    """A COCO file as far as it can be read; what can't be is in the faults."""

    images: ImageColumns
    categories: CategoryColumns
    annotations: AnnotationColumns

    @property
    def faults(self) -> Iterator[Fault]:
        """Everything that keeps the file from being sound, images first."""
        return chain(self.images.rows.faults, self.categories.rows.faults, self.annotations.rows.faults)


def read_table(data: dict[str, Any], where: str) -> CocoTable:
    """Read a parsed COCO file as columns and check it.

    Args:
        data: Its content, with the lists ``images``, ``categories`` and ``annotations``.
        where: The file, as shown to the user.
    """
    images = _read_images(Columns(where, ("image", "images"), data["images"]))
    categories = _read_categories(Columns(where, ("category", "categories"), data["categories"]))
    rows = Columns(where, ("annotation", "annotations"), data["annotations"])
    return CocoTable(images, categories, _read_annotation_rows(rows, images, categories))


def _read_images(rows: Columns) -> ImageColumns:
    ids, has_id = _read_ids(rows)
    names, has_name = rows.texts("file_name")
    repeats = {name for name, count in Counter(names).items() if count > 1}
    rows.report(
        has_name & np.array([name in repeats for name in names], dtype=bool),
        "that share a 'file_name' with another image",
        "an image is identified by its file_name: list it once",
        "file_name-repeated",
        "file_name",
    )
    sizes = []
    has_size = np.ones(len(rows), dtype=bool)
    for key in ("width", "height"):
        values, good = rows.integers(key)
        rows.report(good & (values <= 0), f"whose {key!r} is not positive", kind=f"{key}-not-positive", key=key)
        has_size &= good & (values > 0)
        sizes.append(values)
    return ImageColumns(rows, ids, has_id, names, np.stack(sizes, axis=1), has_size)


def _read_categories(rows: Columns) -> CategoryColumns:
    ids, has_id = _read_ids(rows)
    names, has_name = rows.texts("name")
    repeats = {name for name, count in Counter(names).items() if count > 1}
    rows.report(
        has_name & np.array([name in repeats for name in names], dtype=bool),
        f"that share a name with another category ({counted(sorted(repeats))})",
        "give every category a name of its own",
        "name-repeated",
        "name",
    )
    return CategoryColumns(rows, ids, has_id, names)


def _read_annotation_rows(rows: Columns, images: ImageColumns, categories: CategoryColumns) -> AnnotationColumns:
    ids, has_id = _read_ids(rows)
    image_rows = _read_references(rows, "image_id", "an image", images.ids, images.has_id)
    category_rows = _read_references(rows, "category_id", "a category", categories.ids, categories.has_id)
    areas, good_area = rows.numbers("area", default=0.0)
    has_area = good_area & np.array(["area" in row for row in rows.rows], dtype=bool)
    flags = [row.get("iscrowd", 0) for row in rows.rows]
    is_flag = np.array([flag in (0, 1) for flag in flags], dtype=bool)
    rows.report(~is_flag, "whose 'iscrowd' is neither 0 nor 1", kind="iscrowd-bad", key="iscrowd")
    is_crowd = is_flag & np.array([flag == 1 for flag in flags], dtype=bool)
    rows.noun = ("box", "boxes")
    bboxes_xywh, has_box = rows.boxes("bbox")
    is_outside = np.zeros(len(rows), dtype=bool)
    placed = np.flatnonzero(has_box & (image_rows >= 0))
    on_image = image_rows[placed]
    outside = boxes_outside(bboxes_xywh[placed], images.sizes_wh[on_image])
    is_outside[placed] = images.has_size[on_image] & outside
    rows.report(
        is_outside,
        f"more than {BORDER_TOLERANCE:g} px outside the image",
        "'bbox' is [left, top, width, height] in pixels of an image of the size given by width and height",
        "outside",
        "bbox",
    )
    return AnnotationColumns(
        rows, ids, has_id, image_rows, category_rows, bboxes_xywh, has_box, is_outside, areas, has_area, is_crowd
    )


def _read_ids(columns: Columns) -> tuple[IntArray, BoolArray]:
    """Read the ids, report repeated ones and name the rows by them if all are present."""
    ids, good = columns.integers("id")
    singular = columns.noun[0]
    if good.all():
        columns.name_rows_by(f"{singular} id", ids.tolist())
    values, counts = np.unique(ids[good], return_counts=True)
    repeats = values[counts > 1]
    if len(repeats):
        what = f"{some(len(repeats), f'{singular} id')} used more than once"
        rows = np.flatnonzero(good & np.isin(ids, repeats))
        columns.add_fault("id-repeated", rows, what, counted(repeats.tolist()), "ids must be unique", "id")
    return ids, good


def _read_references(rows: Columns, key: str, target: str, ids: IntArray, has_id: BoolArray) -> IntArray:
    """Read ids of another list and find its rows, shape ``(M,)``: -1 where it has none, the first of equal ids."""
    values, good = rows.integers(key)
    known = np.flatnonzero(has_id)
    unknown = good & ~np.isin(values, ids[known])
    listed = counted(np.unique(values[unknown]).tolist())
    rows.report(unknown, f"of {target} that the file does not list ({key} {listed})", kind=f"{key}-unknown", key=key)
    found = np.full(len(values), -1, dtype=np.int64)
    usable = good & ~unknown
    order = known[np.argsort(ids[known], kind="stable")]
    found[usable] = order[np.searchsorted(ids[order], values[usable])]
    return found


def boxes_outside(bboxes_xywh: FloatArray, sizes_wh: IntArray, tolerance: float = BORDER_TOLERANCE) -> BoolArray:
    """Tell which boxes reach beyond their image's border.

    Args:
        bboxes_xywh: Left, top, width, height in pixels, shape ``(N, 4)``.
        sizes_wh: Width and height of each box's image in pixels, shape ``(N, 2)``.
        tolerance: Pixels beyond the border that are let pass.

    Returns:
        Mask of shape ``(N,)``.
    """
    before = bboxes_xywh[:, :2] < -tolerance
    with np.errstate(over="ignore"):  # what overflows is outside
        behind = bboxes_xywh[:, :2] + bboxes_xywh[:, 2:] > sizes_wh + tolerance
    outside: BoolArray = np.any(before | behind, axis=1)
    return outside
