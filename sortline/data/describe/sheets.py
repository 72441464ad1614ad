"""Sample photos with drawn boxes: a sheet a class that shows its objects from small to large, and crowded photos."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from sortline.arrays import BoolArray, UInt8Array
from sortline.data.describe.statistics import BoxTable, boxes_per_class, boxes_per_image
from sortline.data.drawing import INK, MUTED, PAPER, font, outline_boxes, shortened
from sortline.data.photo_scan import PhotoScan
from sortline.data.photos import read_photo
from sortline.progress import track
from sortline.reports.numbers import some

#: Height of a photo on the page, and the width that a long one is cut down to, in pixels.
TILE_HEIGHT, TILE_WIDTH = 220, 420
JPEG_QUALITY = 78
LINE = 2
NOTHING = np.zeros(0, dtype=np.int64)
#: More photos than this make a page that mail programs refuse.
MOST_TILES = 160
SHEET_COLUMNS, GAP, CAPTION, TITLE = 4, 12, 20, 44


@dataclass(frozen=True)
class Tile:
    """One photo with its boxes.

    Attributes:
        picture: RGB, shape ``(height, width, 3)``.
        file_name: Of the photo.
        caption: What to look at.
    """

    picture: UInt8Array
    file_name: str
    caption: str

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.picture.shape[1], self.picture.shape[0]

    def jpeg(self) -> bytes:
        """Return the picture as a JPEG file's bytes."""
        return _jpeg(Image.fromarray(self.picture))


@dataclass(frozen=True)
class Sheet:
    """Tiles under one title.

    Attributes:
        title: The class, or what the photos have in common.
        label: The class's position; None if it isn't about one.
        tiles: In the order to show them.
    """

    title: str
    label: int | None
    tiles: list[Tile]


def pick_boxes(
    table: BoxTable, label: int, count: int, usable: BoolArray, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Choose boxes of a class that are spread evenly over its sizes, one an image.

    The boxes are sorted by size and cut into ``count`` parts; each part gives one at random, so that both the
    smallest and the largest kind are there whatever the distribution.

    Args:
        table: The boxes.
        label: The class.
        count: How many to choose.
        usable: Which images can be shown, shape ``(M,)``.
        rng: Source of the random draws.

    Returns:
        Rows of at most ``count`` boxes, from small to large; fewer where the class has fewer images.
    """
    own = np.flatnonzero((table.labels == label) & usable[table.rows])
    shuffled = rng.permutation(own)
    _, first = np.unique(table.rows[shuffled], return_index=True)
    one_an_image = shuffled[np.sort(first)]
    ordered = one_an_image[np.argsort(table.areas[one_an_image], kind="stable")]
    parts = np.array_split(ordered, min(count, len(ordered))) if len(ordered) else []
    return np.array([rng.choice(part) for part in parts], dtype=np.int64)


def class_sheets(table: BoxTable, image_root: Path, usable: BoolArray, count: int, seed: int) -> list[Sheet]:
    """Make a sheet for every class that has boxes on usable photos, the commonest class first.

    Args:
        table: The boxes.
        image_root: Folder that ``file_name`` starts from.
        usable: Which images can be read, shape ``(M,)``.
        count: Photos a class; fewer where there are so many classes that the page would get too large.
        seed: The same seed gives the same photos.
    """
    rng = np.random.default_rng(seed)
    count = max(1, min(count, MOST_TILES // len(table.classes)))
    order = np.argsort(-boxes_per_class(table), kind="stable").tolist()[:MOST_TILES]
    chosen = {label: pick_boxes(table, label, count, usable, rng) for label in order}
    sheets = []
    for label in track(order, "drawing sample sheets"):
        tiles = [_box_tile(table, box, image_root) for box in chosen[label].tolist()]
        if tiles:
            sheets.append(Sheet(table.classes[label], label, tiles))
    return sheets


def crowded_sheet(table: BoxTable, image_root: Path, usable: BoolArray, count: int) -> Sheet:
    """Make a sheet of the photos with the most boxes, each with all of them."""
    boxes = np.where(usable, boxes_per_image(table), 0)
    rows = [row for row in np.argsort(-boxes, kind="stable")[:count].tolist() if boxes[row]]
    tiles = []
    for row in rows:
        own = np.flatnonzero(table.rows == row)
        tiles.append(_tile(table, row, own, np.full(len(own), LINE // 2), image_root, some(len(own), "box")))
    return Sheet("Images with the most boxes", None, tiles)


def _box_tile(table: BoxTable, box: int, image_root: Path) -> Tile:
    """Show a box with all others of its class on the photo, itself with a thicker line."""
    row, label = int(table.rows[box]), int(table.labels[box])
    own = np.flatnonzero((table.rows == row) & (table.labels == label))
    width, height = table.bboxes_xywh[box, 2:]
    caption = f"{width:.0f} x {height:.0f} px" + (f", 1 of {len(own)}" if len(own) > 1 else "")
    return _tile(table, row, own, np.where(own == box, 2 * LINE, LINE), image_root, caption)


def _tile(
    table: BoxTable,
    row: int,
    boxes: npt.NDArray[np.int64],
    lines: npt.NDArray[np.int64],
    image_root: Path,
    caption: str,
) -> Tile:
    """Read a photo, make it small and outline boxes on it, each with a line of its own width."""
    photo = Image.fromarray(read_photo(image_root, {"file_name": table.file_names[row]}))
    scale = min(TILE_HEIGHT / photo.height, TILE_WIDTH / photo.width)
    small = photo.resize((max(round(photo.width * scale), 1), max(round(photo.height * scale), 1)))
    boxes_xyxyn = table.boxes_xyxyn
    for box, line in zip(boxes, lines.tolist(), strict=True):
        # The line runs around the box, not along its inside: it would hide what is only a few pixels large.
        around = boxes_xyxyn[box] * np.tile(small.size, 2) + [-line, -line, line, line]
        outline_boxes(small, around[None], table.labels[[box]], line)
    return Tile(np.asarray(small), table.file_names[row], caption)


def sheet_jpeg(sheet: Sheet) -> bytes:
    """Lay a sheet's tiles into a grid under its title, as a JPEG file's bytes."""
    columns = min(SHEET_COLUMNS, len(sheet.tiles))
    cell = max(tile.size_wh[0] for tile in sheet.tiles)
    step = max(tile.size_wh[1] for tile in sheet.tiles) + CAPTION + GAP
    lines = -(-len(sheet.tiles) // columns)
    picture = Image.new("RGB", (columns * (cell + GAP) + GAP, TITLE + lines * step), PAPER)
    draw = ImageDraw.Draw(picture)
    draw.text((GAP, TITLE / 2), shortened(sheet.title, 20, picture.width - 2 * GAP), INK, font(20), anchor="lm")
    for index, tile in enumerate(sheet.tiles):
        line, column = divmod(index, columns)
        left, top = GAP + column * (cell + GAP), TITLE + line * step
        picture.paste(Image.fromarray(tile.picture), (left, top))
        text = shortened(f"{tile.file_name}  {tile.caption}", 12, cell)
        draw.text((left, top + tile.size_wh[1] + CAPTION / 2), text, MUTED, font(12), anchor="lm")
    return _jpeg(picture)


def _jpeg(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format="JPEG", quality=JPEG_QUALITY, optimize=True)
    return buffer.getvalue()


def extreme_sheet(table: BoxTable, image_root: Path, scan: PhotoScan, count: int) -> Sheet:
    """Make a sheet of the darkest, brightest, least sharp and flattest photos, ``count`` of each at most."""
    usable = np.flatnonzero(scan.readable)
    kinds = (("darkest", "brightness", 1), ("brightest", "brightness", -1), ("least sharp", "sharpness", 1))
    tiles = []
    for kind, measure, sign in (*kinds, ("least contrast", "contrast", 1)):
        values = scan.facts[measure][usable]
        for row in usable[np.argsort(sign * values, kind="stable")[:count]].tolist():
            caption = f"{kind} ({scan.facts[measure][row]:.0f})"
            tiles.append(_tile(table, row, NOTHING, NOTHING, image_root, caption))
    return Sheet("The most extreme photos", None, tiles)
