"""The flag that tells predicted labels from true ones, in a file of its own or merged into another."""

from __future__ import annotations

from typing import Any, Final

from sortline.data.annotations import CocoJson
from sortline.data.columns import Columns
from sortline.errors import Problem

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
    """Find weights of pseudo labels that are no numbers above 0 and at most 1.

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
