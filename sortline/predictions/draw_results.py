"""Boxes drawn on photos: a photo at a time, a folder of them, or a sheet of ground truth beside predictions."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from sortline.arrays import UInt8Array
from sortline.data.annotations import CocoJson
from sortline.data.drawing import (
    INK,
    MUTED,
    PAPER,
    Boxes,
    boxes_by_image,
    draw_boxes,
    font,
    legend_strip,
    shortened,
    true_boxes,
    write_image,
)
from sortline.data.photos import read_photo
from sortline.errors import InputError, Problem, counted
from sortline.predictions.results import Results

CELL = 400
GAP = 14
CAPTION = 26
TITLE = 64
#: Sheets with more photos than this show two rows side by side.
ROWS_IN_ONE_COLUMN = 2


def drawing_places(
    annotations: CocoJson, image_root: str | os.PathLike[str], out: str | os.PathLike[str]
) -> dict[int, Path]:
    """Say where the drawing of each photo goes: always below ``out``.

    It is named after the photo's ``file_name``. Where one of them leads out of a folder, as an absolute one does, all
    are named as seen from the folder that the photos share.

    Args:
        annotations: COCO annotation file that lists the photos.
        image_root: Folder that ``file_name`` starts from.
        out: Folder for the drawings.

    Returns:
        A path for each image id.

    Raises:
        InputError: Two photos would have one drawing, or a drawing would replace a photo.
    """
    target = Path(out)
    ids = [image["id"] for image in annotations["images"]]
    photos = [os.path.abspath(Path(image_root, image["file_name"])) for image in annotations["images"]]
    names = [PurePath(os.path.normpath(image["file_name"])) for image in annotations["images"]]
    if any(name.is_absolute() or name.parts[:1] == ("..",) for name in names):
        shared = os.path.commonpath([os.path.dirname(photo) for photo in photos])
        names = [PurePath(os.path.relpath(photo, shared)) for photo in photos]
    problems = []
    if twice := [str(name) for name, count in Counter(names).items() if count > 1]:
        what = f"would hold one drawing for two photos: {counted(twice)}"
        problems.append(Problem(str(target), what, "list each photo once in the annotation file"))
    places = [target / name for name in names]
    if replaced := sorted({str(place.resolve()) for place in places} & set(map(os.path.realpath, photos))):
        what = f"holds the photos themselves, which drawing would replace: {counted(replaced)}"
        problems.append(Problem(str(target), what, "choose another folder"))
    if problems:
        raise InputError(problems)
    return dict(zip(ids, places, strict=True))


def draw_results(
    annotations: CocoJson,
    results: Results,
    image_root: str | os.PathLike[str],
    out: str | os.PathLike[str],
    score_thr: float = 0.3,
) -> int:
    """Draw every photo of an annotation file with its detections into ``out``, named as :func:`drawing_places` says.

    Args:
        annotations: COCO annotation file that lists the photos.
        results: Detections on them.
        image_root: Folder that ``file_name`` starts from.
        out: Folder to write to.
        score_thr: Detections below this score are left out.

    Returns:
        How many photos were drawn.

    Raises:
        InputError: A photo is absent or unreadable, listed twice, or would be overwritten by its drawing.
    """
    places = drawing_places(annotations, image_root, out)
    classes = [category["name"] for category in annotations["categories"]]
    predictions = predicted_boxes(annotations, results, score_thr)
    for image in annotations["images"]:
        boxes, path = predictions[image["id"]], places[image["id"]]
        photo = draw_boxes(read_photo(Path(image_root), image), boxes.boxes_xyxy, boxes.labels, classes, boxes.scores)
        write_image(path, Image.fromarray(photo), Image.registered_extensions().get(path.suffix.lower(), "PNG"))
    return len(places)


def predicted_boxes(annotations: CocoJson, results: Results, score_thr: float) -> dict[int, Boxes]:
    """Collect the detections of every image with a score of at least ``score_thr``, by its id."""
    kept = results.take(results.scores >= score_thr)
    return boxes_by_image(annotations, kept.image_ids, kept.category_ids, kept.bboxes_xywh, kept.scores)


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
        annotated, predicted = truth[image["id"]], predictions[image["id"]]
        captions = f"{image['file_name']}: {len(annotated.labels)} annotated", f"{len(predicted.labels)} predicted"
        pairs.append(photo_row(photo, list(zip(captions, (annotated, predicted), strict=True)), classes))
    shown = f"{len(pairs)} of {len(annotations['images']):,} photos, scores from {score_thr:g}"
    title = "Ground truth (left) beside predictions (right)"
    write_image(Path(out), photo_sheet(pairs, classes, title, shown), "PNG")


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


def photo_row(
    photo: UInt8Array, panels: Sequence[tuple[str, Boxes]], classes: Sequence[str], cell: int = CELL
) -> Image.Image:
    """Draw a photo several times beside each other, each time with other boxes and a caption above.

    Args:
        photo: RGB, shape ``(height, width, 3)``.
        panels: Caption and boxes of each, in the photo's pixels.
        classes: All class names.
        cell: Longer side of each in pixels.
    """
    height, width = photo.shape[:2]
    scale = cell / max(height, width)
    small = np.asarray(Image.fromarray(photo).resize((max(round(width * scale), 1), max(round(height * scale), 1))))
    picture = Image.new("RGB", (len(panels) * (cell + GAP) - GAP, CAPTION + cell), PAPER)
    draw = ImageDraw.Draw(picture)
    for column, (caption, boxes) in enumerate(panels):
        drawn = draw_boxes(small, boxes.boxes_xyxy * scale, boxes.labels, classes, boxes.scores)
        left = column * (cell + GAP)
        draw.text((left, CAPTION / 2), shortened(caption, 15, cell), fill=MUTED, font=font(15), anchor="lm")
        offset = ((cell - small.shape[1]) // 2, (cell - small.shape[0]) // 2)
        picture.paste(Image.fromarray(drawn), (left + offset[0], CAPTION + offset[1]))
    return picture


def photo_sheet(rows: Sequence[Image.Image], classes: Sequence[str], title: str, shown: str) -> Image.Image:
    """Put rows of photos of one size into a grid under a title and over a legend.

    Args:
        rows: As from :func:`photo_row`, at least one.
        classes: All class names.
        title: Above them.
        shown: What they are of, at the right of the title.
    """
    columns = 1 if len(rows) <= ROWS_IN_ONE_COLUMN else 2
    lines = -(-len(rows) // columns)
    row_width, row_height = rows[0].size
    width = columns * row_width + (columns + 1) * 2 * GAP
    legend = legend_strip(classes, width - 4 * GAP)
    height = TITLE + lines * (row_height + GAP) + legend.height + GAP
    picture = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(picture)
    draw.text((2 * GAP, TITLE / 2), title, INK, font(24), anchor="lm")
    draw.text((width - 2 * GAP, TITLE / 2), shown, MUTED, font(17), anchor="rm")
    for index, row in enumerate(rows):
        line, column = divmod(index, columns)
        picture.paste(row, (2 * GAP + column * (row_width + 2 * GAP), TITLE + line * (row_height + GAP)))
    picture.paste(legend, (2 * GAP, height - legend.height - GAP))
    return picture
