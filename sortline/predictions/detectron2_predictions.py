"""Detectron2's ``coco_instances_results.json``: image and category ids of the json that it was evaluated on.

Its evaluator turns the classes 0 to n-1 that the model knows back into the ids of the json, in ascending order of
these, but only where the dataset was registered from a json; otherwise they stay 0 to n-1
(https://github.com/facebookresearch/detectron2, ``COCOEvaluator._eval_predictions``).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sortline.data.annotations import CocoJson
from sortline.errors import InputError, Problem, counted
from sortline.predictions.foreign_predictions import ImageIndex, Imported, Rows, ids_by_name, read_rows, seen_ids
from sortline.reports.numbers import some

CATEGORY_IDS = ("dataset", "contiguous")


def read_detectron2(
    path: Path,
    annotations: CocoJson,
    theirs: CocoJson | None = None,
    their_path: str = "",
    category_ids: str = "dataset",
) -> Imported:
    """Read Detectron2's predictions.

    Args:
        path: ``coco_instances_results.json``.
        annotations: Our annotation file of the same images.
        theirs: The json that Detectron2 evaluated on, whose images and categories are matched by name; None if it
            is ours.
        their_path: Where that is, as shown to the user.
        category_ids: ``"dataset"`` for ids of the json, ``"contiguous"`` for 0 to n-1 in ascending order of these.

    Raises:
        InputError: All that is wrong with the rows, images and categories.
    """
    rows = read_rows(path)
    own = annotations if theirs is None else theirs
    readings = _readings(own, annotations, their_path)
    problems = _unknown_categories(rows, readings, category_ids)
    image_ids, image_problems = _image_ids(rows, own, annotations)
    problems += image_problems
    if problems:
        raise InputError(problems)
    results = rows.results(image_ids, readings[category_ids])
    return Imported(results, (*rows.notes, *_ambiguity(rows, readings, category_ids)))


def _readings(own: CocoJson, annotations: CocoJson, where: str) -> dict[str, dict[int, int]]:
    """Map their category ids to ours for both of what they may be."""
    categories = sorted(own["categories"], key=lambda category: int(category["id"]))
    ours = ids_by_name([category["name"] for category in categories], annotations, where)
    return {
        "dataset": dict(zip([category["id"] for category in categories], ours, strict=True)),
        "contiguous": dict(enumerate(ours)),
    }


def _unknown_categories(rows: Rows, readings: Mapping[str, Mapping[int, int]], chosen: str) -> list[Problem]:
    """Report ids that the chosen reading lacks, with the other reading as the remedy where all fit that one."""
    seen = seen_ids(rows)
    unknown = [theirs for theirs in seen if theirs not in readings[chosen]]
    if not unknown:
        return []
    what = f"category ids {counted(unknown)} are none of the {chosen} ids {counted(list(readings[chosen]), limit=20)}"
    other = next(name for name in CATEGORY_IDS if name != chosen)
    remedy = "give the json that Detectron2 evaluated on as --their-ann"
    if all(theirs in readings[other] for theirs in seen):
        remedy = f"all of them fit --category-ids {other}"
    return [Problem(rows.where, what, remedy)]


def _ambiguity(rows: Rows, readings: Mapping[str, Mapping[int, int]], chosen: str) -> list[str]:
    """Say so where the ids that occur fit both readings and mean different classes."""
    other = next(name for name in CATEGORY_IDS if name != chosen)
    meanings = [(readings[chosen][theirs], readings[other].get(theirs)) for theirs in seen_ids(rows)]
    if any(theirs is None for _, theirs in meanings) or all(ours == theirs for ours, theirs in meanings):
        return []
    return [f"category ids taken as {chosen} ids, though --category-ids {other} would fit as well: look at some boxes"]


def _image_ids(rows: Rows, own: CocoJson, annotations: CocoJson) -> tuple[list[int], list[Problem]]:
    """Return our image id of each row, and what is wrong with theirs."""
    texts = [row["image_id"] for row in rows.columns.rows if isinstance(row.get("image_id"), str)]
    if texts:
        remedy = "predictions.json of YOLO has them: --from yolo-json"
        return [], [Problem(rows.where, f"image ids that are names: {counted(texts)}", remedy)]
    theirs, _ = rows.columns.integers("image_id")
    if rows.columns.problems:
        return [], rows.columns.problems
    names = {image["id"]: image["file_name"] for image in own["images"]}
    seen = list(dict.fromkeys(theirs.tolist()))
    unknown = [image_id for image_id in seen if image_id not in names]
    if unknown:
        what = f"{some(len(unknown), 'image id')} that the annotation file does not list: {counted(unknown)}"
        remedy = "ids belong to one json: give the one that Detectron2 evaluated on as --their-ann"
        return [], [Problem(rows.where, what, remedy)]
    found, problems = ImageIndex(annotations).find_all([names[image_id] for image_id in seen], rows.where)
    return ([] if problems else [found[names[image_id]] for image_id in theirs.tolist()]), problems
