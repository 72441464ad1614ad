"""Out-of-fold predictions: every image predicted by the one model that was not trained on it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from sortline.data.annotations import CocoJson, category_names, without_pseudo
from sortline.errors import InputError, Problem, counted
from sortline.files import missing_part
from sortline.predictions.results import Results
from sortline.runs.run_folder import fold_folders
from sortline.runs.run_record import RunRecord
from sortline.runs.settings import difference_in_effect
from sortline.runs.validated import Validated, finished_record, read_validated


def collect_oof(
    folder: str | os.PathLike[str],
    annotations: CocoJson,
    where: str,
    folds_dir: str | os.PathLike[str] | None = None,
) -> tuple[Results, list[Validated]]:
    """Merge the validation predictions of all folds of an experiment.

    Images whose labels are predicted (``pseudo: true``), in a fold or in ``annotations``, don't take part: a score on
    them would say how alike two models are.

    Args:
        folder: Run folder of the experiment, which holds those of its folds, ``fold_0`` and so on.
        annotations: The annotation file that the folds were made from.
        where: That file, as shown to the user.
        folds_dir: Where the folds' annotation files are now, if they have been moved since the runs.

    Returns:
        Detections by the ids of ``annotations``, and the folds that they come from.

    Raises:
        InputError: A fold has no predictions, was validated on files that have changed since, images are in two
            folds or in none, or don't belong to ``annotations``; all problems together.
    """
    annotations, _ = without_pseudo(annotations)
    root = Path(folder)
    if not root.is_dir():
        raise InputError(Problem(str(root), "no such folder", missing_part(root)))
    folders = fold_folders(root)
    if not folders:
        remedy = "give the folder that holds fold_0, fold_1 ...: work_dirs/<name of the config>"
        raise InputError(Problem(str(root), "holds no runs of folds", remedy))
    parts: list[Validated] = []
    problems: list[Problem] = []
    records: dict[Path, RunRecord] = {}
    for fold, path in folders.items():
        try:
            record = finished_record(path, fold)
            if record.fold != fold:
                kind = "no fold" if record.fold is None else f"fold {record.fold}"
                raise InputError(Problem(str(path), f"holds the run of {kind}", "give every run back its own folder"))
            records[path] = record
            parts.append(read_validated(path, record, folds_dir))
        except InputError as error:
            problems += error.problems
    problems += _other_settings(records)
    problems += _gaps_and_overlaps(parts, annotations, where, complete=not problems)
    if problems:
        raise InputError(problems)
    return Results.concatenate([by_ids_of(annotations, part.annotations, part.results) for part in parts]), parts


def _other_settings(records: dict[Path, RunRecord]) -> list[Problem]:
    """Name the folds that were trained otherwise than the first: together they stand for one model."""
    problems = []
    first, *others = records or [Path()]
    for folder in others:
        changes = difference_in_effect(records[first].settings, records[folder].settings)
        shown = [f"{key} = {new!r}, there {old!r}" for key, old, new in changes if key != "fold"]
        if shown:
            what = f"was trained with other settings than {first.name}: {counted(shown)}"
            remedy = "train the folds alike, in run folders of their own"
            problems.append(Problem(str(folder), what, remedy))
    return problems


def _gaps_and_overlaps(parts: list[Validated], annotations: CocoJson, where: str, complete: bool) -> list[Problem]:
    """Name images that are not in exactly one fold; gaps are only reported where every fold could be read."""
    known = {image["file_name"] for image in annotations["images"]}
    folds_of: dict[str, list[int | None]] = {}
    for part in parts:
        for image in part.annotations["images"]:
            folds_of.setdefault(image["file_name"], []).append(part.fold)
    twice = [f"{name} (folds {' and '.join(map(str, folds))})" for name, folds in folds_of.items() if len(folds) > 1]
    foreign = sorted(folds_of.keys() - known)
    missing = sorted(known - folds_of.keys()) if complete else []
    classes = set(category_names(annotations))
    unknown = sorted({name for part in parts for name in category_names(part.annotations)} - classes)
    mixed = "folds of different calls of make_folds.py don't mix: train all of them on the same"
    origin = "give the annotation file that the folds were made from"
    remedies = {
        "are validated by more than one fold": (twice, mixed),
        f"of the folds are not in {where}": (foreign, origin),
        f"of {where} are validated by no fold": (missing, "train the folds that are missing with train_folds.py"),
    }
    problems = [
        Problem("out-of-fold predictions", f"{len(names):,} images {what}: {counted(names)}", remedy)
        for what, (names, remedy) in remedies.items()
        if names
    ]
    if unknown:
        problems.append(Problem(where, f"lacks the folds' categories {counted(unknown)}", origin))
    return problems


def by_ids_of(annotations: CocoJson, own: CocoJson, results: Results) -> Results:
    """Rewrite detections' ids to those of another annotation file: images by file name, categories by name.

    Args:
        annotations: The other file, which lists all images and categories of ``own`` by these names.
        own: The file whose ids the detections have.
        results: Detections.
    """
    columns = []
    for key, name, ids in (("images", "file_name", results.image_ids), ("categories", "name", results.category_ids)):
        names = {entry["id"]: entry[name] for entry in own[key]}
        new_ids = {entry[name]: entry["id"] for entry in annotations[key]}
        values, inverse = np.unique(ids, return_inverse=True)
        columns.append(np.array([new_ids[names[value]] for value in values.tolist()], dtype=np.int64)[inverse])
    image_ids, category_ids = columns
    return Results(image_ids, category_ids, results.bboxes_xywh, results.scores)
