"""How two submissions differ: boxes added, lost, moved, relabelled, and one number for how far they agree."""

from __future__ import annotations

from dataclasses import asdict, astuple, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from rich.console import Console

from sortline.arrays import BoolArray, FloatArray, IntArray
from sortline.data.annotations import CocoJson, category_names
from sortline.predictions.box_pairs import MOVED, RELABELLED, UNCHANGED, Pairs, pair_boxes
from sortline.predictions.matching import rows_of_ids
from sortline.predictions.results import Results, check_results
from sortline.reports.numbers import score_text
from sortline.reports.tables import GAP, Table

#: Scores closer than this are the same: what rounding to six decimals leaves.
SAME_SCORE = 1e-6
MOST_IMAGES = 10
#: ``from`` and ``to`` are relabelled; headers are short, so that a terminal of 80 columns shows every digit.
COLUMNS = ("old", "new", "same", "moved", "IoU", "from", "to", "added", "lost", "agree")


@dataclass(frozen=True)
class Changes:
    """What became of the boxes of one class, or of all.

    ``old_boxes`` is ``unchanged + moved + relabelled_from + lost``; ``new_boxes`` is
    ``unchanged + moved + relabelled_to + added``.

    Attributes:
        name: The class; ``"all"`` for all of them.
        old_boxes: Boxes in the old submission.
        new_boxes: Boxes in the new one.
        unchanged: Same class, corners within 0.01 px; the score may differ.
        moved: Same class, IoU of at least 0.5.
        mean_iou: Of the moved; None if there are none.
        relabelled_from: Old boxes of this class that have another one now, IoU of at least 0.5.
        relabelled_to: New boxes of this class that had another one.
        added: New boxes without an old one.
        lost: Old boxes without a new one.
        agreement: From 0 to 1; None for a class that neither has.
    """

    name: str
    old_boxes: int
    new_boxes: int
    unchanged: int
    moved: int
    mean_iou: float | None
    relabelled_from: int
    relabelled_to: int
    added: int
    lost: int
    agreement: float | None


@dataclass(frozen=True)
class ImageChanges:
    """What changed on one image; counts as in :class:`Changes`.

    Attributes:
        file_name: The image.
        changed_score: Sum of the scores, of both submissions, whose boxes have no partner of their class.
    """

    file_name: str
    added: int
    lost: int
    moved: int
    relabelled: int
    changed_score: float


@dataclass(frozen=True)
class SubmissionDifference:
    """How a new submission differs from an old one.

    Attributes:
        total: All classes together.
        classes: Every class in the annotation file's order.
        images: Images in all.
        images_changed: Images with a box added, lost, moved or relabelled.
        images_rescored: Further images, on which only scores differ.
        pairs: Unchanged and moved boxes.
        pairs_rescored: Those of them whose score differs.
        mean_score_change: Mean of the absolute differences of all pairs' scores; None without any pair.
        most_changed: The images that changed most, at most ten.
    """

    total: Changes
    classes: tuple[Changes, ...]
    images: int
    images_changed: int
    images_rescored: int
    pairs: int
    pairs_rescored: int
    mean_score_change: float | None
    most_changed: tuple[ImageChanges, ...]

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON can hold it."""
        return asdict(self)


@dataclass(frozen=True)
class _Paired:
    """Two submissions with their boxes paired.

    Attributes:
        new: Detections.
        old: Detections on the same images.
        pairs: Which became which.
    """

    new: Results
    old: Results
    pairs: Pairs

    @cached_property
    def kept(self) -> BoolArray:
        """Mask of the pairs of one class, shape ``(P,)``."""
        kept: BoolArray = self.pairs.kinds != RELABELLED
        return kept

    @cached_property
    def new_left(self) -> BoolArray:
        """Mask of the new boxes in no pair."""
        return ~np.isin(np.arange(len(self.new)), self.pairs.new_rows)

    @cached_property
    def old_left(self) -> BoolArray:
        """Mask of the old boxes in no pair."""
        return ~np.isin(np.arange(len(self.old)), self.pairs.old_rows)

    @cached_property
    def score_changes(self) -> FloatArray:
        """Absolute differences of the scores of the pairs of one class."""
        new, old = self.pairs.new_rows[self.kept], self.pairs.old_rows[self.kept]
        changes: FloatArray = np.abs(self.new.scores[new] - self.old.scores[old])
        return changes


def compare_results(new: Results, old: Results, annotations: CocoJson) -> SubmissionDifference:
    """Compare two submissions for the same images.

    Boxes are paired by :func:`~sortline.predictions.box_pairs.pair_boxes`. The agreement is the F1 of the
    pairs of one class, in which each box weighs as much as its score: with ``P`` the paired share of the new
    submission's sum of scores, and ``R`` that of the old one's, ``2 * P * R / (P + R)``. It is 1 when every
    box of a score above 0 has its partner of the same class at an IoU of at least 0.5, which is how mAP50
    sees boxes; it is 0 when none has. It does not depend on which of the two is new, nor on the scale of
    either's scores.

    Args:
        new: Detections.
        old: Detections.
        annotations: The annotation file of the submitted images.

    Raises:
        InputError: Detections of images or categories that the file lacks, NaN or infinity.
    """
    check_results(new, annotations, "the new submission")
    check_results(old, annotations, "the old submission")
    paired = _Paired(new, old, pair_boxes(new, old, annotations))
    ids = [category["id"] for category in annotations["categories"]]
    classes = [
        _changes(paired, name, new.category_ids == number, old.category_ids == number)
        for number, name in zip(ids, category_names(annotations), strict=True)
    ]
    total = _changes(paired, "all", np.ones(len(new), dtype=bool), np.ones(len(old), dtype=bool))
    score_changes = paired.score_changes
    images = _per_image(paired, annotations)
    is_changed = images.counts.any(axis=1)
    return SubmissionDifference(
        total=total,
        classes=tuple(classes),
        images=len(annotations["images"]),
        images_changed=int(is_changed.sum()),
        images_rescored=int((images.is_rescored & ~is_changed).sum()),
        pairs=len(score_changes),
        pairs_rescored=int((score_changes > SAME_SCORE).sum()),
        mean_score_change=float(score_changes.mean()) if len(score_changes) else None,
        most_changed=images.most_changed(annotations),
    )


def _changes(paired: _Paired, name: str, new_mask: BoolArray, old_mask: BoolArray) -> Changes:
    """Count what became of the boxes of one class, given as masks of both submissions' boxes."""
    pairs = paired.pairs
    of_new, of_old = new_mask[pairs.new_rows], old_mask[pairs.old_rows]
    moved = of_new & (pairs.kinds == MOVED)
    return Changes(
        name=name,
        old_boxes=int(old_mask.sum()),
        new_boxes=int(new_mask.sum()),
        unchanged=int((of_new & (pairs.kinds == UNCHANGED)).sum()),
        moved=int(moved.sum()),
        mean_iou=float(pairs.ious[moved].mean()) if moved.any() else None,
        relabelled_from=int((of_old & ~paired.kept).sum()),
        relabelled_to=int((of_new & ~paired.kept).sum()),
        added=int((new_mask & paired.new_left).sum()),
        lost=int((old_mask & paired.old_left).sum()),
        agreement=_agreement(
            paired.new.scores[pairs.new_rows[paired.kept & of_new]],
            paired.new.scores[new_mask],
            paired.old.scores[pairs.old_rows[paired.kept & of_old]],
            paired.old.scores[old_mask],
        ),
    )


def _agreement(new_paired: FloatArray, new: FloatArray, old_paired: FloatArray, old: FloatArray) -> float | None:
    """Compute the F1 of the paired share of two sets of scores; None when neither has a box that counts."""
    if new.sum() == 0 and old.sum() == 0:
        return None
    if new_paired.sum() == 0 or old_paired.sum() == 0:
        return 0.0
    precision, recall = new_paired.sum() / new.sum(), old_paired.sum() / old.sum()
    # Sums of the same scores in another order may differ in the last digit.
    return min(float(2 * precision * recall / (precision + recall)), 1.0)


@dataclass(frozen=True)
class _PerImage:
    """Changes of each of ``N`` images.

    Attributes:
        counts: Boxes added, lost, moved, relabelled, shape ``(N, 4)``.
        changed_scores: Scores whose boxes have no partner of their class, summed, shape ``(N,)``.
        is_rescored: Mask of the images with a pair whose score differs, shape ``(N,)``.
    """

    counts: IntArray
    changed_scores: FloatArray
    is_rescored: BoolArray

    def most_changed(self, annotations: CocoJson) -> tuple[ImageChanges, ...]:
        """Return the images with the most changed score, then the most changed boxes, then the first of the file."""
        boxes = self.counts.sum(axis=1)
        order = np.lexsort((-boxes, -self.changed_scores))[:MOST_IMAGES].tolist()
        return tuple(self._changes(annotations["images"][row]["file_name"], row) for row in order if boxes[row])

    def _changes(self, file_name: str, row: int) -> ImageChanges:
        added, lost, moved, relabelled = self.counts[row].tolist()
        return ImageChanges(file_name, added, lost, moved, relabelled, float(self.changed_scores[row]))


def _per_image(paired: _Paired, annotations: CocoJson) -> _PerImage:
    image_ids = np.array([image["id"] for image in annotations["images"]], dtype=np.int64)
    new_images, old_images = (rows_of_ids(part.image_ids, image_ids) for part in (paired.new, paired.old))
    pairs, number = paired.pairs, len(image_ids)
    pair_images = new_images[pairs.new_rows]
    places = (
        new_images[paired.new_left],
        old_images[paired.old_left],
        pair_images[pairs.kinds == MOVED],
        pair_images[pairs.kinds == RELABELLED],
    )
    counts = np.stack([np.bincount(rows, minlength=number) for rows in places], axis=1)
    new_changed, old_changed = paired.new_left.copy(), paired.old_left.copy()
    new_changed[pairs.new_rows[~paired.kept]] = True
    old_changed[pairs.old_rows[~paired.kept]] = True
    changed_scores = np.zeros(number)
    np.add.at(changed_scores, new_images[new_changed], paired.new.scores[new_changed])
    np.add.at(changed_scores, old_images[old_changed], paired.old.scores[old_changed])
    is_rescored = np.zeros(number, dtype=bool)
    is_rescored[pair_images[paired.kept][paired.score_changes > SAME_SCORE]] = True
    return _PerImage(counts, changed_scores, is_rescored)


def print_comparison(comparison: SubmissionDifference, new: str, old: str, console: Console | None = None) -> None:
    """Print what changed, class by class, and where most.

    Args:
        comparison: What to print.
        new: Name of the new submission.
        old: Name of the old one.
        console: Where to print; by default the terminal.
    """
    rows = [*map(_cells, comparison.classes), GAP, _cells(comparison.total)]
    Table(("class", *COLUMNS), rows, f"{new} against {old}").print(console)
    if comparison.most_changed:
        headers = ("image", "added", "lost", "moved", "relabelled", "changed score")
        images = [
            (image.file_name, *(f"{count:,}" for count in astuple(image)[1:5]), f"{image.changed_score:.2f}")
            for image in comparison.most_changed
        ]
        Table(headers, images, "images that changed most").print(console)
    (console or Console()).print(summary(comparison), highlight=False, soft_wrap=True)


def summary(comparison: SubmissionDifference) -> str:
    """Say in a few lines how far the two agree."""
    total = comparison.total
    lines = [
        f"{comparison.images_changed:,} of {comparison.images:,} images differ in boxes, "
        f"{comparison.images_rescored:,} more in scores alone"
    ]
    if comparison.mean_score_change is not None:
        lines.append(
            f"{comparison.pairs_rescored:,} of {comparison.pairs:,} boxes that both have differ in score; "
            f"mean difference {comparison.mean_score_change:.4f}"
        )
    if total.agreement is None:
        lines.append("agreement: neither has a box")
    else:
        lines.append(f"agreement {total.agreement:.4f} (0 nothing in common, 1 every box in both, weighted by score)")
    return "\n".join(lines)


def _cells(changes: Changes) -> list[str]:
    counts = (changes.old_boxes, changes.new_boxes, changes.unchanged, changes.moved)
    ends = (changes.relabelled_from, changes.relabelled_to, changes.added, changes.lost)
    return [
        changes.name,
        *(f"{count:,}" for count in counts),
        score_text(changes.mean_iou, ".2f"),
        *(f"{count:,}" for count in ends),
        score_text(changes.agreement, ".3f"),
    ]
