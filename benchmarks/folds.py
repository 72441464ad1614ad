"""Compare our folds with scikit-learn's StratifiedGroupKFold: balance of every class side by side, and time.

    python benchmarks/folds.py                                  made-up data, 2,000 images with long-tailed classes
    python benchmarks/folds.py data/recycle/train.json          your own file
    python benchmarks/folds.py ANN --mean-group 5               groups of neighbouring images, 5 on average

A number is the largest distance of a fold from the mean of the folds, relative to it, as a mean over the seeds.
StratifiedGroupKFold gets each box as a sample and its image, or group of images, as the group.
"""

import argparse
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sortline.data.annotations import read_annotations
from sortline.data.describe.statistics import BoxTable, box_table
from sortline.data.folding.balance import balance
from sortline.data.folding.folds import make_folds
from sortline.reports.tables import GAP, Table


def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    annotations = read_annotations(args.annotations) if args.annotations else made_up(2000, 10)
    images = len(annotations["images"])
    groups = neighbours(images, args.mean_group)
    table = box_table(annotations)
    seconds = {"ours": 0.0, "scikit-learn": 0.0}
    deviations: dict[str, list[list[float]]] = {name: [] for name in seconds}
    for seed in range(args.seeds):
        for name in seconds:
            start = time.perf_counter()
            if name == "ours":
                of_image = make_folds(annotations, args.folds, seed, groups)
            else:
                of_image = stratified_group_folds(table, groups, args.folds, seed)
            seconds[name] += time.perf_counter() - start
            parts = [str(fold) for fold in range(args.folds)]
            report = balance(annotations, of_image, parts, [1 / args.folds] * args.folds, groups)
            rows = report.classes + report.overall
            deviations[name].append([row.deviation or 0.0 for row in rows])
    print_table(
        [(row.name, f"{row.total:,}" if isinstance(row.total, int) else f"{row.total:.2f}") for row in rows],
        deviations,
        seconds,
        args.seeds,
    )


def stratified_group_folds(table: BoxTable, groups: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """Return the fold of each image; images without boxes are samples of a class of their own."""
    empty = np.setdiff1d(np.arange(len(table.file_names)), table.rows)
    rows = np.concatenate([table.rows, empty])
    labels = np.concatenate([table.labels, np.full(len(empty), len(table.classes))])
    of_image = np.zeros(len(table.file_names), dtype=np.int64)
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The least populated class")
        for fold, (_, val) in enumerate(splitter.split(labels, labels, groups[rows])):
            of_image[rows[val]] = fold
    return of_image


def neighbours(images: int, mean_group: float) -> np.ndarray:
    """Group neighbouring images at random, ``mean_group`` of them on average."""
    return np.cumsum(np.random.default_rng(0).random(images) < 1 / mean_group)


def made_up(images: int, classes: int) -> dict[str, object]:
    """Return an annotation file with classes of falling frequency and mostly few boxes an image."""
    rng = np.random.default_rng(0)
    of_image = np.repeat(np.arange(images), rng.geometric(0.2, images) - 1)
    frequency = 1 / np.arange(1, classes + 1) ** 1.5
    labels = rng.choice(classes, len(of_image), p=frequency / frequency.sum())
    sizes = np.minimum(rng.lognormal(4, 1, (len(of_image), 2)).round(1), 1000)
    return {
        "images": [{"id": i, "file_name": f"{i:05}.jpg", "width": 1024, "height": 1024} for i in range(images)],
        "categories": [{"id": label, "name": f"class {label}"} for label in range(classes)],
        "annotations": [
            {"id": i, "image_id": image, "category_id": label, "bbox": [0, 0, *size]}
            for i, (image, label, size) in enumerate(
                zip(of_image.tolist(), labels.tolist(), sizes.tolist(), strict=True)
            )
        ],
    }


def print_table(
    rows: list[tuple[str, str]], deviations: dict[str, list[list[float]]], seconds: dict[str, float], seeds: int
) -> None:
    means = np.array([np.mean(deviations[name], axis=0) for name in deviations])
    shown = [
        (name, total, *(f"{value:.3%}" for value in values))
        for (name, total), values in zip(rows, means.T, strict=True)
    ]
    last = ("seconds", "", *(f"{value / seeds:.2f}" for value in seconds.values()))
    title = f"largest relative deviation, mean over {seeds} seeds"
    Table(("", "total", *deviations), [*shown, GAP, last], title).print()


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("annotations", nargs="?", type=Path, help="COCO json (default: made-up data)")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=5, help="number of seeds to average over")
    parser.add_argument(
        "--mean-group", type=float, default=1.0, help="images a group on average (default: 1, no groups)"
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
