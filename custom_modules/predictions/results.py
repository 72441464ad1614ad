"""Detections of one annotation file's images, held as columns, and the COCO results json they come from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Results:
    """Detections as columns, one row a box; rows of one image need not be adjacent.

    Attributes:
        image_ids: Ids of one annotation file's images, shape ``(N,)``.
        category_ids: Ids of the same file's categories, shape ``(N,)``.
        bboxes_xywh: Left, top, width, height in absolute pixels, shape ``(N, 4)``.
        scores: Confidence from 0 to 1, shape ``(N,)``.
    """

    image_ids: npt.NDArray[np.int64]
    category_ids: npt.NDArray[np.int64]
    bboxes_xywh: npt.NDArray[np.float64]
    scores: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.scores)
