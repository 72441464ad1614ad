"""Everything wrong with a submission CSV, found at once."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from sortline.arrays import BoolArray
from sortline.data.annotations import CocoJson
from sortline.data.coco_table import BORDER_TOLERANCE, boxes_outside
from sortline.errors import Problem
from sortline.predictions.submission.boxes import SubmissionBoxes, read_boxes
from sortline.predictions.submission.summary import SubmissionSummary


@dataclass(frozen=True)
class SubmissionReport:
    """What was found in a submission.

    Attributes:
        problems: What the contest would reject or score wrongly, one a kind.
        notes: What is understood here, though the contest may reject it, one a kind.
        boxes: What the file holds, as far as it could be read.
    """

    problems: list[Problem]
    notes: list[Problem]
    boxes: SubmissionBoxes

    @property
    def summary(self) -> SubmissionSummary:
        """What the file holds, in numbers."""
        return self.boxes.summary


def check_submission(path: str | os.PathLike[str], annotations: CocoJson) -> list[Problem]:
    """Find all that is wrong with a submission CSV.

    Checked are the header; that every image of the annotation file has one row and no other image has any;
    six tokens a box, all of them finite numbers; labels that are category ids; scores from 0 to 1;
    ``xmin < xmax`` and ``ymin < ymax``; boxes that reach more than 1 px outside their image (less comes
    from rounding and costs nothing); boxes repeated with the same label and score, as happens when
    predictions are joined twice. The order of rows and of boxes is free.

    Args:
        path: CSV file.
        annotations: The annotation file of the submitted images.

    Returns:
        All findings, one a kind; an empty list for a valid file.

    Raises:
        InputError: The file is absent, empty or not text.
    """
    return inspect_submission(path, annotations).problems


def inspect_submission(path: str | os.PathLike[str], annotations: CocoJson) -> SubmissionReport:
    """Do :func:`check_submission`, note what was tolerated and keep what was read."""
    boxes = read_boxes(path, annotations)
    sizes = [[image["width"], image["height"]] for image in annotations["images"]]
    bboxes_xywh = boxes.bboxes_xyxy.copy()
    bboxes_xywh[:, 2:] -= boxes.bboxes_xyxy[:, :2]
    listed = (boxes.image_rows >= 0) & np.isfinite(bboxes_xywh).all(axis=1)
    outside = listed & boxes_outside(bboxes_xywh, np.array(sizes)[np.where(listed, boxes.image_rows, 0)])
    problems = [
        *boxes.problems,
        *boxes.names.problem(
            outside,
            f"more than {BORDER_TOLERANCE:g} px outside the image",
            "corners are pixels of the image at the size that the annotation file gives, not of a resized one",
        ),
        *boxes.names.problem(
            _repeats(boxes), "listed twice, with the same label and score", "predictions were joined twice"
        ),
    ]
    return SubmissionReport(problems, boxes.notes, boxes)


def _repeats(boxes: SubmissionBoxes) -> BoolArray:
    """Mark the boxes that equal an earlier one in image, label, score and corners, shape ``(N,)``."""
    columns = [boxes.names.row_of_box, boxes.labels, boxes.scores, *boxes.bboxes_xyxy.T]
    order = np.lexsort(columns)
    same = np.ones(max(len(order) - 1, 0), dtype=bool)
    for column in columns:
        same &= column[order][1:] == column[order][:-1]
    repeats = np.zeros(len(order), dtype=bool)
    repeats[order[1:][same]] = True
    return repeats
