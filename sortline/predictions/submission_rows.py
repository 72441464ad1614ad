"""A submission CSV as rows of image and string, whatever way of writing them another team's tools have."""

from __future__ import annotations

import csv
import io
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sortline.data.annotations import CocoJson
from sortline.errors import InputError, Problem, counted
from sortline.files import read_text
from sortline.predictions.submission import HEADER
from sortline.reports.numbers import some

#: What an index column is called that pandas wrote, and read and wrote again.
INDEX_COLUMNS = ("", "Unnamed: 0", "index")


@dataclass
class SubmissionRows:
    """A submission's rows below the header.

    Attributes:
        lines: Line of each row in the file, for messages.
        image_ids: As written, but for blanks around those that are known without.
        strings: As written; empty where the field is missing.
        problems: What is wrong with header, columns and images.
        notes: What was understood all the same, though the contest may not.
    """

    lines: list[int] = field(default_factory=list)
    image_ids: list[str] = field(default_factory=list)
    strings: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)


@dataclass(frozen=True)
class _Layout:
    """Which columns hold what.

    Attributes:
        strings: Number of the column of strings, from 0.
        image_ids: Number of the column of image ids.
        width: Columns.
        has_header: Whether the first row is no image's.
    """

    strings: int = 0
    image_ids: int = 1
    width: int = 2
    has_header: bool = True


def read_submission_rows(path: str | os.PathLike[str], annotations: CocoJson) -> SubmissionRows:
    """Read the rows and compare them with the annotation file's images.

    Args:
        path: CSV file.
        annotations: The annotation file of the submitted images.

    Raises:
        InputError: The file is absent, empty, neither text nor CSV, or separated by something else than commas.
    """
    where = str(path)
    file_names = [image["file_name"] for image in annotations["images"]]
    table = SubmissionRows()
    rows = _csv_rows(where)
    layout = _read_header(rows[0][1], set(file_names), table, where)
    rows = rows[1:] if layout.has_header else rows
    _read_rows(rows, layout, table, where)
    _strip_image_ids(table, set(file_names), where)
    _check_image_ids(table, file_names, where)
    return table


def _csv_rows(where: str) -> list[tuple[int, list[str]]]:
    """Read the fields of each row that isn't blank, with the number of its line."""
    text = read_text(where)
    try:
        with _no_field_limit():
            reader = csv.reader(io.StringIO(text, newline=""))
            rows = [(reader.line_num, row) for row in reader if any(row) and any(map(str.strip, row))]
    except csv.Error as error:
        raise InputError(Problem(where, f"is not CSV: {error}")) from None
    if not rows:
        raise InputError(Problem(where, "is empty", f"the header is {','.join(HEADER)}"))
    return rows


@contextmanager
def _no_field_limit() -> Iterator[None]:
    """Let fields be as long as they are: 1,500 boxes of one image exceed csv's default limit."""
    before = csv.field_size_limit(2**31 - 1)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _read_header(fields: list[str], file_names: set[str], table: SubmissionRows, where: str) -> _Layout:
    """Find the two columns by name; note what differs from the contest's header."""
    header = [name.strip() for name in fields]
    if len(header) == 1 and all(name in header[0] for name in HEADER):
        separator = header[0].replace(HEADER[0], "").replace(HEADER[1], "")
        what = f"has its columns separated by {separator!r}"
        raise InputError(Problem(where, what, "save it with commas: in Excel as 'CSV UTF-8 (comma delimited)'"))
    width = max(len(header), len(HEADER))
    if any(header.count(name) != 1 for name in HEADER):
        what = f"the header is {','.join(header)[:60]!r}"
        table.problems.append(Problem(where, what, f"the first line must be {','.join(HEADER)}"))
        return _Layout(width=width, has_header=header[-1] not in file_names)
    layout = _Layout(header.index(HEADER[0]), header.index(HEADER[1]), width)
    extra = [name for name in header if name not in HEADER]
    if extra:
        remedy = "pandas: to_csv(..., index=False)" if set(extra) <= set(INDEX_COLUMNS) else ""
        columns = "an extra column" if len(extra) == 1 else "extra columns"
        table.notes.append(Problem(where, f"has {columns}, passed over: {counted([*map(repr, extra)])}", remedy))
    if layout.image_ids < layout.strings:
        table.notes.append(Problem(where, f"has its columns in another order than {','.join(HEADER)}"))
    if header != fields:
        table.notes.append(Problem(where, f"has blanks around the names in its header: {','.join(fields)!r}"))
    return layout


def _read_rows(rows: list[tuple[int, list[str]]], layout: _Layout, table: SubmissionRows, where: str) -> None:
    """Take image ids and strings out of the rows. A row may end early, but not before its image id."""
    odd, short = [], []
    for line, row in rows:
        if not layout.image_ids < len(row) <= layout.width:
            odd.append(line)
            continue
        if len(row) < layout.width:
            short.append(line)
        table.lines.append(line)
        table.image_ids.append(row[layout.image_ids])
        table.strings.append(row[layout.strings] if layout.strings < len(row) else "")
    if odd:
        what = f"{some(len(odd), 'row')} without exactly {layout.width} columns: line {counted(odd)}"
        table.problems.append(
            Problem(where, what, "an image_id with a comma needs quotes; no comma belongs at a line's end")
        )
    if short:
        what = f"{some(len(short), 'row')} with fewer columns than the header, the others empty: line {counted(short)}"
        table.notes.append(Problem(where, what))


def _strip_image_ids(table: SubmissionRows, known: set[str], where: str) -> None:
    """Take blanks away around image ids that are known without them."""
    padded = [row for row, name in enumerate(table.image_ids) if name not in known and name.strip() in known]
    for row in padded:
        table.image_ids[row] = table.image_ids[row].strip()
    if padded:
        names = counted([table.image_ids[row] for row in padded])
        table.notes.append(Problem(where, f"{some(len(padded), 'row')} with blanks around the image_id: {names}"))


def _check_image_ids(table: SubmissionRows, file_names: list[str], where: str) -> None:
    """Compare the rows' image ids with the annotation file's file names."""
    known, present = set(file_names), set(table.image_ids)
    missing = [name for name in file_names if name not in present]
    if missing:
        what = f"{len(missing):,} of {len(file_names):,} images have no row: {counted(missing)}"
        remedy = "an image without boxes needs a row with an empty string"
        table.problems.append(Problem(where, what, remedy))
    unknown = [(name, line) for name, line in zip(table.image_ids, table.lines, strict=True) if name not in known]
    if unknown:
        rows = counted([f"{name!r} (line {line})" for name, line in unknown])
        what = f"{some(len(unknown), 'row')} of an image that the annotation file does not list: {rows}"
        table.problems.append(Problem(where, what, f"image_id is the file_name, such as {file_names[0]!r}"))
    repeated = [name for name, count in Counter(table.image_ids).items() if count > 1]
    if repeated:
        what = f"{some(len(repeated), 'image')} with more than one row: {counted(repeated)}"
        table.problems.append(Problem(where, what, "put all boxes of an image in one row"))
