"""Boxes drawn on photos, and what sheets of photos need beside them: letters, a legend, one colour a class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from sortline.arrays import UInt8Array
from sortline.data.annotations import CocoJson
from sortline.files import atomic_write
from sortline.reports.palette import Rgb, class_colour

SMALLEST_FONT = 9

PAPER, INK, MUTED = (250, 250, 248), (28, 30, 34), (112, 116, 124)
LEGEND_LINE = 46


@dataclass(frozen=True)
class Boxes:
    """Boxes of one photo, ready to draw.

    Attributes:
        boxes_xyxy: Left, top, right, bottom in the photo's pixels, shape ``(N, 4)``.
        labels: Positions in the list of classes, shape ``(N,)``.
        scores: Confidence from 0 to 1, shape ``(N,)``; None for ground truth.
    """

    boxes_xyxy: npt.NDArray[np.float64]
    labels: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64] | None = None


def draw_boxes(
    image: UInt8Array,
    boxes_xyxy: npt.ArrayLike,
    labels: npt.ArrayLike,
    classes: Sequence[str],
    scores: npt.ArrayLike | None = None,
) -> UInt8Array:
    """Draw boxes with their class names, and their scores if given, on a copy of a photo.

    Lines and letters grow with the photo. Boxes of high score are drawn over those of low score. Tags stay
    inside the photo; one wider than the photo is shortened.

    Args:
        image: RGB, shape ``(height, width, 3)``.
        boxes_xyxy: Left, top, right, bottom in absolute pixels, shape ``(N, 4)``; clipped to the photo.
        labels: Positions in ``classes``, shape ``(N,)``.
        classes: All class names.
        scores: Confidence from 0 to 1, shape ``(N,)``.

    Returns:
        RGB, of the shape of ``image``.

    Raises:
        ValueError: The shapes don't fit each other, or a label has no class.
    """
    boxes = np.asarray(boxes_xyxy, np.float64).reshape(-1, 4)
    names = np.asarray(labels, np.int64).reshape(-1)
    confidences = None if scores is None else np.asarray(scores, np.float64).reshape(-1)
    _check_columns(image, boxes, names, confidences, len(classes))
    picture = Image.fromarray(image)
    draw = ImageDraw.Draw(picture)
    thickness, size = line_width(picture.size), font_size(picture.size)
    order = np.arange(len(boxes)) if confidences is None else np.argsort(confidences, kind="stable")
    outline_boxes(picture, boxes[order], names[order], thickness)
    for row in order.tolist():
        box = _clip(boxes[row], picture.size)
        if box is None:
            continue
        text = classes[names[row]] + ("" if confidences is None else f" {confidences[row]:.2f}")
        _draw_tag(draw, box, text, class_colour(int(names[row])), size, picture.size)
    return np.asarray(picture).copy()


def outline_boxes(
    picture: Image.Image, boxes_xyxy: npt.NDArray[np.float64], labels: npt.NDArray[np.int64], thickness: int
) -> None:
    """Draw boxes without names onto a picture, in the colours of their classes.

    Args:
        picture: RGB; drawn on.
        boxes_xyxy: Left, top, right, bottom in absolute pixels, shape ``(N, 4)``; clipped to the picture.
        labels: Class of each box, shape ``(N,)``.
        thickness: Width of the line in pixels.
    """
    draw = ImageDraw.Draw(picture)
    for box_xyxy, label in zip(boxes_xyxy, labels.tolist(), strict=True):
        clipped = _clip(box_xyxy, picture.size)
        if clipped is not None:
            draw.rectangle(clipped, outline=class_colour(label), width=thickness)


def _check_columns(
    image: UInt8Array,
    boxes: npt.NDArray[np.float64],
    labels: npt.NDArray[np.int64],
    scores: npt.NDArray[np.float64] | None,
    classes: int,
) -> None:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"expected an RGB image of uint8, got {image.dtype} of shape {image.shape}")
    lengths = {len(boxes), len(labels)} | (set() if scores is None else {len(scores)})
    if len(lengths) > 1:
        raise ValueError(f"columns of different lengths: {sorted(lengths)}")
    if len(labels) and not (labels.min() >= 0 and labels.max() < classes):
        raise ValueError(f"labels from {labels.min()} to {labels.max()} do not fit {classes} classes")


def line_width(size_wh: tuple[int, int]) -> int:
    """Return the thickness of a box's line for a photo of this size, in pixels."""
    return max(round(min(size_wh) / 180), 1)


def font_size(size_wh: tuple[int, int]) -> int:
    """Return the size of letters for a photo of this size, in pixels."""
    return max(round(min(size_wh) / 30), SMALLEST_FONT)


@lru_cache(maxsize=16)
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return the letters of every drawing, ``size`` pixels high."""
    return ImageFont.load_default(size)


def _clip(box_xyxy: npt.NDArray[np.float64], size_wh: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """Return the pixels of a box's first and last column and row; None when nothing of it is in the photo."""
    if not np.isfinite(box_xyxy).all():
        return None
    width, height = size_wh
    left, top, right, bottom = box_xyxy.tolist()
    if right <= 0 or bottom <= 0 or left >= width or top >= height or right < left or bottom < top:
        return None
    first_x, first_y = min(max(round(left), 0), width - 1), min(max(round(top), 0), height - 1)
    last_x, last_y = min(round(right), width) - 1, min(round(bottom), height) - 1
    return first_x, first_y, max(last_x, first_x), max(last_y, first_y)


def _draw_tag(
    draw: ImageDraw.ImageDraw,
    box: tuple[int, int, int, int],
    text: str,
    colour: Rgb,
    size: int,
    size_wh: tuple[int, int],
) -> None:
    """Write a class name on a plate above its box, or inside where there is no room above."""
    pad = max(size // 5, 1)
    width, height = size_wh
    text = shortened(text, size, width - 2 * pad)
    plate_width, plate_height = round(font(size).getlength(text)) + 2 * pad, size + 2 * pad
    left = min(max(box[0], 0), max(width - plate_width, 0))
    above = box[1] - plate_height
    top = above if above >= 0 else min(box[1], max(height - plate_height, 0))
    plate = (left, top, min(left + plate_width, width) - 1, min(top + plate_height, height) - 1)
    draw.rectangle(plate, fill=colour)
    luma = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]  # of ITU-R BT.601, 0 to 255
    ink = INK if luma > 140 else (255, 255, 255)
    draw.text((left + pad, top + plate_height / 2), text, fill=ink, font=font(size), anchor="lm")


def shortened(text: str, size: int, width: int) -> str:
    """Cut a text to a width in pixels, for letters ``size`` pixels high."""
    if font(size).getlength(text) <= width:
        return text
    while text and font(size).getlength(text + "..") > width:
        text = text[:-1]
    return text + ".." if text else ""


def write_image(path: Path, picture: Image.Image, form: str) -> None:
    """Write an image whole or not at all."""
    options: dict[str, Any] = {"quality": 92} if form == "JPEG" else {}
    with atomic_write(path, "wb") as file:
        picture.save(file, format=form, **options)


def true_boxes(annotations: CocoJson) -> dict[int, Boxes]:
    """Collect the annotated boxes of every image, by its id."""
    rows = annotations.get("annotations", [])
    return boxes_by_image(
        annotations,
        np.array([row["image_id"] for row in rows], np.int64),
        np.array([row["category_id"] for row in rows], np.int64),
        np.array([row["bbox"] for row in rows], np.float64).reshape(-1, 4),
        None,
    )


def boxes_by_image(
    annotations: CocoJson,
    image_ids: npt.NDArray[np.int64],
    category_ids: npt.NDArray[np.int64],
    bboxes_xywh: npt.NDArray[np.float64],
    scores: npt.NDArray[np.float64] | None,
) -> dict[int, Boxes]:
    """Sort boxes by the image they lie on.

    Args:
        annotations: COCO annotation file that lists the images and categories.
        image_ids: Image of each box, shape ``(N,)``.
        category_ids: Category of each box, one of the file's, shape ``(N,)``.
        bboxes_xywh: Left, top, width, height in absolute pixels, shape ``(N, 4)``.
        scores: Confidence from 0 to 1, shape ``(N,)``; None for ground truth.

    Returns:
        The boxes of every image of the file by its id, in the order given; none for an image without boxes.
    """
    positions = {category["id"]: index for index, category in enumerate(annotations["categories"])}
    labels = np.array([positions[category] for category in category_ids.tolist()], np.int64)
    boxes_xyxy = np.hstack([bboxes_xywh[:, :2], bboxes_xywh[:, :2] + bboxes_xywh[:, 2:]])
    order = np.argsort(image_ids, kind="stable")
    wanted = np.array([image["id"] for image in annotations["images"]], np.int64)
    starts = np.searchsorted(image_ids[order], wanted, side="left")
    ends = np.searchsorted(image_ids[order], wanted, side="right")
    return {
        image_id: Boxes(boxes_xyxy[rows], labels[rows], None if scores is None else scores[rows])
        for image_id, start, end in zip(wanted.tolist(), starts.tolist(), ends.tolist(), strict=True)
        for rows in [order[start:end]]
    }


def legend_strip(classes: Sequence[str], width: int) -> Image.Image:
    """Draw a list of the classes with their colours, ``width`` pixels wide, in as many lines as they need."""
    swatch, space = 16, 22
    places: list[tuple[int, int]] = []
    x = line = 0
    for name in classes:
        needed = swatch + 8 + round(font(16).getlength(name))
        if x and x + needed > width:
            x, line = 0, line + 1
        places.append((x, line * LEGEND_LINE * 2 // 3))
        x += needed + space
    picture = Image.new("RGB", (width, LEGEND_LINE + line * LEGEND_LINE * 2 // 3), PAPER)
    draw = ImageDraw.Draw(picture)
    for label, (name, (left, top)) in enumerate(zip(classes, places, strict=True)):
        middle = top + LEGEND_LINE // 2
        draw.rectangle((left, middle - swatch // 2, left + swatch, middle + swatch // 2), fill=class_colour(label))
        draw.text((left + swatch + 8, middle), name, INK, font(16), anchor="lm")
    return picture
