"""A copy of an annotation file that is being repaired, and the log of what was changed in it."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from sortline.data.check.findings import Finding, Place
from sortline.data.check.source import Source, source_of
from sortline.data.columns import shown_value
from sortline.files import atomic_write


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
        data: The content of now.
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
        """The content of now as columns, read anew after a change."""
        if self._source is None:
            original = self._original
            self._source = source_of(self.data, original.path, original.image_root, original.is_test)
        return self._source

    def findings(self, matches: Callable[[str], bool]) -> list[Finding]:
        """List the broken rules whose kind matches, as the content of now has them."""
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
