"""What detections get wrong: which classes they mix up, and on which photos; a few photos to look at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sortline.arrays import FloatArray, IntArray
from sortline.data.annotations import CocoJson
from sortline.predictions.class_thresholds import above_cuts
from sortline.predictions.coco_metrics import count_confusions
from sortline.predictions.matching import IOU_THR, Matches

BACKGROUND = "background"


@dataclass(frozen=True)
class Confusion:
    """What became of true boxes, and where detections came from.

    Attributes:
        names: The ``C`` classes in the annotation file's order; the background follows in rows and columns.
        counts: Row: true class; column: predicted class, shape ``(C + 1, C + 1)``. The last column holds true boxes
            that nothing found, the last row detections where no true box is.
    """

    names: tuple[str, ...]
    counts: IntArray

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of rows and columns, the background last."""
        return (*self.names, BACKGROUND)

    @property
    def shares(self) -> FloatArray:
        """Counts as shares of their row, which sums to 1, or is all 0 where it counts nothing."""
        sums = self.counts.sum(axis=1, keepdims=True)
        shares: FloatArray = self.counts / np.maximum(sums, 1)
        return shares

    def worst(self, count: int) -> list[tuple[str, str, int]]:
        """List the commonest errors, ``(true class, predicted class, boxes)``, at most ``count`` of them."""
        errors = self.counts.copy()
        np.fill_diagonal(errors, 0)
        order = np.argsort(-errors, axis=None, kind="stable")[:count]
        rows, columns = np.unravel_index(order, errors.shape)
        places = zip(rows.tolist(), columns.tolist(), strict=True)
        return [(self.labels[row], self.labels[column], int(errors[row, column])) for row, column in places]


def confusion(matches: Matches, score_thr: npt.ArrayLike = 0.3, iou_thr: float = IOU_THR) -> Confusion:
    """Count which true class each detection was given to.

    On each image detections are taken by falling score, whatever their class; each goes to the true box, of any
    class, that it overlaps most among those not yet taken, if by an IoU of at least ``iou_thr``. So an object that two
    detections claim counts for the surer one, and the other is one on the background. Detections that lie at least
    half in a crowd region of their class and take no box of their class are left out, as they are of the score.

    Args:
        matches: The detections, matched.
        score_thr: Detections of at least this score count; one number, or one for each class, shape ``(C,)``.
        iou_thr: Least overlap of a detection with the box that it takes.
    """
    truth = matches.truth
    thresholds = np.broadcast_to(np.asarray(score_thr, dtype=np.float64), len(truth.category_ids))
    is_sure = matches.results.scores >= thresholds[matches.class_rows]
    kept = matches.results.take(is_sure & (~matches.in_crowd | (matches.claims >= 0)))
    return Confusion(tuple(truth.class_names), count_confusions(truth.annotations, kept, iou_thr))


@dataclass(frozen=True)
class PhotoCounts:
    """Boxes of each of ``N`` photos, in the annotation file's order.

    Attributes:
        right: Detections that are right, shape ``(N,)``.
        wrong: Detections that are not, those in crowd regions left out, shape ``(N,)``.
        missed: True boxes that no detection found, shape ``(N,)``.
    """

    right: IntArray
    wrong: IntArray
    missed: IntArray

    @property
    def errors(self) -> IntArray:
        """Wrong detections and missed boxes together, shape ``(N,)``."""
        return self.wrong + self.missed

    @property
    def f1(self) -> FloatArray:
        """``2 * right / (2 * right + wrong + missed)``, 1 where nothing is to find or was found, shape ``(N,)``."""
        total = 2 * self.right + self.errors
        f1: FloatArray = np.where(total > 0, 2 * self.right / np.maximum(total, 1), 1.0)
        return f1


def count_by_photo(matches: Matches, cuts: FloatArray) -> PhotoCounts:
    """Count what detections got right, wrong and missed on each photo. A box is right as for mAP50.

    Args:
        matches: The detections, matched.
        cuts: Score threshold of each class, as from :func:`~sortline.predictions.class_thresholds.class_cuts`,
            shape ``(C,)``.
    """
    truth, kept = matches.truth, matches.take(above_cuts(matches, cuts))
    images = len(truth.image_ids)
    right = np.bincount(kept.image_rows[kept.is_right], minlength=images)
    wrong = np.bincount(kept.image_rows[kept.counts & ~kept.is_right], minlength=images)
    to_find = np.bincount(truth.image_rows[~truth.is_crowd], minlength=images)
    return PhotoCounts(right, wrong, to_find - right)


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


def choose_photos(annotations: CocoJson, counts: PhotoCounts, count: int = 4, seed: int = 0) -> PhotoChoice:
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
    # By name first, so that the file's order plays no part.
    by_name = np.array(sorted(range(len(names)), key=names.__getitem__), dtype=np.int64)
    shuffled = np.random.default_rng(seed).permutation(by_name)
    random = np.sort(shuffled[~np.isin(shuffled, [*worst, *best])][:count])
    return PhotoChoice(*(tuple(names[row] for row in rows.tolist()) for rows in (worst, best, random)))
