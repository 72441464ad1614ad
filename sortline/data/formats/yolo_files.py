"""The two kinds of text files that YOLO has: label files with a row a box, and ``data.yaml`` with classes and splits."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from sortline.data.annotations import CocoJson
from sortline.data.formats.base import SPLITS, Findings
from sortline.data.photo_files import photos_below
from sortline.errors import InputError, Problem, counted, nearest
from sortline.files import read_text
from sortline.reports.numbers import some

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


FILE_NAMES = ("data.yaml", "data.yml")
OWN_NAME = FILE_NAMES[0]


def find_yaml(source: Path) -> Path | None:
    """Return the yaml that ``source`` is or holds; None if there is none."""
    if source.suffix.lower() in (".yaml", ".yml") and source.is_file():
        return source
    return next((source / name for name in FILE_NAMES if (source / name).is_file()), None)


def load_yaml(path: Path) -> dict[str, Any]:
    """Read a yaml with every value as text, so that a class called ``no`` or ``007`` stays what it is.

    Raises:
        InputError: It is not yaml, or not a mapping.
    """
    try:
        content = yaml.load(read_text(path), Loader=yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise InputError(Problem(where, f"is not yaml: {getattr(error, 'problem', None) or error}")) from None
    if not isinstance(content, dict):
        raise InputError(Problem(str(path), "is not a mapping of names to values", "it needs names: and train:"))
    return content


def load_typed(path: Path) -> dict[str, Any]:
    """Read a yaml that :func:`load_yaml` has read, with numbers as numbers."""
    content: dict[str, Any] = yaml.safe_load(read_text(path))
    return content


def class_names(content: Mapping[str, Any], path: Path) -> list[str]:
    """Return the classes in the order of their indices.

    Raises:
        InputError: ``names`` is absent, has gaps or repeats a class, or ``nc`` differs from their number.
    """
    names = content.get("names")
    if names is None:
        raise InputError(Problem(str(path), "no key 'names'", nearest("names", content) or "list the classes there"))
    if isinstance(names, dict):
        wanted = [str(index) for index in range(len(names))]
        if sorted(names) != sorted(wanted):
            what = f"'names' has the indices {counted(list(names), 20)}"
            raise InputError(Problem(str(path), what, f"number the classes from 0 to {len(names) - 1}"))
        names = [names[index] for index in wanted]
    if not isinstance(names, list) or not names or not all(isinstance(name, str) and name.strip() for name in names):
        raise InputError(Problem(str(path), "'names' is not a list of class names"))
    problems = []
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        problems.append(Problem(str(path), f"'names' repeats {counted(repeated)}", "list each class once"))
    if "nc" in content and content["nc"] != str(len(names)):
        what = f"'nc' is {content['nc']!r}, but 'names' has {len(names)} classes"
        problems.append(Problem(str(path), what, "make them agree: class indices may be off"))
    if problems:
        raise InputError(problems)
    return names


def split_values(content: Mapping[str, Any], path: Path) -> dict[str, list[str]]:
    """Return where each split's photos are: folders, photos or lists of photos, as written.

    Raises:
        InputError: There is no split, or one is neither a text nor a list of texts.
    """
    found: dict[str, list[str]] = {}
    for split, names in SPLITS.items():
        value = next((content[name] for name in names if content.get(name)), None)
        values = [value] if isinstance(value, str) else value
        if values is None:
            continue
        if not isinstance(values, list) or not all(isinstance(item, str) for item in values):
            raise InputError(Problem(str(path), f"{split!r} is neither a path nor a list of paths"))
        found[split] = values
    if not found:
        raise InputError(Problem(str(path), "names no split", "it needs train:, val: or test: with a folder of photos"))
    return found


def dataset_root(content: Mapping[str, Any], path: Path) -> Path:
    """Return the folder that the splits start from: ``path:`` if it is there, else the yaml's folder."""
    value = content.get("path")
    folder = path.parent / value if isinstance(value, str) and value else path.parent
    return Path(os.path.normpath(folder if os.path.isdir(folder) else path.parent))


def list_photos(values: Sequence[str], root: Path, path: Path, findings: Findings) -> list[Path]:
    """List a split's photos.

    Args:
        values: Folders, which are searched with all below them, photos, or text files with a photo a line.
        root: Folder that they start from.
        path: The yaml, for messages.
        findings: Takes what is absent.
    """
    photos: list[Path] = []
    for value in values:
        place = _resolve(value, root)
        if os.path.isdir(place):
            inside = photos_below(place)
            photos += inside
            if not inside:
                findings.add("a folder without photos", place)
        elif not os.path.isfile(place):
            findings.add("a folder or list of photos that is absent", path, value, f"looked for {place}")
        elif place.suffix.lower() == ".txt":
            photos += _listed(place, root, findings)
        else:
            photos.append(place)
    return list(dict.fromkeys(photos))


def _resolve(value: str, root: Path) -> Path:
    """Return a split's path. Roboflow writes ``../train/images`` for what is ``train/images`` beside the yaml."""
    place, inside = root / value, root / value.removeprefix("../")
    return Path(os.path.normpath(inside if not os.path.exists(place) and os.path.exists(inside) else place))


def _listed(path: Path, root: Path, findings: Findings) -> list[Path]:
    """Read a list of photos; ``./`` is its own folder, as YOLO trainers have it, otherwise the dataset's is tried."""
    photos = []
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        name = line.rstrip("\r")
        if not name.strip():
            continue
        folders = [path.parent] if name.startswith("./") else [root, path.parent]
        found = next((folder / name for folder in folders if os.path.isfile(folder / name)), None)
        if found is None:
            findings.add("names a photo that is absent", f"{path}:{number}", name)
        else:
            photos.append(Path(os.path.normpath(found)))
    return photos


def yaml_text(names: Sequence[str], splits: Mapping[str, str | Sequence[str]], others: Mapping[str, Any]) -> str:
    """Print a ``data.yaml``: the splits, the number and names of the classes, then what else was in it."""
    content = {**splits, "nc": len(names), "names": list(names), **others}
    text: str = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=1000)
    return text
