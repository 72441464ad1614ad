"""What a check has found: findings with their places, and the list of all kinds that there are."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

from sortline.data.coco_table import CocoTable


class Severity(IntEnum):
    """How much a finding matters: the higher, the more."""

    NOTE = 0
    WARNING = 1
    ERROR = 2

    @property
    def label(self) -> str:
        """The name as users see it."""
        return self.name.lower()


class Kind(NamedTuple):
    """A kind of finding: how much it matters, and what a repair does about it (empty: nothing)."""

    severity: Severity
    repair: str = ""


ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
AS_NUMBER = "converted where it spells a number, such as '7' or 7.0"
ANNOTATION_DROPPED = "annotation dropped"
FRESH_ID = "gets a new id"

#: Every kind of finding by its name, which is stable: an error breaks training or teaches wrong places or classes, a
#: warning costs score in silence, a note is worth a look.
KINDS: dict[str, Kind] = {
    "images-absent": Kind(ERROR),
    "categories-absent": Kind(ERROR),
    "annotations-absent": Kind(ERROR),
    "key-repeated": Kind(ERROR),
    "image-row-bad": Kind(ERROR),
    "image-id-missing": Kind(ERROR),
    "image-id-bad": Kind(ERROR, AS_NUMBER),
    "image-id-repeated": Kind(ERROR, "second listing of one image dropped; a new id where no annotation uses it"),
    "image-file_name-missing": Kind(ERROR),
    "image-file_name-bad": Kind(ERROR),
    "image-file_name-repeated": Kind(ERROR, "second listing of the same size dropped, its boxes go to the first"),
    "image-width-missing": Kind(ERROR, "read from the photo, if all boxes fit"),
    "image-width-bad": Kind(ERROR, f"{AS_NUMBER}; else read from the photo, if all boxes fit"),
    "image-width-not-positive": Kind(ERROR, "read from the photo, if all boxes fit"),
    "image-height-missing": Kind(ERROR, "read from the photo, if all boxes fit"),
    "image-height-bad": Kind(ERROR, f"{AS_NUMBER}; else read from the photo, if all boxes fit"),
    "image-height-not-positive": Kind(ERROR, "read from the photo, if all boxes fit"),
    "category-row-bad": Kind(ERROR),
    "category-id-missing": Kind(ERROR),
    "category-id-bad": Kind(ERROR, AS_NUMBER),
    "category-id-repeated": Kind(ERROR, "second listing of the same name dropped"),
    "category-name-missing": Kind(ERROR),
    "category-name-bad": Kind(ERROR),
    "category-name-repeated": Kind(ERROR, "second listing of the same id dropped"),
    "annotation-row-bad": Kind(ERROR, ANNOTATION_DROPPED),
    "annotation-id-missing": Kind(ERROR, FRESH_ID),
    "annotation-id-bad": Kind(ERROR, f"{AS_NUMBER}; else gets a new id"),
    "annotation-id-repeated": Kind(ERROR, "all but the first get new ids"),
    "annotation-image_id-missing": Kind(ERROR, ANNOTATION_DROPPED),
    "annotation-image_id-bad": Kind(ERROR, f"{AS_NUMBER}; else annotation dropped"),
    "annotation-image_id-unknown": Kind(ERROR, ANNOTATION_DROPPED),
    "annotation-category_id-missing": Kind(ERROR, ANNOTATION_DROPPED),
    "annotation-category_id-bad": Kind(ERROR, f"{AS_NUMBER}; else annotation dropped"),
    "annotation-category_id-unknown": Kind(ERROR, ANNOTATION_DROPPED),
    "annotation-area-bad": Kind(ERROR, "set to width x height; the key removed where there is a segmentation"),
    "annotation-iscrowd-bad": Kind(ERROR, "converted to 0 or 1 where it means one of them, such as '0' or null"),
    "box-bbox-missing": Kind(ERROR, ANNOTATION_DROPPED),
    "box-bbox-bad": Kind(ERROR, f"{AS_NUMBER}; else annotation dropped"),
    "box-not-finite": Kind(ERROR, ANNOTATION_DROPPED),
    "box-empty": Kind(ERROR, ANNOTATION_DROPPED),
    "box-negative": Kind(ERROR, ANNOTATION_DROPPED),
    "box-outside": Kind(ERROR, "clipped to the image; dropped where nothing is left"),
    "box-corners": Kind(ERROR, "turned into [left, top, width, height], which the area proves"),
    "boxes-look-like-corners": Kind(ERROR),
    "area-not-positive": Kind(ERROR, "set to width x height, unless there is a segmentation"),
    "area-mismatch": Kind(WARNING, "set to width x height"),
    "area-missing": Kind(NOTE, "set to width x height, unless there is a segmentation"),
    "iscrowd-missing": Kind(NOTE, "set to 0"),
    "crowd": Kind(NOTE),
    "box-under-a-pixel": Kind(WARNING),
    "box-duplicate": Kind(WARNING, "the later one in the file dropped"),
    "box-conflict": Kind(WARNING),
    "box-tiny": Kind(NOTE),
    "box-long": Kind(NOTE),
    "box-full": Kind(NOTE),
    "image-many-boxes": Kind(NOTE),
    "image-without-boxes": Kind(NOTE),
    "no-boxes": Kind(WARNING),
    "value-not-json": Kind(NOTE, "NaN and infinity set to null, unless within a list or object"),
    "category-unused": Kind(WARNING),
    "category-rare": Kind(WARNING),
    "category-names-alike": Kind(WARNING),
    "categories-differ": Kind(WARNING),
    "file_name-backslash": Kind(WARNING),
    "file_name-absolute": Kind(WARNING),
    "file_names-alike": Kind(WARNING),
    "listed-in-both": Kind(WARNING),
    "photos-absent": Kind(ERROR),
    "photo-absent": Kind(ERROR, "named as the file is on disk; where there is none, image dropped with its boxes"),
    "photo-unreadable": Kind(ERROR, "image dropped with its boxes"),
    "photo-nearly-black": Kind(ERROR),
    "photo-size": Kind(ERROR, "read from the photo where the boxes fit it and not the listed size"),
    "photo-turned": Kind(WARNING),
    "photo-copies": Kind(WARNING),
    "photo-near-copies": Kind(WARNING),
    "photo-copies-across": Kind(WARNING),
    "photo-near-copies-across": Kind(WARNING),
}


@dataclass(frozen=True)
class Place:
    """Where something was found; what doesn't apply is None.

    Attributes:
        section: ``"images"``, ``"categories"`` or ``"annotations"``.
        row: Position in that list, counted from 0.
        id: The entry's id as the file gives it.
        file_name: The image's, or that of the annotation's image.
        detail: The value seen, or the other one of a pair.
    """

    section: str | None = None
    row: int | None = None
    id: object = None
    file_name: str | None = None
    detail: str | None = None

    def __str__(self) -> str:
        if self.section == "annotations":
            name = f"annotation {self.row if self.id is None else self.id}"
            name += " (by position)" if self.id is None else ""
            name += f" in {self.file_name}" if self.file_name else ""
        elif self.section == "images":
            name = self.file_name or (f"image number {self.row}" if self.id is None else f"image id {self.id}")
        elif self.section == "categories":
            name = f"category number {self.row}" if self.id is None else f"category id {self.id}"
        else:
            return self.detail or ""
        return f"{name}: {self.detail}" if self.detail else name


@dataclass(frozen=True)
class Finding:
    """One thing found, at all its places.

    Attributes:
        kind: Its name in :data:`KINDS`.
        file: The annotation file.
        what: How many of what, and what is wrong.
        places: All of them.
        remedy: What to do about it.
    """

    kind: str
    file: str
    what: str
    places: list[Place] = field(default_factory=list)
    remedy: str = ""

    @property
    def severity(self) -> Severity:
        """How much it matters."""
        return KINDS[self.kind].severity

    @property
    def repair(self) -> str:
        """What ``--fix`` does about it; empty where no answer is the only right one."""
        return KINDS[self.kind].repair


class Places:
    """Makes places of rows of one table."""

    def __init__(self, table: CocoTable) -> None:
        self.table = table

    def image(self, row: int, detail: str | None = None) -> Place:
        """Place of a row of the image columns."""
        images = self.table.images
        position = int(images.rows.positions[row])
        return Place("images", position, _plain(images.rows.rows[row].get("id")), images.names[row] or None, detail)

    def category(self, row: int, detail: str | None = None) -> Place:
        """Place of a row of the category columns."""
        rows = self.table.categories.rows
        shown = ", ".join(filter(None, [self.table.categories.names[row], detail]))
        return Place("categories", int(rows.positions[row]), _plain(rows.rows[row].get("id")), None, shown or None)

    def annotation(self, row: int, detail: str | None = None) -> Place:
        """Place of a row of the annotation columns."""
        annotations = self.table.annotations
        image = int(annotations.image_rows[row])
        name = self.table.images.names[image] if image >= 0 else None
        position = int(annotations.rows.positions[row])
        return Place("annotations", position, _plain(annotations.rows.rows[row].get("id")), name or None, detail)


def _plain(value: object) -> object:
    """Return an id if it's a number or a text, which JSON can hold; None for anything else."""
    return value if type(value) in (int, str) else None
