"""On which photos one run got most more, or less, right than another, and these photos drawn with both runs' boxes."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from sortline.arrays import IntArray
from sortline.data.annotations import category_names
from sortline.data.drawing import Boxes, boxes_by_image, true_boxes, write_image
from sortline.data.photos import read_photo
from sortline.errors import InputError, Problem
from sortline.predictions.class_thresholds import above_cuts, class_cuts
from sortline.predictions.draw_results import photo_row, photo_sheet
from sortline.predictions.error_analysis import PhotoCounts, count_by_photo
from sortline.progress import track
from sortline.runs.comparison.compared_runs import Candidate, Part

#: Side of a drawn photo in pixels: three beside each other still fit a screen.
CELL = 620


@dataclass(frozen=True)
class PhotoChange:
    """One photo on which two runs differ.

    Attributes:
        file_name: The photo.
        part: Position of the part, such as the fold, that it belongs to.
        run: Boxes that the run got right, got wrong and missed.
        other: The same of the one that it is compared with.
        f1_change: Difference of their F1 on it, either way.
    """

    file_name: str
    part: int
    run: tuple[int, int, int]
    other: tuple[int, int, int]
    f1_change: float

    @property
    def fewer_errors(self) -> int:
        """How many wrong and missed boxes fewer the run has; below 0 where it has more."""
        return sum(self.other[1:]) - sum(self.run[1:])


@dataclass(frozen=True)
class ChangedPhotos:
    """Where a run differs from another one.

    Attributes:
        better: Photos on which the run has fewer errors.
        worse: Photos on which it has more.
        same: All others.
        most: The photos with the largest change of errors, either way.
    """

    better: int
    worse: int
    same: int
    most: tuple[PhotoChange, ...]


def changed_photos(run: Candidate, other: Candidate, count: int = 10) -> ChangedPhotos:
    """Find the photos on which the number of errors, wrong boxes and missed ones, changed most.

    Each run's boxes count from the score threshold on that gives its classes their highest F1, on all images of the
    part: so each is seen at its best, whatever scale its scores have. Of equal changes that of the photo's F1 decides,
    then the order of the files. A photo's part in the difference of mAP50 is another thing: that also depends on how
    its boxes rank among those of all photos.

    Args:
        run: A run.
        other: What it is compared with, on the same images.
        count: Photos to list.
    """
    found = [_of_part(place, *parts) for place, parts in enumerate(zip(run.parts, other.parts, strict=True))]
    changes = [change for part in found for change in part]
    # A stable sort: photos that changed alike keep the order of the files.
    ranked = sorted(changes, key=lambda change: (-abs(change.fewer_errors), -change.f1_change))
    better = sum(change.fewer_errors > 0 for change in changes)
    worse = sum(change.fewer_errors < 0 for change in changes)
    most = tuple(change for change in ranked[:count] if change.fewer_errors)
    return ChangedPhotos(better, worse, len(changes) - better - worse, most)


def _of_part(place: int, run: Part, other: Part) -> list[PhotoChange]:
    counts = [count_by_photo(part.matches, class_cuts(part.matches)) for part in (run, other)]
    names = [image["file_name"] for image in run.annotations["images"]]
    f1_changes = np.abs(counts[0].f1 - counts[1].f1).tolist()
    columns = zip(names, *map(_rows, counts), f1_changes, strict=True)
    return [PhotoChange(name, place, *found) for name, *found in columns]


def _rows(counts: PhotoCounts) -> list[tuple[int, int, int]]:
    columns: IntArray = np.stack([counts.right, counts.wrong, counts.missed], axis=1)
    return [(right, wrong, missed) for right, wrong, missed in columns.tolist()]


def draw_changes(
    run: Candidate,
    other: Candidate,
    changes: Sequence[PhotoChange],
    out: str | os.PathLike[str],
    image_root: str | os.PathLike[str] | None = None,
) -> list[Path]:
    """Write one PNG a photo: ground truth, the other run's boxes and the run's, side by side.

    Args:
        run: A run.
        other: What it is compared with.
        changes: The photos, as from :func:`changed_photos`.
        out: Folder to write to.
        image_root: Folder that ``file_name`` starts from; by default as the run knew it.

    Returns:
        The files, ``01_<name of the photo>.png`` and so on, in the order of ``changes``.

    Raises:
        InputError: A photo is absent or unreadable, or nothing says where they are.
    """
    written = []
    drawers: dict[int, _Drawer] = {}
    for number, change in enumerate(track(changes, "drawing"), start=1):
        if change.part not in drawers:
            drawers[change.part] = _Drawer.of(run, other, change.part, image_root)
        path = Path(out) / f"{number:02}_{_plain(change.file_name)}.png"
        write_image(path, drawers[change.part].picture(change), "PNG")
        written.append(path)
    return written


def _plain(file_name: str) -> str:
    """Turn a photo's name, folders included, into part of a file name.

    >>> _plain("train/scene 1/0007.jpg")
    'train_scene_1_0007'
    """
    return re.sub(r"[^\w.-]+", "_", Path(file_name).with_suffix("").as_posix())


@dataclass(frozen=True)
class _Drawer:
    """Draws the photos of one part.

    Attributes:
        names: Of the compared run and of the run.
        part: Whose photos they are.
        image_root: Folder that ``file_name`` starts from.
        truth: Annotated boxes by image id.
        found: The two runs' boxes that count, by image id, in the order of ``names``.
    """

    names: tuple[str, str]
    part: Part
    image_root: Path
    truth: dict[int, Boxes]
    found: tuple[dict[int, Boxes], dict[int, Boxes]]

    @classmethod
    def of(cls, run: Candidate, other: Candidate, place: int, image_root: str | os.PathLike[str] | None) -> _Drawer:
        part, compared = run.parts[place], other.parts[place]
        root = image_root if image_root is not None else part.image_root or compared.image_root
        remedy = "name the folder that file_name starts from with --image-root"
        if root is None:
            raise InputError(Problem(part.where, "doesn't say where the photos are", remedy))
        if not Path(root).is_dir():
            raise InputError(Problem(str(root), "is no longer the folder of the photos", remedy))
        found = (_counted_boxes(compared), _counted_boxes(part))
        return cls((other.name, run.name), part, Path(root), true_boxes(part.annotations), found)

    def picture(self, change: PhotoChange) -> Image.Image:
        """Draw one photo three times."""
        image = next(image for image in self.part.annotations["images"] if image["file_name"] == change.file_name)
        panels = [("ground truth", self.truth[image["id"]])]
        for name, boxes, counts in zip(self.names, self.found, (change.other, change.run), strict=True):
            right, wrong, missed = counts
            panels.append((f"{name}: {right} right, {wrong} wrong, {missed} missed", boxes[image["id"]]))
        classes = category_names(self.part.annotations)
        row = photo_row(read_photo(self.image_root, image), panels, classes, CELL)
        word = "fewer" if change.fewer_errors > 0 else "more"
        errors = abs(change.fewer_errors)
        shown = f"{errors} {'error' if errors == 1 else 'errors'} {word} by {self.names[1]}"
        return photo_sheet([row], classes, change.file_name, shown)


def _counted_boxes(part: Part) -> dict[int, Boxes]:
    """Collect the detections from their class's threshold on, by image id."""
    found = part.results.take(above_cuts(part.matches, class_cuts(part.matches)))
    return boxes_by_image(part.annotations, found.image_ids, found.category_ids, found.bboxes_xywh, found.scores)
