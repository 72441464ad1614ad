"""Time of every part of an evaluation at contest size, and of COCO's numbers beside pycocotools.

    python benchmarks/evaluate.py                          made-up ground truth: 5,000 images, ten classes
    python benchmarks/evaluate.py data/recycle/train.json  your own file

The detections are made up: found boxes with jitter and some wrong classes, the rest anywhere with low scores,
46 an image on average. Each part is run once to compile and load, then the best of ``--repeats`` is shown.
"""

import argparse
import contextlib
import io
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sortline.data.annotations import read_annotations
from sortline.files import write_json
from sortline.predictions.bootstrap import bootstrap_map50, resamples
from sortline.predictions.coco_metrics import evaluate_coco
from sortline.predictions.matching import Truth, match
from sortline.predictions.ranking import map50_of, rank
from sortline.predictions.read import read_predictions
from sortline.predictions.results import Results, write_results
from sortline.reports.tables import Table

ROOT = Path(__file__).resolve().parent.parent
PER_IMAGE = 46
REPLICATES = 1000


def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        ann_file, pred_file = args.annotations or Path(folder) / "train.json", Path(folder) / "a.bbox.json"
        if args.annotations is None:
            write_json(ann_file, made_up(5000, 10))
        annotations = read_annotations(ann_file)
        results = detect(annotations, np.random.default_rng(0))
        write_results(pred_file, results)
        rows = [(name, timed(part, args.repeats)) for name, part in parts(ann_file, pred_file).items()]
        rows.append(("sum of these", sum(seconds for _, seconds in rows)))
        rows.append(("map50_of alone, matched before", timed(scoring(annotations, results), args.repeats)))
        command = [sys.executable, ROOT / "tools" / "evaluate.py", "--ann", ann_file, "--pred", pred_file]
        rows.append(("tools/evaluate.py, from start to end", timed(lambda: run(command), args.repeats)))
        if not args.no_peer:
            rows.append(("COCO's numbers by pycocotools", timed(lambda: peer(annotations, results), 1)))
    print_table(rows, f"{len(annotations['images']):,} images, {len(results):,} detections")


def parts(ann_file: Path, pred_file: Path) -> dict[str, Callable[[], Any]]:
    """What an evaluation does, one after the other."""
    annotations = read_annotations(ann_file)
    results = read_predictions(pred_file, annotations)
    truth = Truth.of(annotations)
    matches = match(truth, results)
    ranking = rank(matches)
    weights = resamples(len(truth.image_ids), REPLICATES, seed=0)
    return {
        "read annotations": lambda: read_annotations(ann_file),
        "read predictions": lambda: read_predictions(pred_file, annotations),
        "match": lambda: match(Truth.of(annotations), results),
        "contest mAP50": lambda: map50_of(matches),
        "COCO's numbers": lambda: evaluate_coco(annotations, results),
        "draw 1,000 resamples": lambda: resamples(len(truth.image_ids), REPLICATES, seed=0),
        "mAP50 of 1,000 resamples": lambda: bootstrap_map50(ranking, weights),
    }


def scoring(annotations: dict[str, Any], results: Results) -> Callable[[], float | None]:
    matches = match(Truth.of(annotations), results)
    return lambda: map50_of(matches)


def run(command: list[Any]) -> None:
    subprocess.run(command, check=True, capture_output=True)


def peer(annotations: dict[str, Any], results: Results) -> None:
    """Do what pycocotools needs for the same six numbers."""
    truth = COCO()
    boxes = [
        {"iscrowd": 0, "area": row["bbox"][2] * row["bbox"][3], **row, "id": number}
        for number, row in enumerate(annotations["annotations"], 1)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        truth.dataset = {**annotations, "info": {}, "annotations": boxes}
        truth.createIndex()
        columns = (results.image_ids, results.bboxes_xywh, results.scores, results.category_ids)
        evaluation = COCOeval(truth, truth.loadRes(np.column_stack(columns)), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()


def made_up(images: int, classes: int) -> dict[str, Any]:
    """Return ground truth of about five boxes an image."""
    rng = np.random.default_rng(0)
    of_image = np.repeat(np.arange(images), rng.geometric(0.2, images))
    sizes = np.minimum(rng.lognormal(4.8, 0.8, (len(of_image), 2)), 800)
    corners = rng.random((len(of_image), 2)) * (1024 - sizes)
    boxes = np.concatenate([corners, sizes], axis=1).round(1).tolist()
    labels = rng.integers(classes, size=len(of_image)).tolist()
    return {
        "images": [{"id": i, "file_name": f"{i:05}.jpg", "width": 1024, "height": 1024} for i in range(images)],
        "categories": [{"id": label, "name": f"class {label}"} for label in range(classes)],
        "annotations": [
            {"id": i, "image_id": image, "category_id": label, "bbox": box}
            for i, (image, label, box) in enumerate(zip(of_image.tolist(), labels, boxes, strict=True))
        ],
    }


def detect(annotations: dict[str, Any], rng: np.random.Generator) -> Results:
    """Find three of four boxes, one of seven in another class, and fill up with boxes that show nothing."""
    truth = Truth.of(annotations)
    sizes_wh = np.array([[image["width"], image["height"]] for image in annotations["images"]])
    found = np.flatnonzero(rng.random(len(truth.class_rows)) < 3 / 4)
    boxes = truth.bboxes_xywh[found] * np.exp(rng.normal(0, 0.08, (len(found), 4)))
    classes = np.where(
        rng.random(len(found)) < 1 / 7, rng.integers(len(truth.category_ids), size=len(found)), truth.class_rows[found]
    )
    images = truth.image_rows[found]
    others = max(PER_IMAGE * len(sizes_wh) - len(found), 0)
    other_images = rng.integers(len(sizes_wh), size=others)
    other_sizes = sizes_wh[other_images] * rng.uniform(0.01, 0.3, (others, 2))
    other_corners = rng.random((others, 2)) * (sizes_wh[other_images] - other_sizes)
    results = Results.from_arrays(
        truth.image_ids[np.concatenate([images, other_images])],
        truth.category_ids[np.concatenate([classes, rng.integers(len(truth.category_ids), size=others)])],
        np.concatenate([boxes, np.concatenate([other_corners, other_sizes], axis=1)]),
        np.concatenate([rng.beta(5, 3, len(found)), rng.beta(1, 8, others)]).astype(np.float32),
    )
    return results.take(rng.permutation(len(results)))


def timed(part: Callable[[], Any], repeats: int) -> float:
    """Return the seconds of the fastest run; where there are several, one before them doesn't count."""
    if repeats > 1:
        part()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        part()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def print_table(rows: list[tuple[str, float]], title: str) -> None:
    Table(("part", "seconds"), [(name, f"{seconds:.3f}") for name, seconds in rows], title).print()


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("annotations", nargs="?", type=Path, help="COCO json (default: made-up ground truth)")
    parser.add_argument("--repeats", type=int, default=5, help="runs of each part (default: 5)")
    parser.add_argument("--no-peer", action="store_true", help="leave out pycocotools, which takes long")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
