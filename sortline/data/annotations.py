"""COCO annotation files: read, and check against a config's classes."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from sortline.data.coco_table import read_table
from sortline.data.json_columns import Columns
from sortline.errors import InputError, Problem, counted, nearest
from sortline.files import read_json

CocoJson = dict[str, Any]

def read_annotations(path: str | os.PathLike[str]) -> CocoJson:
    """Read a COCO annotation file and check it.

    A file without annotations, such as a test set's, is fine; the key ``annotations`` is then an empty list.

    Returns:
        The file's content with ``images``, ``categories`` and ``annotations`` in the file's order and every
        other key as it was. Ids are unique, every annotation's image and category exist, boxes are
        ``[left, top, width, height]`` in absolute pixels, of positive size and inside their image.

    Raises:
        InputError: The file can't be read or breaks any of the above; all problems together, each naming
            the ids concerned.
    """
    where = str(path)
    data = read_json(path)
    problems = list(check_shape(data, where).values())
    if problems:
        raise InputError(problems)
    data.setdefault("annotations", [])
    problems = [fault.problem for fault in read_table(data, where).faults]
    if problems:
        raise InputError(problems)
    return dict(data)


def check_shape(data: Any, where: str) -> dict[str, Problem]:
    """Check that a parsed file has the lists ``images``, ``categories`` and, but for a test set, ``annotations``.

    Returns:
        What is wrong with each of the three keys that is absent, no list or empty.

    Raises:
        InputError: It isn't even an object.
    """
    if isinstance(data, list):
        if data and isinstance(data[0], dict) and {"image_id", "score"} <= data[0].keys():
            what = "is a list of detections, which looks like a COCO results file, not an annotation file"
        else:
            what = "is not a COCO annotation file: it holds a list, not an object"
        raise InputError(Problem(where, what, "give the file that has 'images' and 'categories'"))
    if not isinstance(data, dict):
        raise InputError(Problem(where, f"is not a COCO annotation file: it holds a {type(data).__name__}"))
    remedy = "a COCO annotation file has the lists 'images', 'categories' and, but for a test set, 'annotations'"
    problems = {}
    for key in ("images", "categories", "annotations"):
        if key not in data:
            if key != "annotations":
                suggestion = nearest(key, map(str, data))
                problems[key] = Problem(where, f"is not COCO: no key {key!r}", suggestion or remedy)
        elif not isinstance(data[key], list):
            problems[key] = Problem(where, f"{key!r} is not a list but a {type(data[key]).__name__}", remedy)
        elif not data[key] and key != "annotations":
            problems[key] = Problem(where, f"{key!r} is an empty list", remedy)
    return problems


def image_rows(annotations: CocoJson) -> dict[int, int]:
    """Map each image id to its row in the file."""
    return {image["id"]: row for row, image in enumerate(annotations["images"])}


def category_names(annotations: CocoJson) -> list[str]:
    """List the category names in the file's order, which is the order of a model's outputs."""
    return [category["name"] for category in annotations["categories"]]


def check_categories(annotations: CocoJson, classes: Sequence[str], where: str) -> list[Problem]:
    """Compare a config's classes with an annotation file's categories, in name and order.

    mmdet drops the boxes of a class whose name the file lacks in silence, so any difference is a problem.

    Args:
        annotations: A file read by :func:`read_annotations`.
        classes: The config's ``metainfo['classes']``.
        where: The config and key that holds the classes, as shown to the user.

    Returns:
        What differs, each with what to write; an empty list if nothing does.
    """
    names = category_names(annotations)
    if list(classes) == names:
        return []
    line = f"write metainfo = dict(classes={_tuple_text(names)})"
    repeated = [name for name, count in Counter(classes).items() if count > 1]
    problems = [Problem(where, f"class {name!r} is listed more than once", "list it once") for name in repeated]
    missing = [name for name in names if name not in classes]
    for extra in (name for name in dict.fromkeys(classes) if name not in names):
        twin = next((name for name in missing if bare_name(name) == bare_name(extra)), None)
        if twin is None:
            remedy = nearest(extra, missing or names) or "remove it, or use the annotation file that has it"
            problems.append(Problem(where, f"class {extra!r} is not in the annotation file", remedy))
        else:
            missing.remove(twin)
            what = f"class {extra!r} is {twin!r} in the annotation file (case or blanks differ)"
            problems.append(Problem(where, what, f"write {twin!r}"))
    if missing:
        listed = counted([repr(name) for name in missing], limit=len(missing))
        problems.append(Problem(where, f"lacks {listed}, which the annotation file has", "add what is missing"))
    if not problems:
        what = f"the classes {_tuple_text(classes)} are in another order than in the annotation file"
        return [Problem(where, what, line)]
    last = problems[-1]
    problems[-1] = Problem(last.where, last.what, f"{last.remedy}; to match the file in name and order, {line}")
    return problems


def bare_name(name: str) -> str:
    """Reduce a name to what is left when case, blanks, hyphens and underscores don't count."""
    return "".join(letter for letter in name.casefold() if letter not in " \t\n-_")


def _tuple_text(names: Sequence[str]) -> str:
    return repr(tuple(names))


#: Key of images and annotations; true where labels are predicted.
PSEUDO: Final = "pseudo"
#: Key of an annotation; the chance, above 0 and at most 1, that the box is right.
WEIGHT: Final = "weight"


def without_pseudo(annotations: CocoJson) -> tuple[CocoJson, int]:
    """Leave out the images whose labels are predicted, with their boxes; scores on them would say nothing.

    Returns:
        The content that is left, and the number of images left out.
    """
    images = [image for image in annotations["images"] if not image.get(PSEUDO)]
    left_out = len(annotations["images"]) - len(images)
    if not left_out:
        return annotations, 0
    ids = {image["id"] for image in images}
    boxes = [box for box in annotations["annotations"] if box["image_id"] in ids]
    return {**annotations, "images": images, "annotations": boxes}, left_out


def is_weighted(annotation: dict[str, Any]) -> bool:
    """Tell a pseudo label with a weight from other annotations, whatever a key of this name means to them."""
    return bool(annotation.get(PSEUDO)) and WEIGHT in annotation


def check_weights(annotations: CocoJson, where: str) -> list[Problem]:
    """Find weights of pseudo labels that are not numbers above 0 and at most 1.

    Args:
        annotations: A file's content.
        where: The file, as shown to the user.
    """
    weighted = [annotation for annotation in annotations["annotations"] if is_weighted(annotation)]
    rows = Columns(where, ("pseudo label", "pseudo labels"), weighted)
    rows.name_rows_by("annotation id", [annotation["id"] for annotation in weighted])
    weights, good = rows.numbers(WEIGHT)
    rows.report(good & ((weights <= 0) | (weights > 1)), "whose 'weight' is not above 0 and at most 1")
    return rows.problems
