"""A small made-up dataset and detectors of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from simulate import DetectorNoise, make_scene, simulate_detector

from sortline.predictions.results import Results
from sortline.predictions.tuning.material import Material, chance_folds

SIDE = 512
CLASSES = ("cup", "can", "box")
GOOD = DetectorNoise(skill=2.0, size_effect=0.0, class_effect=0.0, correlation=0.2, duplicates=0.0, nms_iou_thr=0.5)
USELESS = DetectorNoise(skill=-9.0, spot_skill=0.0)


def dataset(images: int = 60, boxes: int = 4, seed: int = 0) -> dict[str, Any]:
    """Return ground truth of ``boxes`` boxes an image, anywhere."""
    rng = np.random.default_rng(seed)
    sizes = rng.uniform(40, 160, (images * boxes, 2))
    bboxes = np.hstack([rng.random(sizes.shape) * (SIDE - sizes), sizes]).round(1).tolist()
    labels = rng.integers(len(CLASSES), size=len(bboxes)).tolist()
    return {
        "images": [{"id": i + 7, "file_name": f"{i:03}.jpg", "width": SIDE, "height": SIDE} for i in range(images)],
        "categories": [{"id": label + 1, "name": name} for label, name in enumerate(CLASSES)],
        "annotations": [
            {"id": row, "image_id": row // boxes + 7, "category_id": label + 1, "bbox": box}
            for row, (label, box) in enumerate(zip(labels, bboxes, strict=True))
        ],
    }


def material_of(
    noises: dict[str, DetectorNoise], images: int = 60, seed: int = 0, folds: int = 3, **members: Results
) -> Material:
    """Let detectors of these noises see a dataset; further members are given as they are."""
    annotations = dataset(images, seed=seed)
    seen = make_scene(annotations, seed)
    found = {name: simulate_detector(seen, noise, row) for row, (name, noise) in enumerate(noises.items())}
    found |= members
    return Material(annotations, tuple(found.values()), tuple(found), chance_folds(annotations, folds, seed=0))


@pytest.fixture(scope="session")
def make_material() -> Callable[..., Material]:
    return material_of


@pytest.fixture(scope="session")
def pair() -> Material:
    """Two detectors of the same quality, whose errors are in part their own, and a useless one."""
    return material_of({"first": GOOD, "second": GOOD, "useless": USELESS})
