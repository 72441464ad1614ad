"""Rows of YOLO label files, and the boxes in them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sortline.data.annotations import CocoJson
from sortline.data.formats.base import Findings
from sortline.data.formats.losses import some
from sortline.errors import InputError
from sortline.files import read_text

COLUMNS = 5
# A polygon has three corners at least.
LEAST_POLYGON = 1 + 2 * 3
# Six decimals, as many tools write, leave values above 1 by half of the last one.
RANGE_TOLERANCE = 1e-6
DECIMALS_OF_PARTS = 12
DECIMALS_OF_PIXELS = 6
NOISE = 1e-6

NamedBox = tuple[str, list[float], str]


def rows_to_boxes(
    path: Path, size_wh: tuple[int, int], names: Sequence[str], findings: Findings
) -> tuple[list[NamedBox], int]:
    """Read a label file.

    Args:
        path: The file; empty for a photo without boxes.
        size_wh: Width and height of the photo in pixels.
        names: Classes by index.
        findings: Takes what is wrong, by line.

    Returns:
        Class, ``[left, top, width, height]`` in pixels and place of each box; and how many were polygons.
    """
    try:
        lines = read_text(path).split("\n")
    except InputError as error:
        findings.extend(error.problems)
        return [], 0
    boxes: list[NamedBox] = []
    polygons = 0
    for number, line in enumerate(lines, start=1):
        tokens = line.split()
        where = f"{path}:{number}"
        values = _values(tokens, where, names, findings) if tokens else None
        if values is None:
            continue
        index, *parts = values
        polygons += len(tokens) > COLUMNS
        bbox_xywh = _to_pixels(_polygon_box(parts) if len(tokens) > COLUMNS else parts, size_wh)
        boxes.append((names[int(index)], bbox_xywh, where))
    return boxes, polygons


def _values(tokens: Sequence[str], where: str, names: Sequence[str], findings: Findings) -> list[float] | None:
    """Check a row and return its numbers; None if it has a finding."""
    if len(tokens) != COLUMNS and (len(tokens) < LEAST_POLYGON or len(tokens) % 2 == 0):
        remedy = "a row is: class x_centre y_centre width height; or class and the corners of a polygon"
        findings.add("a row of the wrong number of columns", where, f"{len(tokens)} columns", remedy)
        return None
    try:
        values = [float(token) for token in tokens]
    except ValueError:
        findings.add("a row that is not numbers", where, repr(" ".join(tokens)[:60]))
        return None
    if values[0] not in range(len(names)):
        remedy = f"'names' of data.yaml has the indices 0 to {len(names) - 1}"
        findings.add("a class index outside the names", where, tokens[0], remedy)
        return None
    if not all(-RANGE_TOLERANCE <= value <= 1 + RANGE_TOLERANCE for value in values[1:]):
        remedy = "coordinates are parts of the photo's width and height, from 0 to 1, not pixels"
        findings.add("coordinates outside 0 to 1", where, " ".join(tokens[1:COLUMNS]), remedy)
        return None
    return values


def _polygon_box(corners: Sequence[float]) -> list[float]:
    """Return centre and size of the box around a polygon's corners ``x1 y1 x2 y2 ...``."""
    xs, ys = corners[0::2], corners[1::2]
    left, right, top, bottom = min(xs), max(xs), min(ys), max(ys)
    return [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top]


def _to_pixels(box_cxcywhn: Sequence[float], size_wh: tuple[int, int]) -> list[float]:
    """Turn centre and size in parts of the photo into left, top, width and height in pixels."""
    x_centre, y_centre, width, height = box_cxcywhn
    sizes = width * size_wh[0], height * size_wh[1]
    start = x_centre * size_wh[0] - sizes[0] / 2, y_centre * size_wh[1] - sizes[1] / 2
    # Adding 0 turns -0 into 0.
    return [round(value, DECIMALS_OF_PIXELS) + 0.0 for value in (*start, *sizes)]


def boxes_to_rows(annotations: CocoJson) -> tuple[dict[int, str], list[str]]:
    """Print the label file of each image.

    YOLO trainers refuse a file with a value outside 0 to 1, so boxes are clipped to their photo; and they
    know no crowd regions, which would become wrong targets, so those are left out.

    Returns:
        Text by image id, and notes on what was clipped and left out.
    """
    sizes = {image["id"]: (image["width"], image["height"]) for image in annotations["images"]}
    indices = {category["id"]: index for index, category in enumerate(annotations["categories"])}
    rows: dict[int, list[str]] = {image_id: [] for image_id in sizes}
    clipped = outside = crowds = 0
    for annotation in annotations["annotations"]:
        if annotation.get("iscrowd"):
            crowds += 1
            continue
        size = sizes[annotation["image_id"]]
        parts = _to_parts(annotation["bbox"], size)
        if parts is None:
            outside += 1
            continue
        clipped += _reaches_out(annotation["bbox"], size)
        rows[annotation["image_id"]].append(" ".join([str(indices[annotation["category_id"]]), *map(_text, parts)]))
    notes = [f"clipped {some(clipped, 'box')} to the photo"] if clipped else []
    notes += [f"left out {some(crowds, 'crowd region')}, which YOLO can't mark"] if crowds else []
    notes += [f"left out {some(outside, 'box')} wholly outside the photo"] if outside else []
    return {image_id: "".join(f"{row}\n" for row in lines) for image_id, lines in rows.items()}, notes


def _reaches_out(bbox_xywh: Sequence[float], size_wh: tuple[int, int]) -> bool:
    """Tell whether a box reaches beyond its photo by more than the noise of adding floats."""
    left, top, width, height = bbox_xywh
    beyond = (-left, -top, left + width - size_wh[0], top + height - size_wh[1])
    return max(beyond) > NOISE


def _to_parts(bbox_xywh: Sequence[float], size_wh: tuple[int, int]) -> list[float] | None:
    """Turn left, top, width and height in pixels into centre and size in parts; None if nothing is inside."""
    centres, sizes = [], []
    for start, length, whole in zip(bbox_xywh[:2], bbox_xywh[2:], size_wh, strict=True):
        low, high = max(start, 0.0), min(start + length, float(whole))
        if high <= low:
            return None
        # Untouched lengths are kept as they are: start + length - start would add noise.
        size = length if low == start and high == start + length else high - low
        centres.append((low + size / 2) / whole)
        sizes.append(size / whole)
    return [*centres, *sizes]


def _text(part: float) -> str:
    text = f"{part:.{DECIMALS_OF_PARTS}f}".rstrip("0").rstrip(".")
    return text or "0"
