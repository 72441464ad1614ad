"""One annotation file under check: its content read leniently, and what keeps it from being read at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sortline.data.annotations import CocoJson, check_shape
from sortline.data.check.findings import Finding, Place, Places
from sortline.data.columns import Fault, shown_value
from sortline.arrays import IntArray
from sortline.data.table import CocoTable, ImageColumns, read_table
from sortline.errors import InputError
from sortline.files import read_json

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
            f"{len(repeats):,} object{'s' * (len(repeats) > 1)} with a key given twice, of which only the last counts"
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
