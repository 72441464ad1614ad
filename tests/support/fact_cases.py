"""Facts of a small validation: six photos, found well on the first three and badly on the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from helpers import coco

from sortline.predictions.matching import Matches
from sortline.predictions.results import Results
from sortline.tracking.validation_facts import PhotoSettings, ValidationFacts

#: Photos of six: one of each group fewer than asked for would hide a wrong order.
SETTINGS = PhotoSettings(count=2, side=32, max_boxes=1, score_thr=0.1)


def validation() -> Matches:
    """Match one detection on each of six photos: right on the first three, elsewhere on the rest."""
    annotations = coco(images=6)
    boxes = np.array([box["bbox"] for box in annotations["annotations"]])
    boxes[3:, 0] += 25
    ids = [box["image_id"] for box in annotations["annotations"]]
    classes = [box["category_id"] for box in annotations["annotations"]]
    return Matches.of(annotations, Results.from_arrays(ids, classes, boxes, np.linspace(0.9, 0.4, 6)))


def draw_up(folder: Path, image_root: Path, found: Matches | None = None) -> dict[str, Any]:
    """Return the facts of :func:`validation`, or of another one, by name; the photos lie below ``image_root``."""
    return ValidationFacts(folder, SETTINGS).draw_up(found or validation(), image_root)
