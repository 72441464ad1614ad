"""Time our fusion against ensemble-boxes on the same made-up detections, and compare what they give.

    python benchmarks/ensemble.py                       5 members, 4,871 images, 100 boxes a member and image
    python benchmarks/ensemble.py --reference-images 0  the package on all images too (minutes)

The package runs on the first images only unless told otherwise, and its time is scaled to all of them. Ours includes
grouping the boxes. Both are warm: what numba compiles is compiled before.
"""

import argparse
import contextlib
import io
import resource
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ensemble_boxes
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sortline.predictions.ensembling.ensemble_settings import EnsembleSettings
from sortline.predictions.ensembling.fuse import fuse, group_members
from sortline.predictions.results import Results
from sortline.reports.tables import Table

SIDE = 1024
CLASSES = 10
OBJECTS = 25
METHODS: dict[str, tuple[EnsembleSettings, str, dict[str, Any]]] = {
    "wbf": (EnsembleSettings("wbf"), "weighted_boxes_fusion", {"skip_box_thr": 0.0001}),
    "nmw": (EnsembleSettings("nmw"), "non_maximum_weighted", {"skip_box_thr": 0.0001}),
    "nms": (EnsembleSettings("nms", skip_box_thr=0), "nms", {}),
    "soft-nms": (
        EnsembleSettings("soft-nms", skip_box_thr=0, score_thr=0.001),
        "soft_nms",
        {"method": 2, "thresh": 0.001},
    ),
}


def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    annotations, members = made_up(args.images, args.members, args.boxes)
    few = min(args.reference_images or args.images, args.images)
    small = {**annotations, "images": annotations["images"][:few]}
    small_members = [member.take(member.image_ids < few) for member in members]
    rows = []
    for name, (settings, function, options) in METHODS.items():
        fuse(group_members([member.take(member.image_ids < 1) for member in members], annotations), settings)
        start = time.perf_counter()
        fused = fuse(group_members(members, annotations), settings)
        seconds = time.perf_counter() - start
        run_package(function, small_members, 1, options)
        start = time.perf_counter()
        theirs = run_package(function, small_members, few, options)
        package_seconds = (time.perf_counter() - start) * args.images / few
        ours = fuse(group_members(small_members, small), settings)
        difference = "scores are not comparable" if name == "soft-nms" else f"{largest_difference(ours, theirs):.1e}"
        ratio = f"{package_seconds / seconds:.0f}"
        rows.append((name, f"{seconds:.2f}", f"{len(fused):,}", f"{package_seconds:.1f}", ratio, difference))
    scaled = f"; the package on {few:,} images, its time scaled" if few < args.images else ""
    title = f"{args.members} members x {args.images:,} images x {args.boxes} boxes{scaled}"
    headers = ("method", "ours, s", "boxes out", "package, s", "ratio", "largest difference, share of a side")
    Table(headers, rows, title).print()
    print(f"peak memory, made-up data included: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")


def made_up(images: int, members: int, boxes: int) -> tuple[dict[str, Any], list[Results]]:
    """Let each member find an image's objects several times, more or less displaced, with noise in between."""
    rng = np.random.default_rng(0)
    annotations = {
        "images": [{"id": i, "file_name": f"{i:05}.jpg", "width": SIDE, "height": SIDE} for i in range(images)],
        "categories": [{"id": label, "name": f"class {label}"} for label in range(CLASSES)],
        "annotations": [],
    }
    sizes = rng.uniform(20, 400, (images, OBJECTS, 2))
    objects = np.concatenate([rng.uniform(0, SIDE - sizes), sizes], axis=2)
    labels = rng.integers(0, CLASSES, (images, OBJECTS))
    results = []
    for _ in range(members):
        chosen = rng.integers(0, OBJECTS, (images, boxes))
        of_box = np.take_along_axis(objects, chosen[..., np.newaxis], axis=1).reshape(-1, 4)
        shift = rng.normal(0, rng.choice([0.03, 0.3], (len(of_box), 1)), (len(of_box), 4)) * of_box[:, [2, 3, 2, 3]]
        moved = of_box + shift
        left_top = np.clip(moved[:, :2], 0, SIDE - 10)
        size = np.clip(moved[:, 2:], 5, SIDE - left_top)
        scores = rng.beta(1, 3, len(of_box))
        of_image = np.repeat(np.arange(images), boxes)
        of_class = np.take_along_axis(labels, chosen, axis=1)
        results.append(Results.from_arrays(of_image, of_class, np.hstack([left_top, size]), scores))
    return annotations, results


def run_package(function: str, members: Sequence[Results], images: int, options: dict[str, Any]) -> list[np.ndarray]:
    """Fuse image by image; return rows of label, score and corners as shares of the side."""
    fuse_image = getattr(ensemble_boxes, function)
    starts = [np.searchsorted(member.image_ids, np.arange(images + 1)) for member in members]
    corners = [np.hstack([m.bboxes_xywh[:, :2], m.bboxes_xywh[:, :2] + m.bboxes_xywh[:, 2:]]) / SIDE for m in members]
    fused = []
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        for image in range(images):
            parts = [slice(start[image], start[image + 1]) for start in starts]
            boxes, scores, labels = fuse_image(
                [corner[part] for corner, part in zip(corners, parts, strict=True)],
                [member.scores[part] for member, part in zip(members, parts, strict=True)],
                [member.category_ids[part] for member, part in zip(members, parts, strict=True)],
                iou_thr=0.55,
                **options,
            )
            fused.append(np.column_stack([labels, scores, boxes]))
    return fused


def largest_difference(ours: Results, theirs: list[np.ndarray]) -> float:
    """Compare coordinates of boxes in the order of images, classes and scores; infinite if numbers of boxes differ."""
    theirs_rows = np.vstack([np.insert(part, 0, image, axis=1) for image, part in enumerate(theirs)])
    corners = np.hstack([ours.bboxes_xywh[:, :2], ours.bboxes_xywh[:, :2] + ours.bboxes_xywh[:, 2:]]) / SIDE
    ours_rows = np.column_stack([ours.image_ids, ours.category_ids, ours.scores, corners])
    if len(ours_rows) != len(theirs_rows):
        return float("inf")
    ordered = [rows[np.lexsort((-rows[:, 2], rows[:, 1], rows[:, 0]))] for rows in (ours_rows, theirs_rows)]
    return float(np.abs(ordered[0][:, 3:] - ordered[1][:, 3:]).max())


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=5)
    parser.add_argument("--images", type=int, default=4871)
    parser.add_argument("--boxes", type=int, default=100, help="boxes a member and image (default: 100)")
    parser.add_argument(
        "--reference-images", metavar="N", type=int, default=200, help="images for the package (default: 200; 0: all)"
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
