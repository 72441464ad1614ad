"""Repair an annotation file: only what has one right answer, each change logged, nothing written that is not sound."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from sortline.data.check import repair_boxes, repair_rows
from sortline.data.check.annotation_checks import values_not_json
from sortline.data.check.findings import Finding, Places, Severity
from sortline.data.check.source import Change, Draft, Source, write_changes
from sortline.errors import InputError, Problem, counted
from sortline.files import write_json
from sortline.reports.numbers import some

#: A repair that would throw away more than this share of the images or boxes as unusable is none: the file is in
#: another format, or the photos are elsewhere.
MOST_LOST = 0.5
#: JSON is written by a recursive function; real files nest four deep.
DEEP = 100
#: What is said twice can go without loss.
WITHOUT_LOSS = ("box-duplicate", "image-file_name-repeated", "category-id-repeated")


@dataclass(frozen=True)
class Repaired:
    """A repaired file.

    Attributes:
        source: Its content.
        changes: What was changed, in order.
    """

    source: Source
    changes: list[Change]

    def __str__(self) -> str:
        kinds = Counter(change.kind for change in self.changes)
        listed = ", ".join(f"{kind} {count:,}" for kind, count in kinds.items())
        return some(len(self.changes), "change") + (f" ({listed})" if listed else "")


def repair(source: Source, findings: Sequence[Finding]) -> Repaired:
    """Repair what has one right answer.

    Args:
        source: The file; sizes and photos are repaired only if its photos have been read.
        findings: What the check found in it.

    Returns:
        A file that :func:`~sortline.data.annotations.read_annotations` takes, in which a second repair
        changes nothing.

    Raises:
        InputError: Something in it has no one right answer, each named; or most of the file would be lost.
    """
    _refuse(finding for finding in findings if finding.severity == Severity.ERROR and not finding.repair)
    draft = Draft(source)
    repair_rows.drop_broken_rows(draft)
    repair_rows.convert_values(draft)
    repair_rows.drop_repeated_categories(draft)
    photos = None if source.photos is None else repair_boxes.name_as_on_disk(draft, source.photos)
    if photos is not None:
        repair_boxes.drop_unusable_photos(draft, photos)
    repair_rows.drop_lost_annotations(draft)
    repair_boxes.drop_unusable_boxes(draft)
    repair_boxes.turn_corners_into_sizes(draft)
    in_question = set() if photos is None else repair_boxes.set_sizes(draft, photos)
    repair_rows.drop_repeated_images(draft)
    repair_rows.renumber_unused_images(draft)
    repair_rows.renumber_annotations(draft)
    repair_boxes.clip_boxes(draft, in_question)
    repair_boxes.set_areas(draft)
    repair_boxes.set_crowd_flags(draft)
    repair_boxes.drop_repeated_boxes(draft)
    repair_rows.set_other_values_to_null(draft)
    _refuse_heavy_loss(source, draft.changes)
    _refuse(draft.source.findings())
    _refuse_values(source.path, [replace(place, detail=key) for place, key, _ in values_not_json(draft.source)])
    if photos is not None:
        draft.source.photos = photos.of_images(draft.source.table.images)
    return Repaired(draft.source, draft.changes)


def _refuse(findings: Iterable[Finding]) -> None:
    """Raise if there are findings, each named with its first places."""
    problems = [
        Problem(
            finding.file,
            f"can't be repaired: {finding.what}: {counted(finding.places)}",
            finding.remedy or "change it in the file by hand",
        )
        for finding in findings
    ]
    if problems:
        raise InputError(problems)


def _refuse_heavy_loss(source: Source, changes: Sequence[Change]) -> None:
    """Raise if most images or annotations were dropped as unusable."""
    dropped = Counter(
        (change.section, change.kind) for change in changes if not change.key and change.kind not in WITHOUT_LOSS
    )
    problems = []
    for section in ("images", "annotations"):
        kinds = {kind: number for (of, kind), number in dropped.items() if of == section}
        lost, total = sum(kinds.values()), len(source.data[section])
        if lost > MOST_LOST * total:
            listed = ", ".join(f"{kind} {number:,}" for kind, number in kinds.items())
            what = f"can't be repaired: {lost:,} of {total:,} {section} would be lost ({listed})"
            remedy = "the file is in another format, or belongs to other photos: compare it with how it was made"
            problems.append(Problem(source.path, what, remedy))
    if problems:
        raise InputError(problems)


def _refuse_values(path: str, places: Sequence[object]) -> None:
    """Raise, naming the places of values that JSON can't hold, if there are any."""
    if places:
        what = f"can't be repaired: values that JSON can't hold, or nested too deeply to be written: {counted(places)}"
        raise InputError(Problem(path, what, "remove them from the file by hand"))


def _nests_deeply(value: Any) -> bool:
    """Tell whether lists and objects lie within each other more than :data:`DEEP` times."""
    level = [value]
    for _ in range(DEEP):
        inner = [item.values() if isinstance(item, dict) else item for item in level if isinstance(item, dict | list)]
        level = list(chain.from_iterable(inner))
        if not level:
            return False
    return True


def changes_path(out: Path) -> Path:
    """Return where the log of a repair goes: beside the repaired file."""
    return out.with_suffix(".changes.csv")


def check_target(out: Path, inputs: Iterable[Path]) -> None:
    """Refuse to write a repaired file, or its log, over an input.

    Raises:
        InputError: It would.
    """
    for path in inputs:
        for target in (out, changes_path(out)):
            if os.path.realpath(target) == os.path.realpath(path) or (
                target.exists() and path.exists() and target.samefile(path)
            ):
                what = f"--fix would write over {path}, which is read"
                raise InputError(Problem(str(target), what, "give another name, such as train_fixed.json"))


def write_repaired(repaired: Repaired, out: Path) -> Path:
    """Write a repaired file and, beside it, the log of its changes; return the log's path."""
    log = changes_path(out)
    try:
        # The log is complete before the file is there, and appears only after it.
        with write_changes(log, repaired.changes):
            write_json(out, repaired.source.data)
    except RecursionError:
        table, place = repaired.source.table, Places(repaired.source.table)
        images = [place.image(row) for row, image in enumerate(table.images.rows.rows) if _nests_deeply(image)]
        rows = enumerate(table.annotations.rows.rows)
        boxes = [place.annotation(row) for row, annotation in rows if _nests_deeply(annotation)]
        _refuse_values(repaired.source.path, images + boxes or ["outside the lists of images and annotations"])
    return log
