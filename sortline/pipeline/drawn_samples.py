"""Samples as the model gets them, drawn in a grid with their boxes and masks, beside the photos they were made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from sortline.data.drawing import INK, MUTED, PAPER, draw_boxes, font, font_size, legend_strip, line_width, shortened
from sortline.reports.palette import class_colour

COLUMNS, GAP, CAPTION, TITLE, LETTERS = 4, 12, 22, 48, 13
GREY = (120, 120, 120)
#: How strongly a mask's colour covers what is below.
TINT = 0.45


@dataclass(frozen=True)
class Objects:
    """Objects on one picture.

    Attributes:
        boxes_xyxy: Left, top, right, bottom in pixels, shape ``(N, 4)``.
        labels: Positions in the list of classes, shape ``(N,)``.
        ignored_xyxy: Boxes that teach nothing, such as crowd regions, shape ``(M, 4)``.
        masks: Where each object is, shape ``(N, H, W)``; None without masks.
    """

    boxes_xyxy: npt.NDArray[np.float64]
    labels: npt.NDArray[np.int64]
    ignored_xyxy: npt.NDArray[np.float64]
    masks: npt.NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class Drawn:
    """One sample as the model gets it, and the photo that it was made from.

    Attributes:
        file_name: Path of the photo.
        image: What the pipeline packs, RGB, shape ``(H, W, 3)``.
        objects: On ``image``.
        photo: The photo as it is in the file, RGB.
        photo_objects: On ``photo``, as annotated.
        seconds: Time that the sample took to load and change.
    """

    file_name: str
    image: npt.NDArray[np.uint8]
    objects: Objects
    photo: npt.NDArray[np.uint8]
    photo_objects: Objects
    seconds: float


def fed_sample(inputs: Any, sample: Any) -> Drawn:
    """Describe a packed sample, without the photo that it was made from.

    Args:
        inputs: The image, BGR, shape ``(3, H, W)``.
        sample: Its ``DetDataSample``.
    """
    image = inputs.cpu().numpy().transpose(1, 2, 0)[..., ::-1]
    pixels = np.ascontiguousarray(np.clip(np.rint(image), 0, 255).astype(np.uint8))
    objects = _packed_objects(sample)
    return Drawn(str(sample.metainfo["img_path"]), pixels, objects, pixels, objects, seconds=0.0)


def _packed_objects(sample: Any) -> Objects:
    instances = sample.gt_instances
    masks = instances.get("masks")
    return Objects(
        boxes_xyxy=_boxes(instances.bboxes),
        labels=np.asarray(instances.labels, dtype=np.int64),
        ignored_xyxy=_boxes(sample.ignored_instances.bboxes),
        masks=None if masks is None else masks.to_ndarray().astype(bool),
    )


def _boxes(boxes: Any) -> npt.NDArray[np.float64]:
    return np.asarray(getattr(boxes, "tensor", boxes), dtype=np.float64).reshape(-1, 4)


def draw_grid(
    drawn: Sequence[Drawn], classes: Sequence[str], title: str, cell: int = 360, beside: bool = False
) -> Image.Image:
    """Lay out samples in a grid, with class names on their boxes and a legend below.

    All samples are shown at the same scale, so that photos of different sizes look different.

    Args:
        drawn: At least one sample.
        classes: All class names.
        title: Written above.
        cell: Side in pixels that the longest side of the largest sample gets.
        beside: Show each photo as it is in the file, left of its sample.
    """
    scale = cell / max(max(sample.image.shape[:2]) for sample in drawn)
    tiles = [_tile(sample, classes, scale, cell, beside) for sample in drawn]
    columns = min(COLUMNS // 2 if beside else COLUMNS, len(tiles))
    width = max(tile.width for tile in tiles)
    rows = [tiles[start : start + columns] for start in range(0, len(tiles), columns)]
    heights = [max(tile.height for tile in row) for row in rows]
    total = columns * (width + GAP) + GAP
    legend = legend_strip(classes, total - 2 * GAP)
    sheet = Image.new("RGB", (total, TITLE + sum(heights) + GAP * len(rows) + legend.height), PAPER)
    text = shortened(title, 20, total - 2 * GAP)
    ImageDraw.Draw(sheet).text((GAP, TITLE / 2), text, INK, font(20), anchor="lm")
    top = TITLE
    for row, height in zip(rows, heights, strict=True):
        for column, tile in enumerate(row):
            sheet.paste(tile, (GAP + column * (width + GAP), top))
        top += height + GAP
    sheet.paste(legend, (GAP, top))
    return sheet


def _tile(sample: Drawn, classes: Sequence[str], scale: float, cell: int, beside: bool) -> Image.Image:
    """Draw one sample with a line about it, and its photo left of it if wanted."""
    height, width = sample.image.shape[:2]
    pictures = [_picture(sample.image, sample.objects, classes, scale)]
    if beside:
        fit = cell / max(sample.photo.shape[:2])
        pictures.insert(0, _picture(sample.photo, sample.photo_objects, classes, fit))
    length = sum(picture.width for picture in pictures) + GAP * (len(pictures) - 1)
    tile = Image.new("RGB", (max(length, cell), max(picture.height for picture in pictures) + CAPTION), PAPER)
    left = 0
    for picture in pictures:
        tile.paste(picture, (left, 0))
        left += picture.width + GAP
    text = f"{Path(sample.file_name).name}  {width} x {height}, {len(sample.objects.labels)} boxes"
    place = (0, tile.height - CAPTION / 2)
    ImageDraw.Draw(tile).text(place, shortened(text, LETTERS, tile.width), MUTED, font(LETTERS), anchor="lm")
    return tile


def _picture(image: npt.NDArray[np.uint8], objects: Objects, classes: Sequence[str], scale: float) -> Image.Image:
    """Scale a picture, then draw its objects on it: lines and letters keep their size."""
    tinted = tint_masks(image, objects)
    height, width = image.shape[:2]
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    small = Image.fromarray(tinted).resize(size, Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.NEAREST)
    factor = np.tile(np.array(size) / (width, height), 2)
    _outline_ignored(small, objects.ignored_xyxy * factor)
    return Image.fromarray(draw_boxes(np.asarray(small), objects.boxes_xyxy * factor, objects.labels, classes))


def tint_masks(image: npt.NDArray[np.uint8], objects: Objects) -> npt.NDArray[np.uint8]:
    """Colour where each object's mask is; the image itself without masks."""
    if objects.masks is None:
        return image
    tinted = image.astype(np.float32)
    for mask, label in zip(objects.masks, objects.labels.tolist(), strict=True):
        tinted[mask] = (1 - TINT) * tinted[mask] + TINT * np.array(class_colour(label), dtype=np.float32)
    return np.rint(tinted).astype(np.uint8)


def _outline_ignored(picture: Image.Image, boxes_xyxy: npt.NDArray[np.float64]) -> None:
    """Outline ignored boxes in grey, with a word on it."""
    draw = ImageDraw.Draw(picture)
    letters = font(font_size(picture.size))
    for left, top, right, bottom in boxes_xyxy.tolist():
        draw.rectangle((left, top, right, bottom), outline=GREY, width=line_width(picture.size))
        draw.text((left + 2, top + 2), "ignored", GREY, letters)
