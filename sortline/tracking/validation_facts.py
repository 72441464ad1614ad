"""Facts of a validation: which classes are mixed up, the curves behind the score, and photos to look at."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sortline.arrays import UInt8Array
from sortline.data.annotations import CocoJson, category_names
from sortline.data.drawing import Boxes, true_boxes
from sortline.data.photos import read_photo
from sortline.errors import InputError
from sortline.files import read_json, write_json
from sortline.predictions.confusion import confusion
from sortline.predictions.draw import predicted_boxes
from sortline.predictions.photo_choice import choose_photos
from sortline.predictions.photo_counts import class_cuts
from sortline.predictions.pr_curves import pr_curves
from sortline.predictions.results import Results
from sortline.tracking.facts import CONFUSION, CURVES, PHOTOS, Curves, Photo, Photos, shrunk

#: Where a run folder keeps which photos it is followed by.
CHOICE = "tracked_photos.json"


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

    def draw_up(self, annotations: CocoJson, results: Results, image_root: str | os.PathLike[str]) -> dict[str, Any]:
        """Return the facts of a validation by the names that they are tracked by.

        Args:
            annotations: Ground truth.
            results: Detections on its images.
            image_root: Folder that ``file_name`` starts from.

        Raises:
            InputError: A photo can't be read.
        """
        facts: dict[str, Any] = {
            CONFUSION: confusion(annotations, results, class_cuts(annotations, results)),
            CURVES: Curves(pr_curves(annotations, results)),
        }
        if self.settings.count:
            facts[PHOTOS] = self._photos(annotations, results, Path(image_root))
        return facts

    def _photos(self, annotations: CocoJson, results: Results, image_root: Path) -> Photos:
        images = {image["file_name"]: image for image in annotations["images"]}
        if not self.choice or not images.keys() >= {name for names in self.choice.values() for name in names}:
            chosen = choose_photos(annotations, results, self.settings.count).groups()
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
