"""Which of our categories another framework's class ids mean."""

from __future__ import annotations

from collections.abc import Sequence

from sortline.data.annotations import CocoJson, category_names
from sortline.errors import InputError, Problem, counted, nearest


def ids_by_name(names: Sequence[str], annotations: CocoJson, where: str) -> list[int]:
    """Return the category id of each class name.

    Args:
        names: Class names of another framework.
        annotations: Our annotation file.
        where: What holds the names, as shown to the user.

    Raises:
        InputError: Names that the annotation file does not have.
    """
    ids = {category["name"]: category["id"] for category in annotations["categories"]}
    unknown = [name for name in names if name not in ids]
    if unknown:
        remedy = "name the classes there as in the annotation file, in the same places"
        raise InputError(
            [
                Problem(where, f"class {name!r} is not in the annotation file", nearest(name, ids) or remedy)
                for name in unknown
            ]
        )
    return [ids[name] for name in names]


def ordered_ids(names: Sequence[str] | None, annotations: CocoJson, where: str) -> tuple[list[int], str]:
    """Return the category id of each class by its number from 0 on, and a note on where the order is from.

    Args:
        names: Classes in the other framework's order; None for that of our annotation file.
        annotations: Our annotation file.
        where: What holds the names, as shown to the user.

    Raises:
        InputError: As for :func:`ids_by_name`.
    """
    if names is not None:
        return ids_by_name(names, annotations, where), f"classes in the order of {where}"
    order = counted(category_names(annotations), limit=3)
    ids = [category["id"] for category in annotations["categories"]]
    return ids, f"classes taken to be in the order of the annotation file ({order}); --classes gives another"
