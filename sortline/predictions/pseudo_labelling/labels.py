"""The annotation file of pseudo labels: ids that meet no others, flags that keep its images out of scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from sortline.arrays import FloatArray
from sortline.data.annotations import PSEUDO, WEIGHT, CocoJson, category_names
from sortline.errors import InputError, Problem, counted
from sortline.predictions.ensembling.curves import MemberCurves
from sortline.predictions.pseudo_labelling.selection import Selection
from sortline.predictions.results import Results

#: Where ids start when no train file is given: above those of COCO's own files, below what 32 bits hold.
FIRST_ID: Final = 1_000_000_000
ID_LIMIT: Final = 2**63
WEIGHT_DECIMALS: Final = 4
#: A curve may say 0, which a label can't weigh.
LEAST_WEIGHT: Final = 0.01

Weigh = Callable[[str, FloatArray], FloatArray]


def weigh_by_score(name: str, scores: FloatArray) -> FloatArray:
    """Take the score itself for the chance of being right."""
    return scores


def weigh_by(curves: MemberCurves) -> Weigh:
    """Return what reads the chance of being right from curves that were fitted out of fold."""
    return lambda name, scores: curves.of_class(name)(scores)


@dataclass(frozen=True)
class IdStarts:
    """First ids of new entries."""

    images: int
    annotations: int


def free_ids(train: CocoJson | None) -> IdStarts:
    """Find ids that no image and no annotation of a train file has; far off, if there is no file to look at."""
    if train is None:
        return IdStarts(FIRST_ID, FIRST_ID)
    highest = {key: max((entry["id"] for entry in train[key]), default=-1) for key in ("images", "annotations")}
    return IdStarts(max(highest["images"] + 1, 0), max(highest["annotations"] + 1, 0))


def target_categories(annotations: CocoJson, train: CocoJson | None, where: str) -> list[dict[str, Any]]:
    """Return the categories of the train file, which every source must have.

    Args:
        annotations: The file that was predicted on; its own categories count without a train file.
        train: The train file, if given.
        where: The file that was predicted on, as shown to the user.

    Raises:
        InputError: The two differ in more than order and ids.
    """
    if train is None:
        return list(annotations["categories"])
    ours, theirs = category_names(annotations), category_names(train)
    if set(ours) != set(theirs):
        differing = [name for name in [*ours, *theirs] if (name in ours) != (name in theirs)]
        what = f"has other categories than the train file: {counted(differing)} in one of them only"
        raise InputError(Problem(where, what, "predict with a model of the same classes"))
    return list(train["categories"])


def to_annotations(
    selection: Selection,
    annotations: CocoJson,
    categories: Sequence[dict[str, Any]],
    starts: IdStarts,
    weigh: Weigh | None = None,
) -> CocoJson:
    """Write selected boxes as the content of an annotation file.

    Boxes left open are crowd regions (``iscrowd`` 1), and so never an object. Every image and annotation has
    ``pseudo: true``; annotations have their ``score`` and, if asked, a ``weight``; images have the id in the file
    that was predicted on as ``source_id``.

    Args:
        selection: What becomes a label and what is left open.
        annotations: The file that was predicted on.
        categories: Categories to write, matched by name.
        starts: First ids.
        weigh: Gives the weights of a class's boxes from their scores; None gives none.

    Raises:
        InputError: Ids have no room.
    """
    images = [image for image in annotations["images"] if image["id"] in selection.image_ids]
    rows = {image["id"]: row for row, image in enumerate(images)}
    boxes = sorted(_boxes(selection, annotations, categories, weigh), key=lambda box: rows[box["image_id"]])
    if max(starts.images + len(images), starts.annotations + len(boxes)) > ID_LIMIT:
        what = "has ids so large that none above them fit 64 bits"
        raise InputError(Problem("--train", what, "number its entries anew: tools/convert.py --renumber"))
    return {
        "images": [
            {**image, "id": starts.images + row, PSEUDO: True, "source_id": image["id"]}
            for row, image in enumerate(images)
        ],
        "categories": list(categories),
        "annotations": [
            {"id": starts.annotations + row, **box, "image_id": starts.images + rows[box["image_id"]]}
            for row, box in enumerate(boxes)
        ],
    }


def _boxes(
    selection: Selection, annotations: CocoJson, categories: Sequence[dict[str, Any]], weigh: Weigh | None
) -> list[dict[str, Any]]:
    """List the boxes without ids, labels first; images are those of the file that was predicted on."""
    names = {category["id"]: category["name"] for category in annotations["categories"]}
    new_ids = {category["name"]: category["id"] for category in categories}
    entries = []
    for results, is_crowd in ((selection.labels, 0), (selection.left_open, 1)):
        weights = _weights(results, names, weigh) if weigh and not is_crowd else None
        for row in range(len(results)):
            bbox = results.bboxes_xywh[row].tolist()
            entry = {
                "image_id": int(results.image_ids[row]),
                "category_id": new_ids[names[int(results.category_ids[row])]],
                "bbox": bbox,
                "area": bbox[2] * bbox[3],
                "iscrowd": is_crowd,
                "score": float(results.scores[row]),
                PSEUDO: True,
            }
            entries.append(entry if weights is None else {**entry, WEIGHT: weights[row]})
    return entries


def _weights(results: Results, names: dict[int, str], weigh: Weigh) -> list[float]:
    weights = np.empty(len(results))
    for category_id, name in names.items():
        of_class = results.category_ids == category_id
        weights[of_class] = weigh(name, results.scores[of_class])
    listed: list[float] = np.clip(weights, LEAST_WEIGHT, 1).round(WEIGHT_DECIMALS).tolist()
    return listed
