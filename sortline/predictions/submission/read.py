"""A submission CSV to results, without loss."""

from __future__ import annotations

import os
from decimal import Decimal

import numpy as np

from sortline.data.annotations import CocoJson
from sortline.data.formats.decimals import EXACT
from sortline.errors import InputError
from sortline.predictions.results import Results
from sortline.predictions.submission.boxes import SubmissionBoxes, read_boxes


def read_submission(path: str | os.PathLike[str], annotations: CocoJson) -> Results:
    """Read a submission CSV of ours or another team's into results.

    Rows and columns may come in any order, among other columns; an image without boxes may have an empty
    string, blanks, ``NaN`` or a row that ends early; labels may be written as ``3.0``. Widths and heights
    are exact decimal differences of the printed corners.

    Args:
        path: CSV file.
        annotations: The annotation file of the submitted images.

    Returns:
        Detections in the annotation file's order of images, each image's in the file's order.

    Raises:
        InputError: The file is absent or has any of the findings of
            :func:`~sortline.predictions.submission.check_submission`, all together; but boxes that
            repeat or that reach outside their image are let pass.
    """
    boxes = read_boxes(path, annotations)
    if boxes.problems:
        raise InputError(boxes.problems)
    return to_results(boxes, annotations)


def to_results(boxes: SubmissionBoxes, annotations: CocoJson) -> Results:
    """Turn a submission's boxes, in which nothing is wrong, into results, as :func:`read_submission` returns them."""
    subtract = EXACT.subtract
    left, top, right, bottom = ([Decimal(text) for text in column] for column in boxes.corners)
    widths = [float(subtract(high, low)) for high, low in zip(right, left, strict=True)]
    heights = [float(subtract(high, low)) for high, low in zip(bottom, top, strict=True)]
    results = Results.from_arrays(
        np.array([image["id"] for image in annotations["images"]])[boxes.image_rows],
        boxes.labels,
        np.stack([boxes.bboxes_xyxy[:, 0], boxes.bboxes_xyxy[:, 1], widths, heights], axis=1),
        boxes.scores,
    )
    return results.take(np.argsort(boxes.image_rows, kind="stable"))
