"""Scores compare only on the same photos with the same boxes: runs that were validated on others are refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sortline.data.annotations import CocoJson
from sortline.errors import InputError, Problem, counted
from sortline.predictions.matching import match
from sortline.runs.comparison.candidates import Candidate, Part
from sortline.runs.oof import by_ids_of


def on_the_same_images(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Make sure that all were validated on the same photos with the same annotations.

    Files of the same bytes are the same. Others are when they list the same photos by ``file_name``, and the same
    classes and boxes: ids and order don't matter.

    Returns:
        The candidates, with detections by the ids of the first one's files.

    Raises:
        InputError: They were not; what differs, for each of them.
    """
    first = candidates[0]
    aligned = [first]
    problems: list[Problem] = []
    for candidate in candidates[1:]:
        if problem := _other_folds(first, candidate):
            problems.append(problem)
            continue
        parts = []
        for ours, theirs in zip(first.parts, candidate.parts, strict=True):
            differences = [] if ours.sha256 == theirs.sha256 else _differences(ours, theirs)
            problems += [_not_the_same(first, candidate, theirs, what) for what in differences]
            parts.append(theirs if differences else _aligned(ours, theirs))
        aligned.append(replace(candidate, parts=tuple(parts)))
    if problems:
        raise InputError(problems)
    return aligned


def _aligned(ours: Part, theirs: Part) -> Part:
    """Rewrite a part's detections to the ids of another one with the same images and classes."""
    if ours.sha256 == theirs.sha256:
        return theirs
    results = by_ids_of(ours.annotations, theirs.annotations, theirs.results)
    return replace(theirs, matches=match(ours.matches.truth, results))


def _other_folds(first: Candidate, candidate: Candidate) -> Problem | None:
    ours, theirs = ([part.fold for part in entry.parts] for entry in (first, candidate))
    if ours == theirs or len(ours) == len(theirs) == 1:
        return None
    what = f"has {_named(theirs)}, {first.name} has {_named(ours)}"
    shared = sorted({fold for fold in ours if fold is not None} & {fold for fold in theirs if fold is not None})
    remedy = "compare their out-of-fold predictions: --ann TRAIN.json"
    if shared:
        remedy = f"train the missing folds, or compare those that both have: --folds {' '.join(map(str, shared))}"
    return Problem(candidate.source, what, remedy)


def _named(folds: Sequence[int | None]) -> str:
    return "no folds" if folds == [None] else f"folds {', '.join(map(str, folds))}"


def _not_the_same(first: Candidate, candidate: Candidate, part: Part, what: str) -> Problem:
    place = candidate.source if part.fold is None else f"{candidate.source} (fold {part.fold})"
    remedy = (
        "scores on other photos or boxes don't compare: test both on one file, with --fold and the same folds, or with "
        "ann_files=dict(val=...)"
    )
    return Problem(place, f"was validated on other data than {first.name}: {what}", remedy)


def _differences(ours: Part, theirs: Part) -> list[str]:
    """Name what two annotation files differ in: photos, else classes, else boxes."""
    names = [{image["file_name"] for image in part.annotations["images"]} for part in (ours, theirs)]
    here, there = names[1] - names[0], names[0] - names[1]
    if here or there:
        listed = [
            f"{len(only):,} photos only {where}, such as {min(only)}"
            for only, where in ((here, f"in {theirs.where}"), (there, f"in {ours.where}"))
            if only
        ]
        return ["; ".join(listed)]
    classes = [{category["name"] for category in part.annotations["categories"]} for part in (ours, theirs)]
    if classes[0] != classes[1]:
        return [f"other classes: {counted(sorted(classes[0] ^ classes[1]))}"]
    boxes = [_boxes_by_photo(part.annotations) for part in (ours, theirs)]
    changed = sorted(name for name in names[0] if boxes[0].get(name) != boxes[1].get(name))
    if changed:
        return [f"the same photos with other boxes on {len(changed):,} of them: {counted(changed)}"]
    return []


def _boxes_by_photo(annotations: CocoJson) -> dict[str, list[tuple[Any, ...]]]:
    """List each photo's boxes by its name, in an order of their own."""
    names = {image["id"]: image["file_name"] for image in annotations["images"]}
    classes = {category["id"]: category["name"] for category in annotations["categories"]}
    boxes: dict[str, list[tuple[Any, ...]]] = {}
    for row in annotations["annotations"]:
        box = (classes[row["category_id"]], *map(float, row["bbox"]), bool(row.get("iscrowd", 0)))
        boxes.setdefault(names[row["image_id"]], []).append(box)
    return {name: sorted(rows) for name, rows in boxes.items()}
