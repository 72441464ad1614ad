"""From annotation files and photos to one page, its charts as files, and all its numbers as json."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sortline.data.annotations import CocoJson, read_annotations
from sortline.data.describe import charts, sheets
from sortline.data.describe import split_differences as comparison
from sortline.data.describe import statistics as numbers
from sortline.data.describe.dataset_page import render_page, split_numbers
from sortline.data.describe.observations import Observation, find_all
from sortline.data.describe.sheets import Sheet, sheet_jpeg
from sortline.data.describe.split_differences import Difference
from sortline.data.describe.statistics import BoxTable
from sortline.data.photo_scan import PhotoScan, scan_photos
from sortline.errors import InputError, Problem
from sortline.files import atomic_write, missing_part, write_json
from sortline.reports.theme import Chart

EXTREMES = 2
PAGE, NUMBERS = "index.html", "statistics.json"


@dataclass(frozen=True)
class AnnotatedPhotos:
    """One annotation file with its photos.

    Attributes:
        path: The annotation file.
        table: Its boxes.
        image_root: Folder that the photos were looked for in.
        scan: What the photos say.
    """

    path: Path
    table: BoxTable
    image_root: Path
    scan: PhotoScan

    @property
    def has_photos(self) -> bool:
        """Whether any photo can be read."""
        return bool(self.scan.readable.any())

    @property
    def unreadable(self) -> list[str]:
        """Photos that can't be read where others can."""
        if not self.has_photos:
            return []
        return [self.scan.file_names[row] for row in np.flatnonzero(~self.scan.readable)]


@dataclass(frozen=True)
class Description:
    """All that the page shows.

    Attributes:
        train: The file that is described.
        test: The file that it's compared with, if any.
        differences: Train beside test.
        notes: How the classes of the two files differ, in sentences.
        findings: What stands out.
        charts: By name.
        sheets: A sheet a class, then others.
    """

    train: AnnotatedPhotos
    test: AnnotatedPhotos | None
    differences: list[Difference]
    notes: list[str]
    findings: list[Observation]
    charts: dict[str, Chart] = field(default_factory=dict)
    sheets: list[Sheet] = field(default_factory=list)


def describe_dataset(
    ann: str | os.PathLike[str],
    out: str | os.PathLike[str],
    test: str | os.PathLike[str] | None = None,
    image_root: str | os.PathLike[str] | None = None,
    samples: int = 8,
    seed: int = 0,
) -> Description:
    """Describe an annotation file in a folder: ``index.html``, charts as PNG, sheets as JPEG, ``statistics.json``.

    Args:
        ann: COCO annotation file.
        out: Folder to write to; files of these names in it are replaced.
        test: Another annotation file to compare with; it may have no annotations.
        image_root: Folder that every ``file_name`` starts from; if None, each annotation file's own folder.
        samples: Photos a class on the sample sheets.
        seed: Source of the samples' choice.

    Raises:
        InputError: A file can't be read or breaks a rule of COCO; ``image_root`` is not a folder, or
            holds none of the photos; ``out`` is a file; ``samples`` is negative.
    """
    target = Path(out)
    _check_arguments(target, image_root, samples, [Path(path) for path in (ann, test) if path is not None])
    contents = {Path(path): read_annotations(path) for path in (ann, test) if path is not None}
    train, *others = [_annotated_photos(path, content, image_root) for path, content in contents.items()]
    if image_root is not None and not train.has_photos:
        what = f"holds none of the photos that {train.path} lists, such as {train.table.file_names[0]!r}"
        remedy = "give the folder that file_name starts from, or leave the option out"
        raise InputError(Problem(f"--image-root {image_root}", what, remedy))
    described = _describe(train, others[0] if others else None, samples, seed)
    _write(described, target)
    return described


def _check_arguments(out: Path, image_root: str | os.PathLike[str] | None, samples: int, given: list[Path]) -> None:
    """Raise for arguments that can't be used."""
    problems = []
    if out.exists() and not out.is_dir():
        problems.append(Problem(f"--out {out}", "is a file", "give a folder; it is made if it isn't there"))
    problems += [
        Problem(f"--out {out}", f"would replace {path}", "choose another folder")
        for path in given
        if path.resolve() == (out / NUMBERS).resolve()
    ]
    if image_root is not None and not Path(image_root).is_dir():
        problems.append(Problem(f"--image-root {image_root}", "no such folder", missing_part(image_root)))
    if samples < 0:
        problems.append(Problem(f"--samples {samples}", "is negative", "0 leaves the sample sheets out"))
    if problems:
        raise InputError(problems)


def _annotated_photos(path: Path, content: CocoJson, image_root: str | os.PathLike[str] | None) -> AnnotatedPhotos:
    root = path.parent if image_root is None else Path(image_root)
    return AnnotatedPhotos(path, numbers.box_table(content), root, scan_photos(root, content["images"]))


def _describe(train: AnnotatedPhotos, test: AnnotatedPhotos | None, samples: int, seed: int) -> Description:
    """Compute and draw everything."""
    differences: list[Difference] = []
    notes: list[str] = []
    if test is not None:
        differences += comparison.compare_tables(train.table, test.table)
        differences += comparison.compare_scans(train.scan, test.scan)
        notes += comparison.category_differences(train.table, test.table)
    findings = find_all(train.table, differences, train.unreadable)
    described = Description(train, test, differences, notes, findings)
    described.charts.update({chart.name: chart for chart in _draw_charts(train, test, differences)})
    if train.has_photos and samples:
        described.sheets.extend(_draw_sheets(train, samples, seed))
    return described


def _draw_charts(train: AnnotatedPhotos, test: AnnotatedPhotos | None, differences: list[Difference]) -> list[Chart]:
    """Draw the charts that there is something to show for."""
    table = train.table
    drawn = []
    if len(table.rows):
        drawn += [
            charts.draw_class_counts(table),
            charts.draw_boxes_per_image(table),
            charts.draw_size_groups(table),
            charts.draw_sizes(table),
            charts.draw_aspects(table),
            charts.draw_places(table),
        ]
        if len(table.classes) > 1:
            drawn += [charts.draw_places_by_class(table), charts.draw_co_occurrence(table)]
    tables = {"train": table} | ({} if test is None else {"test": test.table})
    if len({size for split in tables.values() for size, _ in numbers.image_sizes(split)}) > 1:
        drawn.append(charts.draw_image_sizes(tables))
    if train.has_photos:
        drawn.append(charts.draw_photo_features(_features(train, test)))
    shares = [item for item in differences if item.is_share]
    if shares:
        drawn.append(charts.draw_class_shares(shares[: charts.MOST_ROWS]))
    return drawn


def _features(train: AnnotatedPhotos, test: AnnotatedPhotos | None) -> dict[str, dict[str, Any]]:
    splits = {"train": train} | ({} if test is None else {"test": test})
    return {name: comparison.photo_features(split.scan) for name, split in splits.items() if split.has_photos}


def _draw_sheets(train: AnnotatedPhotos, samples: int, seed: int) -> list[Sheet]:
    usable = train.scan.readable
    drawn = sheets.class_sheets(train.table, train.image_root, usable, samples, seed)
    if drawn:
        drawn.append(sheets.crowded_sheet(train.table, train.image_root, usable, samples))
    drawn.append(sheets.extreme_sheet(train.table, train.image_root, train.scan, EXTREMES))
    return drawn


def sheet_name(index: int, title: str) -> str:
    """Return the name of a sheet's file, safe for every file system and unique by its number."""
    plain = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:40]
    return f"samples_{index:02}_{plain or 'class'}.jpg"


def all_numbers(described: Description) -> dict[str, Any]:
    """Collect every number that the page shows, as plain values."""
    train, test = described.train, described.test
    content = split_numbers(train.path, train.table, train.scan)
    content["findings"] = [vars(finding) for finding in described.findings]
    content["test"] = None
    if test is not None:
        content["test"] = split_numbers(test.path, test.table, test.scan)
        content["test"]["notes"] = described.notes
        content["test"]["differences"] = comparison.as_json(described.differences)
    return content


def _write(described: Description, out: Path) -> None:
    """Write everything once all of it is made, the page last."""
    content = all_numbers(described)
    page = render_page(content, described.charts, described.sheets)
    files = {f"{chart.name}.png": chart.png for chart in described.charts.values()}
    files |= {sheet_name(index, sheet.title): sheet_jpeg(sheet) for index, sheet in enumerate(described.sheets)}
    for name, data in files.items():
        with atomic_write(out / name, "wb") as file:
            file.write(data)
    write_json(out / NUMBERS, content)
    with atomic_write(out / PAGE) as file:
        file.write(page)
