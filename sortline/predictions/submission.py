"""The contest's submission CSV, written from results without loss.

The file has the header ``PredictionString,image_id`` and a row for every image. ``image_id`` is the image's
``file_name``; the string holds ``label score xmin ymin xmax ymax`` for each box, separated by blanks, in
absolute pixels, and is empty for an image without boxes. The label is the ``category_id``.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from sortline.arrays import IntArray
from sortline.data.annotations import CocoJson, image_rows
from sortline.data.formats.decimals import EXACT
from sortline.files import atomic_write
from sortline.predictions.results import Results, check_results
from sortline.reports.numbers import size_text, some

HEADER = ["PredictionString", "image_id"]


@dataclass(frozen=True)
class SubmissionSummary:
    """What a submission file holds.

    Attributes:
        rows: Images, each a row below the header.
        boxes: Boxes in all rows.
        images_without_boxes: Rows with an empty string.
        file_size: Bytes.
    """

    rows: int
    boxes: int
    images_without_boxes: int
    file_size: int

    def __str__(self) -> str:
        counts = f"{some(self.rows, 'image')}, {some(self.boxes, 'box')}"
        return f"{counts}, {some(self.images_without_boxes, 'image')} without boxes, {size_text(self.file_size)}"


def write_submission(path: str | os.PathLike[str], results: Results, annotations: CocoJson) -> SubmissionSummary:
    """Write a submission: every image of the annotation file in its order, its boxes by falling score.

    Corners are exact decimal sums of the results' printed floats, never rounded, so that
    :func:`~sortline.predictions.submission_boxes.read_submission` returns the same floats.

    Args:
        path: CSV file to write.
        results: Detections; boxes with equal scores keep their order.
        annotations: The annotation file of the images to submit.

    Returns:
        What was written.

    Raises:
        InputError: A detection's image or category is not in the annotation file, which is then the wrong
            one, or a value is NaN or infinite; nothing is written.
    """
    check_results(results, annotations, str(path))
    rows = image_rows(annotations)
    image_of_box = np.array([rows[image_id] for image_id in results.image_ids.tolist()], dtype=np.int64)
    order = np.lexsort((-results.scores, image_of_box))
    boxes_per_image = np.bincount(image_of_box, minlength=len(rows)).tolist()
    texts = box_texts(results.take(order))
    with atomic_write(path, newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        for image, number in zip(annotations["images"], boxes_per_image, strict=True):
            # Digits and blanks need no quotes: only the name goes through csv, which looks at every letter.
            file.write(" ".join(next(texts) for _ in range(number)) + ",")
            writer.writerow([image["file_name"]])
    return SubmissionSummary(len(rows), len(results), boxes_per_image.count(0), os.path.getsize(path))


def box_texts(results: Results) -> Iterator[str]:
    """Print boxes as ``label score xmin ymin xmax ymax``."""
    columns = zip(results.category_ids.tolist(), results.scores.tolist(), results.bboxes_xywh.tolist(), strict=True)
    for label, score, (x, y, width, height) in columns:
        left, top = repr(x), repr(y)
        right, bottom = _exact_sum(left, width), _exact_sum(top, height)
        yield f"{label} {_plain(repr(score))} {_plain(left)} {_plain(top)} {right} {bottom}"


def _exact_sum(start: str, size: float) -> str:
    """Add two floats as their shortest texts say, and print the sum in full."""
    text = str(EXACT.add(Decimal(start), Decimal(repr(size))))
    return f"{Decimal(text):f}" if "E" in text else text


def _plain(text: str) -> str:
    """Print a float's text in full, without the exponent that not every reader of a CSV understands."""
    return f"{Decimal(text):f}" if "e" in text else text


def text_sizes(results: Results) -> IntArray:
    """Count the bytes of each box's text in a submission, without the blank between two boxes, shape ``(N,)``."""
    return np.fromiter(map(len, box_texts(results)), dtype=np.int64, count=len(results))


def empty_file_size(annotations: CocoJson) -> int:
    """Count the bytes of a submission without boxes for the images of an annotation file."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(["", image["file_name"]] for image in annotations["images"])
    return len(file.getvalue().encode())
