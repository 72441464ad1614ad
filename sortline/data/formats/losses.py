"""What a format can't hold of a dataset, counted for the user."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from sortline.data.annotations import CocoJson

# Areas in real files are rounded to two decimals.
AREA_TOLERANCE = 0.01

ALWAYS_HELD = {
    "images": {"id", "file_name", "width", "height"},
    "categories": {"id", "name"},
    "annotations": {"id", "image_id", "category_id", "bbox"},
}


def own_area(annotation: Mapping[str, Any]) -> float | None:
    """Return an annotation's area if it differs from its box's, as that of a mask does."""
    _, _, width, height = annotation["bbox"]
    area = annotation.get("area")
    if area is None or abs(area - width * height) <= AREA_TOLERANCE:
        return None
    return float(area)


def count_losses(annotations: CocoJson, held_keys: Collection[str]) -> list[str]:
    """List what is lost when only boxes, classes and ``held_keys`` of the annotations are kept.

    Empty values don't count, nor an area that is the box's.

    Returns:
        Texts such as ``"segmentation of 12 boxes"``.
    """
    lost = [key for key, value in annotations.items() if key not in ALWAYS_HELD and _says_more(key, value)]
    for part, noun in (("images", "image"), ("categories", "category"), ("annotations", "box")):
        counts: Counter[str] = Counter()
        held = {*ALWAYS_HELD[part], *(held_keys if part == "annotations" else ())}
        for entry in annotations[part]:
            counts.update(key for key, value in entry.items() if key not in held and _is_content(key, value, entry))
        lost += [f"{key} of {some(count, noun)}" for key, count in counts.items()]
    return lost


def _says_more(key: str, value: Any) -> bool:
    """Tell whether a key of the whole file says more than where the file is from."""
    return (
        bool({name for name in value if name != "sortline"})
        if key == "info" and isinstance(value, dict)
        else bool(value)
    )


def _is_content(key: str, value: Any, entry: dict[str, Any]) -> bool:
    if key == "area":
        return own_area(entry) is not None
    if key == "license":
        return value is not None
    if key == "supercategory":
        return value not in (None, "", "none", entry["name"])
    return bool(value)


def some(count: int, noun: str) -> str:
    """Count a noun: ``"1 box"``, ``"2 boxes"``."""
    plural = {"box": "boxes", "category": "categories", "class": "classes"}.get(noun, f"{noun}s")
    return f"{count:,} {noun if count == 1 else plural}"
