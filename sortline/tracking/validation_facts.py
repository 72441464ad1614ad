"""Facts of a validation: which classes are mixed up, the curves behind the score, and photos to look at."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from sortline.arrays import FloatArray, UInt8Array
from sortline.data.annotations import CocoJson, category_names
from sortline.data.drawing import Boxes, draw_boxes, true_boxes
from sortline.data.photos import read_photo
from sortline.errors import InputError
from sortline.files import read_json, write_json
from sortline.predictions.class_thresholds import class_cuts
from sortline.predictions.draw_results import predicted_boxes
from sortline.predictions.error_analysis import Confusion, choose_photos, confusion, count_by_photo
from sortline.predictions.matching import Matches
from sortline.predictions.results import Results
from sortline.predictions.score import PrCurve, pr_curves

#: Names that facts are tracked by.
CONFUSION, CURVES, PHOTOS = "val/confusion", "val/pr_curves", "val/photos"
#: Where a run folder keeps which photos it is followed by.
CHOICE = "tracked_photos.json"


@dataclass(frozen=True)
class Curves:
    """Precision against recall of all classes.

    Attributes:
        curves: One for each class with boxes to be found.
    """

    curves: tuple[PrCurve, ...]


@dataclass(frozen=True)
class Photo:
    """A validation photo, made small, with what is on it and what was found.

    Attributes:
        name: Its ``file_name``.
        group: Why it was chosen: ``"worst"``, ``"best"`` or ``"random"``.
        rgb: Shape ``(H, W, 3)``.
        truth: Annotated boxes in the small photo's pixels.
        found: Detections in the same.
    """

    name: str
    group: str
    rgb: UInt8Array
    truth: Boxes
    found: Boxes

    def drawn(self, classes: tuple[str, ...]) -> UInt8Array:
        """Draw the photo with its annotations (left) beside the same with the detections (right)."""
        sides = [
            draw_boxes(self.rgb, boxes.boxes_xyxy, boxes.labels, classes, boxes.scores)
            for boxes in (self.truth, self.found)
        ]
        return np.concatenate(sides, axis=1)


@dataclass(frozen=True)
class Photos:
    """The photos that a run is followed by.

    Attributes:
        photos: The same ones in every epoch, in the same order.
        classes: Names that the boxes' labels count through.
    """

    photos: tuple[Photo, ...]
    classes: tuple[str, ...]


@dataclass(frozen=True)
class PhotoSettings:
    """How many photos are tracked, and how much of each.

    Attributes:
        count: Photos of each group: worst, best, random.
        side: Pixels of the longer side.
        max_boxes: Detections on a photo, the surest ones.
        score_thr: Least score of these.
    """

    count: int = 4
    side: int = 512
    max_boxes: int = 30
    score_thr: float = 0.05


@dataclass
class ValidationFacts:
    """Draws up the facts of one validation after the other, of the same photos each time.

    Attributes:
        folder: Run folder, which remembers the photos.
        settings: How many photos.
        choice: Names of the photos by group; empty until the first validation.
    """

    folder: Path
    settings: PhotoSettings = field(default_factory=PhotoSettings)
    choice: dict[str, list[str]] = field(default_factory=dict)
    _shrunk: dict[str, tuple[UInt8Array, float]] = field(default_factory=dict)

    def recall_choice(self) -> None:
        """Take over the photos of the run that is resumed."""
        try:
            kept = read_json(self.folder / CHOICE)
        except InputError:
            return
        if isinstance(kept, dict) and all(isinstance(names, list) for names in kept.values()):
            self.choice = kept

    def draw_up(self, matches: Matches, image_root: str | os.PathLike[str]) -> dict[str, Any]:
        """Return the facts of a validation by the names that they are tracked by.

        Args:
            matches: The detections, matched with the ground truth.
            image_root: Folder that ``file_name`` starts from.

        Raises:
            InputError: A photo can't be read.
        """
        cuts = class_cuts(matches)
        facts: dict[str, Any] = {CONFUSION: confusion(matches, cuts), CURVES: Curves(pr_curves(matches))}
        if self.settings.count:
            facts[PHOTOS] = self._photos(matches, cuts, Path(image_root))
        return facts

    def _photos(self, matches: Matches, cuts: FloatArray, image_root: Path) -> Photos:
        annotations, results = matches.truth.annotations, matches.results
        images = {image["file_name"]: image for image in annotations["images"]}
        if not self.choice or not images.keys() >= {name for names in self.choice.values() for name in names}:
            chosen = choose_photos(annotations, count_by_photo(matches, cuts), self.settings.count).groups()
            self.choice = {group: list(names) for group, names in chosen.items()}
            write_json(self.folder / CHOICE, self.choice, indent=1)
        names = [name for group in self.choice.values() for name in group]
        part = _only(annotations, results, [images[name] for name in names])
        truth, found = true_boxes(part[0]), predicted_boxes(*part, self.settings.score_thr)
        photos = [
            self._photo(images[name], group, image_root, truth, found)
            for group, names in self.choice.items()
            for name in names
        ]
        return Photos(tuple(photos), tuple(category_names(annotations)))

    def _photo(
        self, image: dict[str, Any], group: str, root: Path, truth: Mapping[int, Boxes], found: Mapping[int, Boxes]
    ) -> Photo:
        name = image["file_name"]
        if name not in self._shrunk:
            self._shrunk[name] = shrunk(read_photo(root, image), self.settings.side)
        rgb, scale = self._shrunk[name]
        surest = _surest(found[image["id"]], self.settings.max_boxes)
        return Photo(name, group, rgb, _scaled(truth[image["id"]], scale), _scaled(surest, scale))


def _only(annotations: CocoJson, results: Results, images: list[dict[str, Any]]) -> tuple[CocoJson, Results]:
    """Leave a few images of a file and the detections on them."""
    ids = {image["id"] for image in images}
    boxes = [box for box in annotations["annotations"] if box["image_id"] in ids]
    kept = results.take(np.isin(results.image_ids, list(ids)))
    return {**annotations, "images": images, "annotations": boxes}, kept


def _surest(boxes: Boxes, count: int) -> Boxes:
    """Keep the ``count`` boxes of the highest scores."""
    scores = np.empty(0) if boxes.scores is None else boxes.scores
    rows = np.argsort(-scores, kind="stable")[:count]
    return Boxes(boxes.boxes_xyxy[rows], boxes.labels[rows], scores[rows])


def _scaled(boxes: Boxes, scale: float) -> Boxes:
    return Boxes(boxes.boxes_xyxy * scale, boxes.labels, boxes.scores)


def shrunk(rgb: UInt8Array, side: int) -> tuple[UInt8Array, float]:
    """Make a photo small enough, never larger.

    Args:
        rgb: Shape ``(H, W, 3)``.
        side: Its longer side has at most so many pixels afterwards.

    Returns:
        The small photo and its scale, from 0 to 1.
    """
    height, width = rgb.shape[:2]
    scale = min(1.0, side / max(height, width))
    if scale == 1.0:
        return rgb, scale
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(Image.fromarray(rgb).resize(size)), scale


def pictures(name: str, fact: Confusion | Curves | Photos) -> Iterator[tuple[str, UInt8Array]]:
    """Draw a fact.

    Args:
        name: The fact's.
        fact: What is shown.

    Yields:
        The name of each picture, the same in every epoch, and the picture, shape ``(H, W, 3)``.
    """
    # matplotlib takes half a second to import, in runs alone that draw.
    from sortline.predictions.score_charts import draw_confusion, draw_pr_curves

    if isinstance(fact, Confusion):
        yield name, _decoded(draw_confusion(fact, with_png=True).png)
    elif isinstance(fact, Curves):
        if fact.curves:
            yield name, _decoded(draw_pr_curves(fact.curves, with_png=True).png)
    else:
        counts: dict[str, int] = {}
        for photo in fact.photos:
            counts[photo.group] = counts.get(photo.group, 0) + 1
            yield f"{name}/{photo.group}_{counts[photo.group]}", photo.drawn(fact.classes)


def _decoded(png: bytes) -> UInt8Array:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
