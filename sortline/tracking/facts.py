"""What is told about a run beside its numbers, whichever tracker shows it. Free of torch and mm*."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from sortline.arrays import UInt8Array
from sortline.data.drawing import Boxes, draw_boxes
from sortline.errors import RunStopped
from sortline.predictions.pr_curves import PrCurve
from sortline.secrets import without_secrets

#: Names that facts are tracked by.
CONFUSION, CURVES, PHOTOS = "val/confusion", "val/pr_curves", "val/photos"

INFO, WARN, ERROR = "INFO", "WARN", "ERROR"
FINISHED, INTERRUPTED, FAILED = "finished", "interrupted", "failed"


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
class Files:
    """Files that a run made, or that it started from.

    Attributes:
        name: What they are called in every run that makes or uses them, such as ``"rtmdet_s_1x_recycle-model"``.
        kind: ``"model"``, ``"dataset"``, ``"predictions"``, ``"submission"`` or ``"run"``.
        paths: The files by their names within.
        aliases: Such as ``("best", "latest")``.
        used: Whether the run started from them rather than made them.
    """

    name: str
    kind: str
    paths: Mapping[str, Path]
    aliases: tuple[str, ...] = ("latest",)
    used: bool = False


@dataclass(frozen=True)
class Note:
    """Something that a person wants to hear at once.

    Attributes:
        title: What happened, in a few words.
        text: What is known about it.
        level: ``"INFO"``, ``"WARN"`` or ``"ERROR"``.
    """

    title: str
    text: str
    level: str = INFO


@dataclass(frozen=True)
class Ending:
    """How a run ended before its time.

    Attributes:
        status: ``"interrupted"`` where it can go on, ``"failed"`` otherwise.
        note: What to tell.
    """

    status: str
    note: Note

    @classmethod
    def of(cls, error: BaseException, run: str) -> Ending:
        """Describe what ended a run.

        Args:
            error: What was raised.
            run: The run's name.
        """
        if isinstance(error, RunStopped):
            return cls(INTERRUPTED, Note(f"stopped: {run}"[:64], f"{error}; go on with --resume", WARN))
        if isinstance(error, KeyboardInterrupt) or (isinstance(error, SystemExit) and not error.code):
            return cls(INTERRUPTED, Note(f"interrupted: {run}"[:64], "go on with --resume", WARN))
        reason = without_secrets(f"{type(error).__name__}: {error}"[:1000])
        return cls(FAILED, Note(f"failed: {run}"[:64], reason, ERROR))


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
