"""Which classes are taken for which: a matrix of true against predicted class, with the background as one more."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sortline.arrays import FloatArray, IntArray
from sortline.data.annotations import CocoJson, category_names
from sortline.predictions.coco_metrics import count_confusions
from sortline.predictions.matching import IOU_THR, Truth, match, rows_of_ids
from sortline.predictions.results import Results, check_results

BACKGROUND = "background"


@dataclass(frozen=True)
class Confusion:
    """What became of true boxes, and where detections came from.

    Attributes:
        names: The ``C`` classes in the annotation file's order; the background follows in rows and columns.
        counts: Row: true class; column: predicted class, shape ``(C + 1, C + 1)``. The last column holds true boxes
            that nothing found, the last row detections where no true box is.
    """

    names: tuple[str, ...]
    counts: IntArray

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of rows and columns, the background last."""
        return (*self.names, BACKGROUND)

    @property
    def shares(self) -> FloatArray:
        """Counts as shares of their row, which sums to 1, or is all 0 where it counts nothing."""
        sums = self.counts.sum(axis=1, keepdims=True)
        shares: FloatArray = self.counts / np.maximum(sums, 1)
        return shares

    def worst(self, count: int) -> list[tuple[str, str, int]]:
        """List the commonest errors, ``(true class, predicted class, boxes)``, at most ``count`` of them."""
        errors = self.counts.copy()
        np.fill_diagonal(errors, 0)
        order = np.argsort(-errors, axis=None, kind="stable")[:count]
        rows, columns = np.unravel_index(order, errors.shape)
        places = zip(rows.tolist(), columns.tolist(), strict=True)
        return [(self.labels[row], self.labels[column], int(errors[row, column])) for row, column in places]


def confusion(
    annotations: CocoJson, results: Results, score_thr: npt.ArrayLike = 0.3, iou_thr: float = IOU_THR
) -> Confusion:
    """Count which true class each detection was given to.

    On each image detections are taken by falling score, whatever their class; each goes to the true box, of any
    class, that it overlaps most among those not yet taken, if by an IoU of at least ``iou_thr``. So an object that two
    detections claim counts for the surer one, and the other is one on the background. Detections that lie at least
    half in a crowd region of their class and take no box of their class are left out, as they are of the score.

    Args:
        annotations: Ground truth.
        results: Detections on its images.
        score_thr: Detections of at least this score count; one number, or one for each class, shape ``(C,)``.
        iou_thr: Least overlap of a detection with the box that it takes.

    Raises:
        InputError: Detections of images or categories that the file lacks, NaN or infinity.
    """
    check_results(results, annotations, "detections")
    truth = Truth.of(annotations)
    class_rows = rows_of_ids(results.category_ids, truth.category_ids)
    thresholds = np.broadcast_to(np.asarray(score_thr, dtype=np.float64), len(truth.category_ids))
    kept = results.take(results.scores >= thresholds[class_rows])
    matches = match(truth, kept)
    kept = kept.take(~matches.in_crowd | (matches.claims >= 0))
    return Confusion(tuple(category_names(annotations)), count_confusions(annotations, kept, iou_thr))
