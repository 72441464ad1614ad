"""Boxes drawn on photos: a photo at a time, a folder of them, or a sheet of ground truth beside predictions."""

from __future__ import annotations

import colorsys
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont, ImageOps, UnidentifiedImageError

from custom_modules.coco.annotations import CocoJson
from custom_modules.errors import InputError, Problem
from custom_modules.files import atomic_write, missing_part
from custom_modules.predictions.results import Results

Rgb = tuple[int, int, int]
UInt8Array = npt.NDArray[np.uint8]

#: Colours that stay apart from each other and from most photos; classes beyond them get computed ones.
PALETTE: tuple[Rgb, ...] = (
    (230, 25, 75),
    (0, 130, 200),
    (245, 130, 48),
    (128, 0, 200),
    (60, 180, 75),
    (255, 225, 25),
    (70, 240, 240),
    (240, 50, 230),
    (170, 110, 40),
    (0, 128, 128),
)
SMALLEST_FONT = 9

PAPER, INK, MUTED = (250, 250, 248), (28, 30, 34), (112, 116, 124)
CELL = 400
GAP = 14
CAPTION = 26
TITLE = 64
LEGEND = 46
#: Sheets with more photos than this show two pairs side by side.
PAIRS_IN_ONE_COLUMN = 2


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


def class_colour(label: int) -> Rgb:
    """Return the colour of a class, the same on every photo."""
    if label < len(PALETTE):
        return PALETTE[label]
    # Steps of the golden ratio never come back to a hue already used.
    red, green, blue = colorsys.hsv_to_rgb(label * 0.618034 % 1, 0.75, 0.95)
    return round(red * 255), round(green * 255), round(blue * 255)


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
    drawn = [(row, clipped) for row in order.tolist() if (clipped := _clip(boxes[row], picture.size)) is not None]
    for row, box in drawn:
        draw.rectangle(box, outline=class_colour(int(names[row])), width=thickness)
    for row, box in drawn:
        text = classes[names[row]] + ("" if confidences is None else f" {confidences[row]:.2f}")
        _draw_tag(draw, box, text, class_colour(int(names[row])), size, picture.size)
    return np.asarray(picture).copy()


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
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
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
    text = _shortened(text, size, width - 2 * pad)
    plate_width, plate_height = round(_font(size).getlength(text)) + 2 * pad, size + 2 * pad
    left = min(max(box[0], 0), max(width - plate_width, 0))
    above = box[1] - plate_height
    top = above if above >= 0 else min(box[1], max(height - plate_height, 0))
    plate = (left, top, min(left + plate_width, width) - 1, min(top + plate_height, height) - 1)
    draw.rectangle(plate, fill=colour)
    ink = INK if _brightness(colour) > 140 else (255, 255, 255)
    draw.text((left + pad, top + plate_height / 2), text, fill=ink, font=_font(size), anchor="lm")


def _shortened(text: str, size: int, width: int) -> str:
    """Cut a text to a width in pixels."""
    if _font(size).getlength(text) <= width:
        return text
    while text and _font(size).getlength(text + "..") > width:
        text = text[:-1]
    return text + ".." if text else ""


def _brightness(colour: Rgb) -> float:
    """Return the luma of ITU-R BT.601, 0 to 255."""
    return 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]


def draw_results(
    annotations: CocoJson,
    results: Results,
    image_root: str | os.PathLike[str],
    out: str | os.PathLike[str],
    score_thr: float = 0.3,
) -> int:
    """Draw every photo of an annotation file with its detections, into ``out`` under its own ``file_name``.

    Args:
        annotations: COCO annotation file that lists the photos.
        results: Detections on them.
        image_root: Folder that ``file_name`` starts from.
        out: Folder to write to.
        score_thr: Detections below this score are left out.

    Returns:
        How many photos were drawn.

    Raises:
        InputError: A photo is absent or unreadable, or would be overwritten by its drawing.
    """
    source, target = Path(image_root), Path(out)
    if source.resolve() == target.resolve():
        remedy = "choose another folder"
        raise InputError(Problem(str(target), "holds the photos themselves, which drawing would replace", remedy))
    classes = [category["name"] for category in annotations["categories"]]
    predictions = predicted_boxes(annotations, results, score_thr)
    for image in annotations["images"]:
        boxes = predictions[image["id"]]
        photo = draw_boxes(read_photo(source, image), boxes.boxes_xyxy, boxes.labels, classes, boxes.scores)
        path = target / image["file_name"]
        _write_image(path, Image.fromarray(photo), Image.registered_extensions().get(path.suffix.lower(), "PNG"))
    return len(annotations["images"])


def read_photo(image_root: Path, image: dict[str, Any]) -> UInt8Array:
    """Read a photo of an annotation file as RGB, turned upright as its EXIF entry says.

    Raises:
        InputError: It's absent or unreadable.
    """
    path = image_root / image["file_name"]
    try:
        with Image.open(path) as file:
            return np.asarray(ImageOps.exif_transpose(file).convert("RGB"))
    except FileNotFoundError:
        raise InputError(Problem(str(path), "no such image", missing_part(path))) from None
    except (OSError, UnidentifiedImageError) as error:
        raise InputError(Problem(str(path), f"is not a readable image: {error}", "copy it again")) from None


def _write_image(path: Path, picture: Image.Image, form: str) -> None:
    """Write an image whole or not at all."""
    options: dict[str, Any] = {"quality": 92} if form == "JPEG" else {}
    with atomic_write(path, "wb") as file:
        picture.save(file, format=form, **options)


def true_boxes(annotations: CocoJson) -> dict[int, Boxes]:
    """Collect the annotated boxes of every image, by its id."""
    rows = annotations.get("annotations", [])
    return _by_image(
        annotations,
        np.array([row["image_id"] for row in rows], np.int64),
        np.array([row["category_id"] for row in rows], np.int64),
        np.array([row["bbox"] for row in rows], np.float64).reshape(-1, 4),
        None,
    )


def predicted_boxes(annotations: CocoJson, results: Results, score_thr: float) -> dict[int, Boxes]:
    """Collect the detections of every image with a score of at least ``score_thr``, by its id."""
    kept = results.take(results.scores >= score_thr)
    return _by_image(annotations, kept.image_ids, kept.category_ids, kept.bboxes_xywh, kept.scores)


def _by_image(
    annotations: CocoJson,
    image_ids: npt.NDArray[np.int64],
    category_ids: npt.NDArray[np.int64],
    bboxes_xywh: npt.NDArray[np.float64],
    scores: npt.NDArray[np.float64] | None,
) -> dict[int, Boxes]:
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


def comparison_sheet(
    annotations: CocoJson,
    results: Results,
    image_root: str | os.PathLike[str],
    out: str | os.PathLike[str],
    photos: int = 6,
    score_thr: float = 0.3,
) -> None:
    """Write one PNG that shows ground truth beside predictions on photos chosen to show many classes.

    Args:
        annotations: COCO annotation file with the ground truth.
        results: Detections on its images.
        image_root: Folder that ``file_name`` starts from.
        out: PNG to write.
        photos: How many photos to show; fewer if there are not as many.
        score_thr: Detections below this score are left out.

    Raises:
        InputError: A photo is absent or unreadable, or ``photos`` is not positive.
    """
    if photos < 1:
        raise InputError(Problem("photos", f"is {photos}", "give at least 1"))
    truth, predictions = true_boxes(annotations), predicted_boxes(annotations, results, score_thr)
    chosen = choose_images(annotations, truth, photos)
    classes = [category["name"] for category in annotations["categories"]]
    pairs = []
    for image in chosen:
        photo = read_photo(Path(image_root), image)
        pairs.append(_pair(photo, image["file_name"], truth[image["id"]], predictions[image["id"]], classes))
    shown = f"{len(pairs)} of {len(annotations['images']):,} photos, scores from {score_thr:g}"
    _write_image(Path(out), _sheet(pairs, classes, shown), "PNG")


def choose_images(annotations: CocoJson, truth: dict[int, Boxes], count: int) -> list[dict[str, Any]]:
    """Choose images that together show as many classes as possible, the less crowded ones first.

    Returns:
        At most ``count`` images, in the annotation file's order.
    """
    left = list(annotations["images"])
    chosen: list[dict[str, Any]] = []
    seen: set[int] = set()

    def gain(image: dict[str, Any]) -> tuple[int, int]:
        labels = truth[image["id"]].labels.tolist()
        return len(set(labels) - seen), -abs(len(labels) - 5)

    while left and len(chosen) < count:
        best = max(left, key=gain)
        left.remove(best)
        chosen.append(best)
        seen.update(truth[best["id"]].labels.tolist())
        if len(seen) == len(annotations["categories"]):
            seen.clear()
    order = [image["id"] for image in annotations["images"]]
    return sorted(chosen, key=lambda image: order.index(image["id"]))


def _pair(photo: UInt8Array, name: str, truth: Boxes, predicted: Boxes, classes: Sequence[str]) -> Image.Image:
    """Put a photo with its annotations beside the same with its detections, captions above."""
    height, width = photo.shape[:2]
    scale = CELL / max(height, width)
    cell = np.asarray(Image.fromarray(photo).resize((round(width * scale), round(height * scale))))
    picture = Image.new("RGB", (2 * CELL + GAP, CAPTION + CELL), PAPER)
    draw = ImageDraw.Draw(picture)
    captions = (f"{name}: {len(truth.labels)} annotated", f"{len(predicted.labels)} predicted")
    for column, (boxes, caption) in enumerate(zip((truth, predicted), captions, strict=True)):
        drawn = draw_boxes(cell, boxes.boxes_xyxy * scale, boxes.labels, classes, boxes.scores)
        left = column * (CELL + GAP)
        draw.text((left, CAPTION / 2), _shortened(caption, 15, CELL), fill=MUTED, font=_font(15), anchor="lm")
        offset = ((CELL - cell.shape[1]) // 2, (CELL - cell.shape[0]) // 2)
        picture.paste(Image.fromarray(drawn), (left + offset[0], CAPTION + offset[1]))
    return picture


def _sheet(pairs: Sequence[Image.Image], classes: Sequence[str], shown: str) -> Image.Image:
    """Put pairs into a grid under a title and over a legend."""
    columns = 1 if len(pairs) <= PAIRS_IN_ONE_COLUMN else 2
    rows = -(-len(pairs) // columns)
    pair_width, pair_height = pairs[0].size
    width = columns * pair_width + (columns + 1) * 2 * GAP
    legend = _legend(classes, width - 4 * GAP)
    height = TITLE + rows * (pair_height + GAP) + legend.height + GAP
    picture = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(picture)
    draw.text((2 * GAP, TITLE / 2), "Ground truth (left) beside predictions (right)", INK, _font(24), anchor="lm")
    draw.text((width - 2 * GAP, TITLE / 2), shown, MUTED, _font(17), anchor="rm")
    for index, pair in enumerate(pairs):
        row, column = divmod(index, columns)
        picture.paste(pair, (2 * GAP + column * (pair_width + 2 * GAP), TITLE + row * (pair_height + GAP)))
    picture.paste(legend, (2 * GAP, height - legend.height - GAP))
    return picture


def _legend(classes: Sequence[str], width: int) -> Image.Image:
    """List the classes with their colours, in as many lines as they need."""
    swatch, space = 16, 22
    places: list[tuple[int, int]] = []
    x = line = 0
    for name in classes:
        needed = swatch + 8 + round(_font(16).getlength(name))
        if x and x + needed > width:
            x, line = 0, line + 1
        places.append((x, line * LEGEND * 2 // 3))
        x += needed + space
    picture = Image.new("RGB", (width, LEGEND + line * LEGEND * 2 // 3), PAPER)
    draw = ImageDraw.Draw(picture)
    for label, (name, (left, top)) in enumerate(zip(classes, places, strict=True)):
        middle = top + LEGEND // 2
        draw.rectangle((left, middle - swatch // 2, left + swatch, middle + swatch // 2), fill=class_colour(label))
        draw.text((left + swatch + 8, middle), name, INK, _font(16), anchor="lm")
    return picture
