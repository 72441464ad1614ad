"""A few photos to look at: the worst, the best and some at random, chosen once so that they can be followed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sortline.arrays import IntArray
from sortline.data.annotations import CocoJson
from sortline.predictions.photo_counts import PhotoCounts, count_by_photo
from sortline.predictions.results import Results


@dataclass(frozen=True)
class PhotoChoice:
    """Photos by ``file_name``; none is chosen twice.

    Attributes:
        worst: The worst first.
        best: The best first.
        random: In the annotation file's order.
    """

    worst: tuple[str, ...]
    best: tuple[str, ...]
    random: tuple[str, ...]

    def groups(self) -> dict[str, tuple[str, ...]]:
        """Return the names by group: ``worst``, ``best``, ``random``."""
        return {"worst": self.worst, "best": self.best, "random": self.random}


def choose_photos(annotations: CocoJson, results: Results, count: int = 4, seed: int = 0) -> PhotoChoice:
    """Choose photos by what the detections got right on them, see :func:`choose_by_counts`.

    Args:
        annotations: Ground truth.
        results: Detections on its images.
        count: Photos of each group.
        seed: Of the random ones.

    Raises:
        InputError: Detections of images or categories that the file lacks, NaN or infinity.
    """
    return choose_by_counts(annotations, count_by_photo(annotations, results), count, seed)


def choose_by_counts(annotations: CocoJson, counts: PhotoCounts, count: int = 4, seed: int = 0) -> PhotoChoice:
    """Choose the photos with the lowest and highest F1, and others at random.

    Of photos with equal F1 the one with more errors is worse and the one with more right boxes is better, then the
    file's order decides. The random ones are the first of a shuffled list that depends on the file names alone and are
    not among the worst and best: another epoch or detector has mostly the same ones.

    Args:
        annotations: The file that lists the photos.
        counts: What detections got right on them.
        count: Photos of each group; of few photos a third each.
        seed: Of the random ones.
    """
    names = [image["file_name"] for image in annotations["images"]]
    count = max(1, min(count, len(names) // 3))
    worst = np.lexsort((-counts.errors, counts.f1))[:count]
    by_merit = np.lexsort((-counts.right, -counts.f1))
    best = by_merit[~np.isin(by_merit, worst)][:count]
    shuffled = _shuffled(names, seed)
    random = np.sort(shuffled[~np.isin(shuffled, [*worst, *best])][:count])
    return PhotoChoice(*(tuple(names[row] for row in rows.tolist()) for rows in (worst, best, random)))


def _shuffled(names: list[str], seed: int) -> IntArray:
    """Shuffle rows in a way that depends on the names and not on their order, shape ``(N,)``."""
    by_name = np.array(sorted(range(len(names)), key=names.__getitem__), dtype=np.int64)
    rows: IntArray = np.random.default_rng(seed).permutation(by_name)
    return rows
