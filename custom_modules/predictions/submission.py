"""The contest's submission CSV: written from results, read back without loss, and checked.

The file has the header ``PredictionString,image_id`` and a row for every image. ``image_id`` is the image's
``file_name``; the string holds ``label score xmin ymin xmax ymax`` for each box, separated by blanks, in
absolute pixels, and is empty for an image without boxes. The label is the ``category_id``.
"""

from __future__ import annotations

import csv
import io
import math
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt

from custom_modules.coco.annotations import (
    BORDER_TOLERANCE,
    CocoJson,
    boxes_outside,
    image_rows,
)
from custom_modules.errors import InputError, Problem, counted
from custom_modules.files import atomic_write, read_text
from custom_modules.predictions.results import Results, check_results

HEADER = ["PredictionString", "image_id"]
TOKENS_A_BOX = 6

# Precision without bound: sums and differences of printed floats are exact, so none ever rounds.
EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)


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
        size = f"{self.file_size / 1e6:.1f} MB" if self.file_size >= 1e5 else f"{self.file_size:,} bytes"
        counts = f"{_some(self.rows, 'image')}, {_some(self.boxes, 'box', 'boxes')}"
        return f"{counts}, {_some(self.images_without_boxes, 'image')} without boxes, {size}"


def write_submission(path: str | os.PathLike[str], results: Results, annotations: CocoJson) -> SubmissionSummary:
    """Write a submission: every image of the annotation file in its order, its boxes by falling score.

    Corners are exact decimal sums of the results' printed floats, never rounded, so that
    :func:`read_submission` returns the same floats.

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
    texts = _box_texts(results.take(order))
    with atomic_write(path, newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        for image, number in zip(annotations["images"], boxes_per_image, strict=True):
            writer.writerow([" ".join(next(texts) for _ in range(number)), image["file_name"]])
    return SubmissionSummary(len(rows), len(results), boxes_per_image.count(0), os.path.getsize(path))


def _box_texts(results: Results) -> Iterator[str]:
    """Print boxes as ``label score xmin ymin xmax ymax``."""
    columns = zip(results.category_ids.tolist(), results.scores.tolist(), results.bboxes_xywh.tolist(), strict=True)
    for label, score, (x, y, width, height) in columns:
        right, bottom = _exact_sum(x, width), _exact_sum(y, height)
        yield f"{label} {_plain(score)} {_plain(x)} {_plain(y)} {right} {bottom}"


def _exact_sum(start: float, size: float) -> str:
    """Add two floats as their shortest texts say, and print the sum in full."""
    text = str(EXACT.add(Decimal(repr(start)), Decimal(repr(size))))
    return f"{Decimal(text):f}" if "E" in text else text


def _plain(number: float) -> str:
    """Print a float in full, without the exponent that not every reader of a CSV understands."""
    text = repr(number)
    return f"{Decimal(text):f}" if "e" in text else text


@dataclass(frozen=True)
class _Table:
    """A submission's rows below the header.

    Attributes:
        lines: Line of each row in the file, for messages.
        image_ids: As written.
        strings: As written.
    """

    lines: list[int]
    image_ids: list[str]
    strings: list[str]


@dataclass(frozen=True)
class _Boxes:
    """A submission's boxes as far as they could be read, with all that keeps them from being results.

    Attributes:
        names: Where each box stands, for messages.
        image_rows: Row of each box's image in the annotation file, -1 if it is not listed, shape ``(N,)``.
        labels: Category ids, shape ``(N,)``.
        scores: Shape ``(N,)``.
        corners: The texts of ``xmin``, ``ymin``, ``xmax`` and ``ymax``, four lists of length ``N``.
        bboxes_xyxy: The same as floats, NaN where a text is not a number, shape ``(N, 4)``.
        problems: What is wrong with the file.
        summary: Numbers of rows and boxes.
    """

    names: _BoxNames
    image_rows: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64]
    corners: list[list[str]]
    bboxes_xyxy: npt.NDArray[np.float64]
    problems: list[Problem]
    summary: SubmissionSummary


@dataclass(frozen=True)
class _BoxNames:
    """Says where a box stands."""

    where: str
    image_ids: list[str]
    row_of_box: npt.NDArray[np.int64]
    box_in_row: npt.NDArray[np.int64]

    def problem(self, bad: npt.NDArray[np.bool_], what: str, remedy: str) -> list[Problem]:
        """Return one problem that counts and lists the ``bad`` boxes, or an empty list if there are none."""
        boxes = np.flatnonzero(bad).tolist()
        if not boxes:
            return []
        names = [f"{self.image_ids[self.row_of_box[box]]} box {self.box_in_row[box] + 1}" for box in boxes[:3]]
        more = f" and {len(boxes) - 3:,} more" if len(boxes) > 3 else ""
        some_boxes = _some(len(boxes), "box", "boxes")
        return [Problem(self.where, f"{some_boxes} {what}: {', '.join(names)}{more}", remedy)]


def read_submission(path: str | os.PathLike[str], annotations: CocoJson) -> Results:
    """Read a submission CSV of ours or another team's into results.

    Rows may come in any order; an image without boxes may have an empty string, blanks or ``NaN``. Widths
    and heights are exact decimal differences of the printed corners.

    Args:
        path: CSV file.
        annotations: The annotation file of the submitted images.

    Returns:
        Detections in the annotation file's order of images, each image's in the file's order.

    Raises:
        InputError: The file is absent or has any of the findings of :func:`check_submission`, all together;
            but boxes that repeat or that reach outside their image are let pass.
    """
    boxes = _read_boxes(path, annotations)
    if boxes.problems:
        raise InputError(boxes.problems)
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
    return inspect_submission(path, annotations)[0]


def inspect_submission(path: str | os.PathLike[str], annotations: CocoJson) -> tuple[list[Problem], SubmissionSummary]:
    """Do :func:`check_submission` and count what the file holds, in one reading."""
    boxes = _read_boxes(path, annotations)
    sizes = [[image["width"], image["height"]] for image in annotations["images"]]
    bboxes_xywh = boxes.bboxes_xyxy.copy()
    bboxes_xywh[:, 2:] -= boxes.bboxes_xyxy[:, :2]
    listed = (boxes.image_rows >= 0) & np.isfinite(bboxes_xywh).all(axis=1)
    outside = listed & boxes_outside(bboxes_xywh, np.array(sizes)[np.where(listed, boxes.image_rows, 0)])
    findings = [
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
    return findings, boxes.summary


def _repeats(boxes: _Boxes) -> npt.NDArray[np.bool_]:
    """Mark the boxes that equal an earlier one in image, label, score and corners, shape ``(N,)``."""
    columns = [boxes.names.row_of_box, boxes.labels, boxes.scores, *boxes.bboxes_xyxy.T]
    order = np.lexsort(columns)
    same = np.ones(max(len(order) - 1, 0), dtype=bool)
    for column in columns:
        same &= column[order][1:] == column[order][:-1]
    repeats = np.zeros(len(order), dtype=bool)
    repeats[order[1:][same]] = True
    return repeats


def _read_boxes(path: str | os.PathLike[str], annotations: CocoJson) -> _Boxes:
    where = str(path)
    table, problems = _read_table(path, annotations)
    problems += _check_image_ids(table, annotations, where)
    tokens = [[] if text.strip().lower() in ("", "nan") else text.split() for text in table.strings]
    uneven = [row for row, row_tokens in enumerate(tokens) if len(row_tokens) % TOKENS_A_BOX]
    if uneven:
        rows = counted([f"{table.image_ids[row]} ({len(tokens[row])} tokens)" for row in uneven])
        what = f"{_some(len(uneven), 'row')} whose tokens are not a multiple of {TOKENS_A_BOX}: {rows}"
        problems.append(Problem(where, what, "a box is: label score xmin ymin xmax ymax"))
    empty = sum(not row_tokens for row_tokens in tokens)
    for row in uneven:
        tokens[row] = []
    boxes_per_row = np.array([len(row_tokens) // TOKENS_A_BOX for row_tokens in tokens], dtype=np.int64)
    row_of_box = np.repeat(np.arange(len(tokens)), boxes_per_row)
    first_box = np.cumsum(boxes_per_row) - boxes_per_row
    names = _BoxNames(where, table.image_ids, row_of_box, np.arange(len(row_of_box)) - first_box[row_of_box])
    flat = list(chain.from_iterable(tokens))
    columns = [flat[start::TOKENS_A_BOX] for start in range(TOKENS_A_BOX)]
    numbers = [_floats(column) for column in columns[1:]]
    labels = _labels(columns[0])
    scores, bboxes_xyxy = numbers[0], np.stack(numbers[1:], axis=1)
    problems += _check_values(names, columns, scores, bboxes_xyxy)
    category_ids = [category["id"] for category in annotations["categories"]]
    problems += names.problem(
        ~np.isin(labels, category_ids),
        "whose label is not a category id of the annotation file",
        f"its category ids are {counted(category_ids, limit=20)}; a label is a whole number",
    )
    listed = {image["file_name"]: row for row, image in enumerate(annotations["images"])}
    image_of_row = np.array([listed.get(image_id, -1) for image_id in table.image_ids], dtype=np.int64)
    summary = SubmissionSummary(len(tokens), len(row_of_box), empty, Path(path).stat().st_size)
    return _Boxes(names, image_of_row[row_of_box], labels, scores, columns[2:], bboxes_xyxy, problems, summary)


def _check_values(
    names: _BoxNames,
    columns: list[list[str]],
    scores: npt.NDArray[np.float64],
    bboxes_xyxy: npt.NDArray[np.float64],
) -> list[Problem]:
    """Check that scores and corners are numbers in range and in order."""
    finite = np.isfinite(scores) & np.isfinite(bboxes_xyxy).all(axis=1)
    is_text = np.zeros(len(scores), dtype=bool)
    for box in np.flatnonzero(~finite):
        is_text[box] = not all(_is_float(column[box]) for column in columns[1:])
    problems = names.problem(is_text, "with a token that is not a number", "a box is six plain numbers")
    problems += names.problem(~finite & ~is_text, "with NaN or infinity", "remove the box, or mend the model")
    problems += names.problem(
        (scores < 0) | (scores > 1), "with a score outside 0 to 1", "a box is: label score xmin ymin xmax ymax"
    )
    for low, high, side in ((0, 2, "x"), (1, 3, "y")):
        reversed_ = bboxes_xyxy[:, high] <= bboxes_xyxy[:, low]
        # Two corners closer than a float can tell are in order all the same: texts are compared as decimals.
        for box in np.flatnonzero(reversed_ & finite):
            reversed_[box] = Decimal(columns[2 + high][box]) <= Decimal(columns[2 + low][box])
        problems += names.problem(
            reversed_,
            f"with {side}max not above {side}min",
            "corners are xmin ymin xmax ymax, not width and height",
        )
    return problems


def _read_table(path: str | os.PathLike[str], annotations: CocoJson) -> tuple[_Table, list[Problem]]:
    """Read the rows with the problems of the header and of the columns."""
    where = str(path)
    text = read_text(path)
    if not text.strip():
        raise InputError(Problem(where, "is empty", f"the header is {','.join(HEADER)}"))
    try:
        with _no_field_limit():
            reader = csv.reader(io.StringIO(text, newline=""))
            rows = [(reader.line_num, row) for row in reader if row]
    except csv.Error as error:
        raise InputError(Problem(where, f"is not CSV: {error}")) from None
    problems = []
    header = [name.strip() for name in rows[0][1]]
    string_column, id_column = 0, 1
    if header == HEADER:
        rows = rows[1:]
    else:
        what = f"the header is {','.join(header)[:60]!r}"
        problems.append(Problem(where, what, f"the first line must be {','.join(HEADER)}"))
        if set(HEADER) <= set(header):
            string_column, id_column = header.index(HEADER[0]), header.index(HEADER[1])
        if header[-1] not in {image["file_name"] for image in annotations["images"]}:
            rows = rows[1:]
    width = max(len(header), 2)
    odd = [line for line, row in rows if len(row) != width]
    if odd:
        what = f"{_some(len(odd), 'row')} without exactly {width} columns: line {counted(odd)}"
        problems.append(Problem(where, what, "an image_id with a comma needs quotes"))
        rows = [(line, row) for line, row in rows if len(row) == width]
    lines = [line for line, _ in rows]
    table = _Table(lines, [row[id_column] for _, row in rows], [row[string_column] for _, row in rows])
    return table, problems


@contextmanager
def _no_field_limit() -> Iterator[None]:
    """Let fields be as long as they are: 1,500 boxes of one image exceed csv's default limit."""
    before = csv.field_size_limit(2**31 - 1)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _check_image_ids(table: _Table, annotations: CocoJson, where: str) -> list[Problem]:
    """Compare the rows' image ids with the annotation file's file names."""
    file_names = [image["file_name"] for image in annotations["images"]]
    known, present = set(file_names), set(table.image_ids)
    problems = []
    missing = [name for name in file_names if name not in present]
    if missing:
        what = f"{len(missing):,} of {len(file_names):,} images have no row: {counted(missing)}"
        problems.append(Problem(where, what, "an image without boxes needs a row with an empty string"))
    unknown = [(name, line) for name, line in zip(table.image_ids, table.lines, strict=True) if name not in known]
    if unknown:
        rows = counted([f"{name!r} (line {line})" for name, line in unknown])
        what = f"{_some(len(unknown), 'row')} of an image that the annotation file does not list: {rows}"
        problems.append(Problem(where, what, f"image_id is the file_name, such as {file_names[0]!r}"))
    repeated = [name for name, count in Counter(table.image_ids).items() if count > 1]
    if repeated:
        what = f"{_some(len(repeated), 'image')} with more than one row: {counted(repeated)}"
        problems.append(Problem(where, what, "put all boxes of an image in one row"))
    return problems


def _some(count: int, noun: str, plural: str = "") -> str:
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def _floats(texts: list[str]) -> npt.NDArray[np.float64]:
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


def _labels(texts: list[str]) -> npt.NDArray[np.int64]:
    """Convert labels; the lowest 64-bit number, which is no category's id, where one is not a whole number."""
    table = {text: _label(text) for text in set(texts)}
    return np.array([table[text] for text in texts], dtype=np.int64)


def _label(text: str) -> int:
    nobody = int(np.iinfo(np.int64).min)
    try:
        label = int(text)
    except ValueError:
        return nobody
    return label if abs(label) < 2**63 else nobody
