"""Predictions of images whose labels are true: all that a score or a precision may rest on."""

from __future__ import annotations

import numpy as np

from sortline.data.annotations import CocoJson, without_pseudo
from sortline.predictions.results import Results


def with_true_labels(annotations: CocoJson, results: Results) -> tuple[CocoJson, Results, int]:
    """Leave out the images whose labels are predicted, with their boxes and detections.

    Args:
        annotations: An annotation file's content.
        results: Detections on its images.

    Returns:
        What is left of both, and the number of images left out.
    """
    real, left_out = without_pseudo(annotations)
    known = np.array([image["id"] for image in real["images"]], dtype=np.int64)
    return real, results.take(np.isin(results.image_ids, known)), left_out
