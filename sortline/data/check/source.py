"""One annotation file under check: its content, what keeps it from being read, and a draft of its repair."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sortline.arrays import IntArray
from sortline.data.annotations import CocoJson, check_shape
from sortline.data.check.findings import Finding, Place, Places
from sortline.data.coco_table import CocoTable, ImageColumns, read_table
from sortline.data.json_columns import Fault, shown_value
from sortline.errors import InputError
from sortline.files import atomic_write, read_json
from sortline.reports.numbers import some

if TYPE_CHECKING:
    from sortline.data.photo_scan import PhotoScan


@dataclass(frozen=True)
class Photos:
    """What was read of the photos of one annotation file.

    Attributes:
        rows: Rows of the image columns whose photo was looked for, shape ``(P,)``.
        scan: Their facts, in that order.
    """

    rows: IntArray
    scan: PhotoScan

    def of_images(self, images: ImageColumns) -> Photos:
        """Return the facts of those photos that another list of images has, in its order."""
        index_of = {name: index for index, name in enumerate(self.scan.file_names)}
        rows = [row for row, name in enumerate(images.names) if name in index_of]
        chosen = [index_of[images.names[row]] for row in rows]
        names = [self.scan.file_names[index] for index in chosen]
        problems = [self.scan.problems[index] for index in chosen]
        part = replace(self.scan, file_names=names, problems=problems, facts=self.scan.facts[chosen])
        return Photos(np.array(rows, dtype=np.int64), part)


@dataclass
class Source:
    """An annotation file under check.

    Attributes:
        path: The file.
        image_root: Folder that its ``file_name`` entries start from.
        is_test: It's a test set, which has no boxes.
        data: Its content; absent lists of categories and annotations stand as empty ones.
        table: The same as columns.
        shape_findings: What is wrong with the lists themselves.
        photos: None while the photos have not been read.
    """

    path: str
    image_root: Path
    is_test: bool
    data: CocoJson
    table: CocoTable
    shape_findings: list[Finding] = field(default_factory=list)
    photos: Photos | None = None

    def findings(self) -> Iterator[Finding]:
        """Yield what breaks the rules of a sound file, which every reader refuses."""
        yield from self.shape_findings
        for fault in self.table.faults:
            # Without categories there is one thing to say, not one an annotation.
            if self.data["categories"] or fault.kind != "annotation-category_id-unknown":
                yield _finding_of_fault(fault, self.table)


def read_source(
    path: str | os.PathLike[str], image_root: str | os.PathLike[str] | None = None, is_test: bool = False
) -> Source:
    """Read an annotation file as far as it can be read.

    Args:
        path: The file.
        image_root: Folder that the ``file_name`` entries start from; the file's own folder unless given.
        is_test: It's a test set.

    Raises:
        InputError: It's absent, not JSON, or has no list of images.
    """
    repeats: list[Place] = []
    data = read_json(path, object_pairs_hook=lambda pairs: _object_noting_repeats(pairs, repeats))
    root = Path(path).parent if image_root is None else Path(image_root)
    source = source_of(data, str(path), root, is_test)
    if repeats:
        what = (
            f"{some(len(repeats), 'object')} with a key given twice, of which only the last counts"
        )
        remedy = "remove the wrong one in the file"
        source.shape_findings.append(Finding("key-repeated", source.path, what, repeats, remedy))
    return source


def source_of(data: Any, path: str, image_root: Path, is_test: bool = False) -> Source:
    """Make a source of parsed content.

    Raises:
        InputError: It has no list of images.
    """
    problems = check_shape(data, path)
    if not isinstance(data.get("images"), list):
        raise InputError(problems["images"])
    kinds = {key: f"{key}-absent" for key in ("images", "categories", "annotations")}
    findings = [
        Finding(kinds[key], path, problem.what, [Place(section=None, detail=f"the key {key!r}")], problem.remedy)
        for key, problem in problems.items()
    ]
    lists = {key: [] if key in problems else data.get(key, []) for key in kinds}
    content = {**data, **lists}
    return Source(path, image_root, is_test, content, read_table(content, path), findings)


def _object_noting_repeats(pairs: list[tuple[str, Any]], repeats: list[Place]) -> dict[str, Any]:
    """Make an object of its keys and values, and note a place where a key is given twice."""
    made = dict(pairs)
    if len(made) < len(pairs):
        seen: set[str] = set()
        twice = {key for key, _ in pairs if key in seen or seen.add(key)}  # type: ignore[func-returns-value]
        name = made.get("file_name")
        keys = ", ".join(map(repr, sorted(twice)))
        detail = (
            f"{keys} in the object of id {shown_value(made['id'])}"
            if "id" in made
            else f"{keys} in {shown_value(made)}"
        )
        repeats.append(Place(file_name=name if isinstance(name, str) else None, detail=detail))
    return made


def _finding_of_fault(fault: Fault, table: CocoTable) -> Finding:
    """Turn a broken rule into a finding with all its places."""
    section, _, _ = fault.kind.partition("-")
    columns, place = {
        "image": (table.images.rows, Places(table).image),
        "category": (table.categories.rows, Places(table).category),
    }.get(section, (table.annotations.rows, Places(table).annotation))
    if fault.kind.endswith("-row-bad"):
        sections = {"image": "images", "category": "categories", "annotation": "annotations"}
        places = [Place(sections[section], int(position)) for position in fault.rows]
    else:
        rows = np.searchsorted(columns.positions, fault.rows).tolist()
        places = [place(row, _seen(columns.rows[row], fault.key)) for row in rows]
    return Finding(fault.kind, fault.where, fault.what, places, fault.remedy)


def _seen(row: dict[str, Any], key: str) -> str | None:
    return f"{key} {shown_value(row[key])}" if key and key in row else None


class Change(NamedTuple):
    """One change of one value, or a whole row dropped.

    Attributes:
        kind: Kind of the finding that it answers.
        file_name: The image, or that of the annotation.
        section: ``"images"``, ``"categories"`` or ``"annotations"``.
        id: The row's id before.
        key: The key that was changed; empty for a dropped row.
        before: JSON; empty for a key that was added.
        after: JSON; empty for what was dropped.
        why: In words.
    """

    kind: str
    file_name: str
    section: str
    id: str
    key: str
    before: str
    after: str
    why: str


class Draft:
    """An annotation file's content while it's repaired; rows are copies, the source keeps its own.

    Args:
        source: The file to repair.

    Attributes:
        data: The content with all changes up to now.
        changes: What was changed, in order.
    """

    def __init__(self, source: Source) -> None:
        self.data: dict[str, Any] = {**source.data}
        for section in ("images", "categories", "annotations"):
            self.data[section] = [dict(row) if isinstance(row, dict) else row for row in source.data[section]]
        self.changes: list[Change] = []
        self._original = source
        self._source: Source | None = None

    @property
    def source(self) -> Source:
        """The content as columns, read again after a change."""
        if self._source is None:
            original = self._original
            self._source = source_of(self.data, original.path, original.image_root, original.is_test)
        return self._source

    def findings(self, matches: Callable[[str], bool]) -> list[Finding]:
        """List the broken rules whose kind matches, as of now."""
        return [finding for finding in self.source.findings() if matches(finding.kind)]

    def row(self, place: Place) -> dict[str, Any]:
        """Return the row at a place."""
        row: dict[str, Any] = self.data[str(place.section)][place.row]
        return row

    def set(self, kind: str, place: Place, key: str, value: Any, why: str) -> None:
        """Give a key of one row a new value."""
        row = self.row(place)
        before = _json(row[key]) if key in row else ""
        row[key] = value
        self._log(kind, place, key, before, _json(value), why)

    def remove_key(self, kind: str, place: Place, key: str, why: str) -> None:
        """Take a key from one row."""
        self._log(kind, place, key, _json(self.row(place).pop(key)), "", why)

    def drop(self, kind: str, places: Sequence[Place], why: str) -> None:
        """Take whole rows of one section away."""
        if not places:
            return
        section = str(places[0].section)
        for place in places:
            self._log(kind, place, "", _json(self.data[section][place.row]), "", why)
        gone = {place.row for place in places}
        self.data[section] = [row for position, row in enumerate(self.data[section]) if position not in gone]

    def _log(self, kind: str, place: Place, key: str, before: str, after: str, why: str) -> None:
        number = "" if place.id is None else str(place.id)
        self.changes.append(Change(kind, place.file_name or "", str(place.section), number, key, before, after, why))
        self._source = None


def _json(value: Any) -> str:
    """Return a value as JSON; one nested too deeply for that is shown shortened."""
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return shown_value(value)


@contextmanager
def write_changes(path: Path, changes: Sequence[Change]) -> Iterator[None]:
    """Write the log of a repair as CSV, one line a change; it appears when what is done meanwhile has succeeded."""
    with atomic_write(path, newline="", errors="backslashreplace") as file:
        writer = csv.writer(file)
        writer.writerow(Change._fields)
        writer.writerows(changes)
        yield
