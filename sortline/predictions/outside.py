"""Boxes beyond their image's border: the sign of predictions in the pixels of another image size."""

from __future__ import annotations

import numpy as np

from sortline.data.annotations import CocoJson, image_rows
from sortline.data.coco_table import BORDER_TOLERANCE, boxes_outside
from sortline.predictions.results import Results

#: A share of such boxes that detectors which don't cut their boxes stay below.
MANY_OUTSIDE = 0.05


def note_on_outside(results: Results, annotations: CocoJson) -> list[str]:
    """Say so where many boxes reach beyond their image; nothing else."""
    rows = image_rows(annotations)
    sizes_wh = np.array([[image["width"], image["height"]] for image in annotations["images"]])
    on_image = [rows[image] for image in results.image_ids.tolist()]
    outside = float(boxes_outside(results.bboxes_xywh, sizes_wh[on_image]).mean()) if on_image else 0.0
    if outside <= MANY_OUTSIDE:
        return []
    reach = f"{outside:.0%} of the boxes reach more than {BORDER_TOLERANCE:g} px beyond their image"
    return [f"{reach}: are they in pixels of a resized photo?"]
