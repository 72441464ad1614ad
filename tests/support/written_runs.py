"""Run folders as a test of them leaves them, written without any training."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from helpers import coco, parts_of_fold

from sortline.predictions.box_scores import MAP50, box_score
from sortline.predictions.matching import Truth, match
from sortline.predictions.read import read_results
from sortline.runs.named_score import Score
from sortline.runs.run_folder import VAL_PREDICTIONS
from sortline.runs.run_record import TRAINED, RunRecord, describe_files


def found_rows(content: dict[str, Any], images: Collection[int], score: float = 0.9) -> list[dict[str, Any]]:
    """Predict the boxes of some images, by id, and no others."""
    return [
        {"image_id": b["image_id"], "category_id": b["category_id"], "bbox": b["bbox"], "score": score}
        for b in content["annotations"]
        if b["image_id"] in images
    ]


def trained(record: RunRecord, best_score: float, name: str = MAP50) -> RunRecord:
    """Return the record of a run that has come to its end."""
    return replace(record.ended(TRAINED), best_score=Score(name, best_score))


def write_run(
    folder: Path,
    val: dict[str, Any],
    ann_file: Path,
    found: Callable[[int], bool] | Collection[int],
    settings: dict[str, Any] | None = None,
    fold: int | None = None,
    config: str = "configs/family/x.py",
    score: str = MAP50,
) -> Path:
    """Write a run that was tested: it finds the boxes of some images of its validation file, and no others.

    ``score`` names the metric that decided and was measured.
    """
    ann_file.parent.mkdir(parents=True, exist_ok=True)
    ann_file.write_text(json.dumps(val))
    (folder / VAL_PREDICTIONS).parent.mkdir(parents=True)
    images = [image["id"] for image in val["images"]]
    kept = {image for image in images if (found(image) if callable(found) else image in found)}
    (folder / VAL_PREDICTIONS).write_text(json.dumps(found_rows(val, kept)))
    matches = match(Truth.of(val), read_results(folder / VAL_PREDICTIONS, val))
    value = box_score(score).value(matches) or 0.0
    record = RunRecord(config, settings or {}, describe_files({"val": str(ann_file)}), fold)
    trained(record, value, score).tested("best_epoch_3.pth", len(images), {score: value}).write(folder)
    return folder


def write_fold_runs(
    folder: Path,
    content: dict[str, Any],
    found: Callable[[int], bool] | Collection[int],
    folds: int = 3,
    score: str = MAP50,
) -> Path:
    """Write the runs of an experiment's folds; image ``i`` validates fold ``i`` modulo ``folds``."""
    for fold in range(folds):
        val = parts_of_fold(content, fold, folds)["val"]
        ann_file = folder.parent / "folds" / f"fold_{fold}_val.json"
        write_run(folder / f"fold_{fold}", val, ann_file, found, fold=fold, score=score)
    return folder


def dataset(images: int = 30) -> dict[str, Any]:
    """Return the content of a file whose image ``i`` holds one box of class ``i`` modulo three."""
    return coco(images=images)
