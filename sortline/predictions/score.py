"""The contest's score, mAP50, with COCO's metrics beside it and the precision-recall curves behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sortline.arrays import BoolArray, FloatArray
from sortline.predictions.coco_metrics import evaluate_coco
from sortline.predictions.matching import JudgedBoxes, Matches
from sortline.predictions.ranking import Ranking, class_aps, mean_ap, number_or_none, rank
from sortline.reports.numbers import score_text
from sortline.reports.tables import GAP, Table

#: Where precision-recall curves are sampled: bounded, however many detections there are.
RECALLS = np.linspace(0, 1, 101)


@dataclass(frozen=True)
class ClassScore:
    """One class's part of the score.

    Attributes:
        name: The class.
        category_id: Its id in the annotation file.
        ground_truths: Its boxes to be found; crowd regions don't count.
        detections: Its detections, those in crowd regions included.
        ap50: Average precision at IoU 0.5, from 0 to 1; None for a class without ground truth.
        coco_ap: COCO's average precision, the mean over IoU 0.50 to 0.95; None as above.
    """

    name: str
    category_id: int
    ground_truths: int
    detections: int
    ap50: float | None
    coco_ap: float | None


@dataclass(frozen=True)
class Scores:
    """How good detections are.

    Attributes:
        map50: The contest's score: mean of the classes' ``ap50``, from 0 to 1; None without any ground truth.
        classes: Every class in the annotation file's order.
        images: Images scored on.
        coco: COCO's ``mAP``, ``AP50``, ``AP75``, ``APs``, ``APm``, ``APl``; None where nothing could be scored.
    """

    map50: float | None
    classes: tuple[ClassScore, ...]
    images: int
    coco: dict[str, float | None]

    @property
    def left_out(self) -> list[str]:
        """Names of the classes without ground truth, which the mean leaves out."""
        return [entry.name for entry in self.classes if entry.ap50 is None]

    @property
    def explanation(self) -> str:
        """What a reader must know beside the numbers; an empty string if nothing."""
        if self.map50 is None:
            return "no score: the annotation file has no boxes to be found"
        if self.left_out:
            return f"without ground truth and left out of the mean: {', '.join(self.left_out)}"
        return ""


def score(matches: Matches, ranking: Ranking | None = None) -> Scores:
    """Score detections as the contest does, and as COCO does.

    The contest's average precision is Pascal VOC's from 2010 on: detections of a class are taken by falling
    score over all images, as many as there are; each goes to the ground truth of its image and class that it
    overlaps most; it is right if that IoU is at least 0.5 and no earlier detection took the box. The area
    under the precision, made falling with recall, is summed at every point.
    (http://host.robots.ox.ac.uk/pascal/VOC/voc2012/devkit_doc.pdf, section 3.4)

    A detection that takes no box but lies at least half in a crowd region of its class is neither right nor
    wrong. Detections with equal scores are taken in the order of image ids and coordinates, so that the order
    of rows never changes the score.

    Args:
        matches: The detections, matched.
        ranking: The same detections, where they are ranked already.

    Returns:
        The scores. No detections at all give 0; no ground truth gives None.
    """
    truth = matches.truth
    ranking = rank(matches) if ranking is None else ranking
    aps = class_aps(ranking)
    coco = evaluate_coco(truth.annotations, matches.results)
    columns = zip(
        truth.annotations["categories"],
        truth.to_find.tolist(),
        np.bincount(matches.class_rows, minlength=aps.shape[1]).tolist(),
        aps[0].tolist(),
        coco.class_aps,
        strict=True,
    )
    classes = tuple(
        ClassScore(category["name"], category["id"], to_find, detections, number_or_none(ap50), coco_ap)
        for category, to_find, detections, ap50, coco_ap in columns
    )
    return Scores(number_or_none(float(mean_ap(aps)[0])), classes, len(truth.image_ids), coco.metrics)


def format_scores(scores: Scores) -> str:
    """Write the scores as a table for a terminal or a log: class, ground truths, detections, AP50."""
    rows: list[Sequence[str]] = [
        (entry.name, f"{entry.ground_truths:,}", f"{entry.detections:,}", score_text(entry.ap50))
        for entry in scores.classes
    ]
    totals = [sum(getattr(entry, key) for entry in scores.classes) for key in ("ground_truths", "detections")]
    rows += [GAP, ("mean", *(f"{total:,}" for total in totals), score_text(scores.map50))]
    table = Table(("class", "ground truth", "detections", "AP50"), rows, "average precision at IoU 0.5")
    coco = "COCO: " + "  ".join(f"{name} {score_text(value)}" for name, value in scores.coco.items())
    return "\n".join(filter(None, [table.text(), coco, scores.explanation]))


@dataclass(frozen=True)
class PrCurve:
    """One class's curve at :data:`RECALLS`.

    Attributes:
        name: The class.
        label: Its position in the annotation file, which gives its colour.
        ground_truths: Its boxes to be found, at least one.
        ap50: Average precision at IoU 0.5 from all detections, not from the samples.
        precisions: Best precision at this recall or a higher one; 0 where it is not reached, shape ``(101,)``.
        scores: Least score of the detections that reach this recall; NaN where none do, shape ``(101,)``.
    """

    name: str
    label: int
    ground_truths: int
    ap50: float
    precisions: FloatArray
    scores: FloatArray


def pr_curves(matches: Matches) -> tuple[PrCurve, ...]:
    """Compute the curve of each class that has boxes to be found, in the annotation file's order.

    A detection is right as for mAP50, see :func:`score`.
    """
    columns = zip(matches.truth.class_names, matches.truth.to_find.tolist(), matches.by_class(), strict=True)
    return tuple(_curve(name, label, count, boxes) for label, (name, count, boxes) in enumerate(columns) if count)


def _curve(name: str, label: int, ground_truths: int, judged: JudgedBoxes) -> PrCurve:
    precisions, scores = np.zeros(len(RECALLS)), np.full(len(RECALLS), np.nan)
    right = np.cumsum(judged.is_right)
    if len(right):
        precision = right / np.arange(1, len(right) + 1)
        envelope = np.maximum.accumulate(precision[::-1])[::-1]
        # Whole boxes are compared, not shares: 0.29 * 100 is less than 29 in floats.
        wanted = np.ceil(RECALLS * ground_truths - 1e-9)
        first = np.searchsorted(right, wanted)
        reached = first < len(right)
        precisions[reached], scores[reached] = envelope[first[reached]], judged.scores[first[reached]]
    return PrCurve(name, label, ground_truths, average_precision(judged.is_right, ground_truths), precisions, scores)


def mean_precisions(curves: Sequence[PrCurve]) -> FloatArray:
    """Average the classes' curves at each recall, shape ``(101,)``; its area comes close to mAP50.

    Raises:
        ValueError: There is no curve.
    """
    if not curves:
        raise ValueError("no curve to average: no class has boxes to be found")
    mean: FloatArray = np.mean([curve.precisions for curve in curves], axis=0)
    return mean


def average_precision(is_right: BoolArray, ground_truths: int) -> float:
    """Compute the area under the precision envelope over recall, at every point (VOC 2010 and later).

    Args:
        is_right: Whether each detection is right, by falling score, shape ``(N,)``.
        ground_truths: Number of boxes to be found, at least 1.

    >>> average_precision(np.array([True, False, True]), ground_truths=2)  # 1/2 * 1 + 1/2 * 2/3
    0.8333333333333333
    """
    right = np.cumsum(is_right)
    precision = right / np.arange(1, len(right) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    # Recall grows by one box at each right detection and nowhere else.
    return float(envelope[is_right].sum() / ground_truths)
