"""Repairs of rows and what joins them: values of a wrong type, ids, references, rows listed twice."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

from sortline.arrays import BoolArray
from sortline.data.check.annotation_checks import values_not_json
from sortline.data.check.findings import Place, Places
from sortline.data.check.source import Draft
from sortline.data.json_columns import INT64_LIMIT, is_finite_number

NUMBER = re.compile(r"\s*[+-]?\d{1,18}(\.\d{1,18})?([eE][+-]?\d{1,2})?\s*")
FLAGS = {"0": 0, "1": 1, "false": 0, "true": 1}
EXACT_FLOATS = 2**53


def as_number(value: Any) -> float | None:
    """Read a number or a text that spells one; None for anything else."""
    if isinstance(value, str) and NUMBER.fullmatch(value):
        return float(value)
    return value if is_finite_number(value) else None


def as_integer(value: Any) -> int | None:
    """Read a whole number given as text or as a float; None for anything else, truth values included.

    >>> as_integer("7"), as_integer(7.0), as_integer(7.5), as_integer(True)
    (7, 7, None, None)
    """
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?\d{1,18}\s*", value):
        return int(value)
    number = as_number(value)
    return int(number) if number is not None and abs(number) < EXACT_FLOATS and number == int(number) else None


def as_box(value: Any) -> list[float] | None:
    """Read four numbers, texts that spell them included."""
    if not isinstance(value, list) or len(value) != 4:
        return None
    numbers = [as_number(part) for part in value]
    return None if None in numbers else [number for number in numbers if number is not None]


def as_flag(value: Any) -> int | None:
    """Read 0 or 1 from null, which is 0, and from the texts of :data:`FLAGS`."""
    return 0 if value is None else FLAGS.get(value.strip().lower()) if isinstance(value, str) else None


READERS: dict[str, Callable[[Any], Any]] = {
    "id": as_integer,
    "image_id": as_integer,
    "category_id": as_integer,
    "width": as_integer,
    "height": as_integer,
    "area": as_number,
    "bbox": as_box,
    "iscrowd": as_flag,
}


def convert_values(draft: Draft) -> None:
    """Write as numbers what is given as text or as a float without fraction."""
    for finding in draft.findings(lambda kind: kind.endswith("-bad")):
        key = finding.kind.partition("-")[2].removesuffix("-bad")
        for place in finding.places:
            value = READERS[key](draft.row(place).get(key)) if key in READERS else None
            if value is not None:
                draft.set(finding.kind, place, key, value, "the same value in the form that COCO has for it")


def drop_broken_rows(draft: Draft) -> None:
    """Drop annotations that are not JSON objects."""
    for finding in draft.findings(lambda kind: kind == "annotation-row-bad"):
        draft.drop(finding.kind, finding.places, "not a JSON object: nothing can be read from it")


def drop_repeated_categories(draft: Draft) -> None:
    """Drop the second listing of a category with the same id and name."""
    categories = draft.source.table.categories
    place = Places(draft.source.table).category
    seen: set[tuple[int, str]] = set()
    repeated = []
    for row, pair in enumerate(zip(categories.ids.tolist(), categories.names, strict=True)):
        if pair in seen and categories.has_id[row] and pair[1]:
            repeated.append(place(row))
        seen.add(pair)
    draft.drop("category-id-repeated", repeated, "the same id and name are listed before")


def drop_repeated_images(draft: Draft) -> None:
    """Drop the second listing of an image, of the same name and size, and give its boxes to the first.

    Where another image has an id of the two as well, both stay: it is unknown which image a box belongs to.
    """
    images = draft.source.table.images
    place = Places(draft.source.table).image
    names_of_id = images.names_by_id()
    first_rows: dict[str, int] = {}
    moved: dict[int, int] = {}
    repeated: list[Place] = []
    for row, name in enumerate(images.names):
        first = first_rows.setdefault(name, row)
        same_size = images.has_size[row] and (images.sizes_wh[row] == images.sizes_wh[first]).all()
        if not name or first == row or not same_size or not (images.has_id[row] and images.has_id[first]):
            continue
        own, kept = int(images.ids[row]), int(images.ids[first])
        if own == kept or names_of_id[own] == names_of_id[kept] == {name}:
            repeated.append(place(row))
            moved[own] = kept
    _move_annotations(draft, {own: kept for own, kept in moved.items() if own != kept})
    draft.drop("image-file_name-repeated", repeated, "the same image is listed before")


def _move_annotations(draft: Draft, moved: dict[int, int]) -> None:
    table = draft.source.table
    place = Places(table).annotation
    for row, image in enumerate(table.annotations.image_rows.tolist()):
        target = moved.get(int(table.images.ids[image])) if image >= 0 else None
        if target is not None:
            why = "its image is listed twice; the first listing stays"
            draft.set("image-file_name-repeated", place(row), "image_id", target, why)


def renumber_unused_images(draft: Draft) -> None:
    """Give images that share an id with another new ones, where no annotation refers to that id."""
    table = draft.source.table
    ids, has_id = table.images.ids, table.images.has_id
    referred = set(ids[table.annotations.image_rows[table.annotations.image_rows >= 0]].tolist())
    rows = [row for row in _later_of_equal(ids.tolist(), has_id) if int(ids[row]) not in referred]
    place = Places(table).image
    for row, fresh in zip(rows, fresh_ids(ids[has_id].tolist()), strict=False):
        why = "another image has this id, and no annotation refers to it"
        draft.set("image-id-repeated", place(row), "id", fresh, why)


def drop_lost_annotations(draft: Draft) -> None:
    """Drop annotations without a usable image or category."""
    keys = ("annotation-image_id-", "annotation-category_id-")
    # Positions move with each drop, so that the faults are read again after it.
    while found := draft.findings(lambda kind: kind.startswith(keys)):
        draft.drop(found[0].kind, found[0].places, f"no usable {found[0].kind.split('-')[1]}")


def renumber_annotations(draft: Draft) -> None:
    """Give annotations without an id of their own new ones; nothing else refers to these."""
    annotations = draft.source.table.annotations
    place = Places(draft.source.table).annotation
    repeated = set(_later_of_equal(annotations.ids.tolist(), annotations.has_id))
    rows = [row for row in range(len(annotations.rows)) if row in repeated or not annotations.has_id[row]]
    fresh = fresh_ids(annotations.ids[annotations.has_id].tolist())
    for row, number in zip(rows, fresh, strict=False):
        kind = "annotation-id-repeated" if row in repeated else "annotation-id-missing"
        draft.set(kind, place(row), "id", number, "every annotation needs an id of its own")


def _later_of_equal(values: list[int], good: BoolArray) -> Iterator[int]:
    """Yield the positions of good values that stand before already."""
    seen: set[int] = set()
    for row, value in enumerate(values):
        if good[row]:
            if value in seen:
                yield row
            seen.add(value)


def fresh_ids(used: list[int]) -> Iterator[int]:
    """Yield ids that are not used yet, above the largest one while these fit 64 bits."""
    taken = set(used)
    start = max(taken, default=-1) + 1
    above = range(max(start, 0), INT64_LIMIT)
    yield from above
    yield from (number for number in count() if number not in taken)


def set_other_values_to_null(draft: Draft) -> None:
    """Replace NaN and infinity, which JSON doesn't have, by null in keys that no rule is about."""
    for place, key, value in values_not_json(draft.source):
        if isinstance(value, float) and place.section:
            draft.set("value-not-json", place, key, None, "JSON has neither NaN nor infinity")
