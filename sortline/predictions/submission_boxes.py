"""A submission CSV read back: its boxes, everything that is wrong with them, and the results that they make."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain
from pathlib import Path

import numpy as np

from sortline.arrays import BoolArray, FloatArray, IntArray
from sortline.data.annotations import CocoJson
from sortline.data.coco_table import BORDER_TOLERANCE, boxes_outside
from sortline.data.formats.decimals import EXACT, EXPONENTS
from sortline.errors import InputError, Problem, counted
from sortline.predictions.results import Results
from sortline.predictions.submission import SubmissionSummary
from sortline.predictions.submission_rows import SubmissionRows, read_submission_rows
from sortline.reports.numbers import some

TOKENS_A_BOX = 6
#: What pandas takes for a missing value; ours and the contest's sample have nothing instead.
NO_BOXES_WORDS = {"nan", "null", "none", "na", "n/a", "<na>"}
NOT_A_LABEL = int(np.iinfo(np.int64).min)


@dataclass(frozen=True)
class BoxNames:
    """Says where a box stands.

    Attributes:
        where: The file, as shown to the user.
        image_ids: Of each row.
        row_of_box: Shape ``(N,)``.
        box_in_row: Number of the box in its row, from 0, shape ``(N,)``.
    """

    where: str
    image_ids: list[str]
    row_of_box: IntArray
    box_in_row: IntArray

    def problem(self, bad: BoolArray, what: str, remedy: str) -> list[Problem]:
        """Return one problem that counts and lists the ``bad`` boxes, or an empty list if there are none."""
        boxes = np.flatnonzero(bad).tolist()
        if not boxes:
            return []
        names = [f"{self.image_ids[self.row_of_box[box]]} box {self.box_in_row[box] + 1}" for box in boxes]
        return [Problem(self.where, f"{some(len(boxes), 'box')} {what}: {counted(names)}", remedy)]


@dataclass(frozen=True)
class SubmissionBoxes:
    """A submission's ``N`` boxes.

    Attributes:
        names: Where each box stands, for messages.
        image_rows: Row of each box's image in the annotation file, -1 if it is not listed, shape ``(N,)``.
        labels: Category ids, shape ``(N,)``.
        scores: Shape ``(N,)``.
        corners: The texts of ``xmin``, ``ymin``, ``xmax`` and ``ymax``, four lists of length ``N``.
        bboxes_xyxy: The same as floats, NaN where a text is not a number, shape ``(N, 4)``.
        problems: What is wrong with the file.
        notes: What was understood all the same, though the contest may not.
        summary: Numbers of rows and boxes.
    """

    names: BoxNames
    image_rows: IntArray
    labels: IntArray
    scores: FloatArray
    corners: list[list[str]]
    bboxes_xyxy: FloatArray
    problems: list[Problem]
    notes: list[Problem]
    summary: SubmissionSummary


def read_boxes(path: str | os.PathLike[str], annotations: CocoJson) -> SubmissionBoxes:
    """Read the boxes of a submission, valid or not, with what is wrong with them.

    Args:
        path: CSV file.
        annotations: The annotation file of the submitted images.

    Raises:
        InputError: The file is absent, empty, or neither text nor CSV.
    """
    where = str(path)
    table = read_submission_rows(path, annotations)
    problems, notes = list(table.problems), list(table.notes)
    tokens = _split(table, where, problems, notes)
    names = _box_names(where, table, tokens)
    flat = list(chain.from_iterable(tokens))
    columns = [flat[start::TOKENS_A_BOX] for start in range(TOKENS_A_BOX)]
    scores, *corners = (_floats(column) for column in columns[1:])
    bboxes_xyxy = np.stack(corners, axis=1)
    problems += _check_values(names, columns, scores, bboxes_xyxy)
    labels = _read_labels(columns[0], annotations, names, problems, notes)
    listed = {image["file_name"]: row for row, image in enumerate(annotations["images"])}
    image_of_row = np.array([listed.get(image_id, -1) for image_id in table.image_ids], dtype=np.int64)
    empty = sum(_has_no_boxes(text) for text in table.strings)
    summary = SubmissionSummary(len(tokens), len(labels), empty, Path(path).stat().st_size)
    image_of_box = image_of_row[names.row_of_box]
    return SubmissionBoxes(names, image_of_box, labels, scores, columns[2:], bboxes_xyxy, problems, notes, summary)


def _has_no_boxes(text: str) -> bool:
    stripped = text.strip()
    return not stripped or stripped.lower() in NO_BOXES_WORDS


def _split(table: SubmissionRows, where: str, problems: list[Problem], notes: list[Problem]) -> list[list[str]]:
    """Split the strings at blanks; those that can't be whole boxes are reported and give none."""
    tokens = [[] if _has_no_boxes(text) else text.split() for text in table.strings]
    uneven = [row for row, row_tokens in enumerate(tokens) if len(row_tokens) % TOKENS_A_BOX]
    if uneven:
        rows = counted([f"{table.image_ids[row]} ({len(tokens[row])} tokens)" for row in uneven])
        what = f"{some(len(uneven), 'row')} whose tokens are not a multiple of {TOKENS_A_BOX}: {rows}"
        problems.append(Problem(where, what, "a box is: label score xmin ymin xmax ymax"))
    words = [row for row, text in enumerate(table.strings) if not tokens[row] and text.strip()]
    wide = [row for row, text in enumerate(table.strings) if text.strip(" ").count(" ") != max(len(tokens[row]) - 1, 0)]
    for rows_noted, what in (
        (words, "with a word for no boxes, such as {!r}, instead of an empty string"),
        (wide, "with tabs or more than one blank between tokens"),
    ):
        if rows_noted:
            what = what.format(table.strings[rows_noted[0]].strip())
            listed = counted([table.image_ids[row] for row in rows_noted])
            notes.append(Problem(where, f"{some(len(rows_noted), 'row')} {what}: {listed}"))
    for row in uneven:
        tokens[row] = []
    return tokens


def _box_names(where: str, table: SubmissionRows, tokens: list[list[str]]) -> BoxNames:
    boxes_per_row = np.array([len(row_tokens) // TOKENS_A_BOX for row_tokens in tokens], dtype=np.int64)
    row_of_box = np.repeat(np.arange(len(tokens)), boxes_per_row)
    first_box = np.cumsum(boxes_per_row) - boxes_per_row
    return BoxNames(where, table.image_ids, row_of_box, np.arange(len(row_of_box)) - first_box[row_of_box])


def _check_values(
    names: BoxNames, columns: list[list[str]], scores: FloatArray, bboxes_xyxy: FloatArray
) -> list[Problem]:
    """Check that scores and corners are numbers in range and in order."""
    finite = np.isfinite(scores) & np.isfinite(bboxes_xyxy).all(axis=1)
    is_text = np.zeros(len(scores), dtype=bool)
    for box in np.flatnonzero(~finite):
        is_text[box] = not all(_is_float(column[box]) for column in columns[1:])
    problems = names.problem(is_text, "with a token that is not a number", "a box is six plain numbers")
    problems += names.problem(~finite & ~is_text, "with NaN or infinity", "remove the box, or mend the model")
    problems += names.problem(
        _absurd(columns[2:]) & finite, "with an exponent beyond those of any pixel", "write plain decimals"
    )
    problems += names.problem(
        (scores < 0) | (scores > 1), "with a score outside 0 to 1", "a box is: label score xmin ymin xmax ymax"
    )
    for low, high, side in ((0, 2, "x"), (1, 3, "y")):
        reversed_ = bboxes_xyxy[:, high] <= bboxes_xyxy[:, low]
        # Two corners closer than a float can tell are in order all the same: texts are compared as decimals.
        for box in np.flatnonzero(reversed_ & finite):
            reversed_[box] = Decimal(columns[2 + high][box]) <= Decimal(columns[2 + low][box])
        problems += names.problem(
            reversed_, f"with {side}max not above {side}min", "corners are xmin ymin xmax ymax, not width and height"
        )
    return problems


def _absurd(corners: list[list[str]]) -> BoolArray:
    """Mark boxes with a text such as 1e-999999999: a float reads it as 0, an exact difference fills the memory."""
    absurd = np.zeros(len(corners[0]), dtype=bool)
    for column in corners:
        if "e" not in "".join(column).lower():  # almost always, and a hundredth of the time that the rest takes
            continue
        for box, text in enumerate(column):
            if "e" in text.lower() and _is_float(text):
                exponent = Decimal(text).as_tuple().exponent
                absurd[box] |= isinstance(exponent, int) and exponent not in EXPONENTS
    return absurd


def _floats(texts: list[str]) -> FloatArray:
    """Convert texts, NaN where one is not a number."""
    try:
        return np.array(list(map(float, texts)), dtype=np.float64)
    except ValueError:
        return np.array([float(text) if _is_float(text) else math.nan for text in texts], dtype=np.float64)


def _is_float(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _read_labels(
    texts: Sequence[str], annotations: CocoJson, names: BoxNames, problems: list[Problem], notes: list[Problem]
) -> IntArray:
    """Convert labels, shape ``(N,)``, and compare them with the annotation file's categories."""
    known = [category["id"] for category in annotations["categories"]]
    table = {text: _label(text) for text in set(texts)}
    labels = np.array([table[text] for text in texts], dtype=np.int64)
    problems += names.problem(
        ~np.isin(labels, known),
        "whose label is not a category id of the annotation file",
        f"its category ids are {counted(known, limit=20)}; a label is a whole number",
    )
    decimals = {text for text, label in table.items() if label in known and "." in text}
    if decimals:
        seen = min(decimals)
        what = f"with a label such as {seen} in place of {table[seen]}"
        notes += names.problem(np.array([text in decimals for text in texts], dtype=bool), what, "")
    return labels


def _label(text: str) -> int:
    """Read ``3`` or ``3.0``; the lowest 64-bit number, which is no category's id, for anything else."""
    try:
        label = int(text.removesuffix(".0"))
    except ValueError:
        return NOT_A_LABEL
    return label if abs(label) < 2**63 else NOT_A_LABEL


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


def inspect_submission(path: str | os.PathLike[str], annotations: CocoJson) -> SubmissionReport:
    """Find all that is wrong with a submission CSV, note what was tolerated and keep what was read.

    Checked are the header; that every image of the annotation file has one row and no other image has any;
    six tokens a box, all of them finite numbers; labels that are category ids; scores from 0 to 1;
    ``xmin < xmax`` and ``ymin < ymax``; boxes that reach more than 1 px outside their image (less comes
    from rounding and costs nothing); boxes repeated with the same label and score, as happens when
    predictions are joined twice. The order of rows and of boxes is free.

    Args:
        path: CSV file.
        annotations: The annotation file of the submitted images.

    Returns:
        All findings, one a kind; no problems for a valid file.

    Raises:
        InputError: The file is absent, empty or not text.
    """
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
            :func:`inspect_submission`, all together; but boxes that
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
