"""Made-up ground truth and detections for tests of scores: factories, and hypothesis strategies for their rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from helpers import coco
from hypothesis import strategies as st

from sortline.predictions.matching import Matches
from sortline.predictions.results import Results


def make_truth(*rows: tuple[Any, ...], images: int = 4) -> dict[str, Any]:
    """Ground truth of rows ``(image_id, category_id, bbox)`` or ``(image_id, category_id, bbox, iscrowd)``."""
    data = coco(images=images, boxes=False)
    data["annotations"] = [
        {"id": number, "image_id": image, "category_id": category, "bbox": bbox, "iscrowd": (*crowd, 0)[0]}
        for number, (image, category, bbox, *crowd) in enumerate(rows)
    ]
    return data


def make_results(*rows: tuple[Any, ...]) -> Results:
    """Detections of rows ``(image_id, category_id, bbox, score)``."""
    return Results.from_arrays(*zip(*rows, strict=True)) if rows else Results.empty()


def matches_of(truth: Sequence[tuple[Any, ...]], found: Sequence[tuple[Any, ...]], images: int = 4) -> Matches:
    """Detections matched with ground truth, both as rows of the factories above."""
    return Matches.of(make_truth(*truth, images=images), make_results(*found))


# Few images, classes, places and scores, so that boxes overlap, compete and tie.
COORDINATES = st.integers(0, 4)
BOXES = st.tuples(COORDINATES, COORDINATES, st.integers(1, 6), st.integers(1, 6))
IMAGES = CLASSES = st.integers(0, 2)
SCORES = st.sampled_from([0.3, 0.5, 0.7])
DETECTIONS = st.lists(st.tuples(IMAGES, CLASSES, BOXES, SCORES), max_size=15)
TRUTHS = st.lists(st.tuples(IMAGES, CLASSES, BOXES.map(list), st.sampled_from([0, 0, 0, 1])), max_size=8)
