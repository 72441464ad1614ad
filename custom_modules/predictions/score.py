"""The contest's score, mAP50, for each class and as a mean, beside COCO's metrics."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from custom_modules.coco.annotations import CocoJson
from custom_modules.predictions.coco_metrics import coco_metrics, id_ranks
from custom_modules.predictions.results import Results, check_results

IOU_THR = 0.5


@dataclass(frozen=True)
class ClassScore:
    """One class's part of the score.

    Attributes:
        name: The class.
        category_id: Its id in the annotation file.
        ground_truths: Its boxes to be found; crowd regions don't count.
        detections: Its detections, those in crowd regions included.
        ap50: Average precision at IoU 0.5, from 0 to 1; None for a class without ground truth.
    """

    name: str
    category_id: int
    ground_truths: int
    detections: int
    ap50: float | None


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


@dataclass(frozen=True)
class _Boxes:
    """Boxes to be matched within groups.

    Attributes:
        groups: Number of each box's pair of image and class, shape ``(N,)``.
        bboxes_xywh: Left, top, width, height in pixels, shape ``(N, 4)``.
    """

    groups: npt.NDArray[np.int64]
    bboxes_xywh: npt.NDArray[np.float64]


def score(annotations: CocoJson, results: Results) -> Scores:
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
        annotations: Ground truth as read by :func:`~custom_modules.coco.annotations.read_annotations`.
        results: Detections on its images.

    Returns:
        The scores. No detections at all give 0; no ground truth gives None.

    Raises:
        InputError: Detections of images or categories that the file lacks, NaN or infinity.
    """
    check_results(results, annotations, "detections")
    results = results.take(_taking_order(results))
    is_crowd, truth = _ground_truth(annotations)
    detected = _Boxes(_groups(results.image_ids, results.category_ids, annotations), results.bboxes_xywh)
    normal = _Boxes(truth.groups[~is_crowd], truth.bboxes_xywh[~is_crowd])
    crowd = _Boxes(truth.groups[is_crowd], truth.bboxes_xywh[is_crowd])
    is_right = _right_detections(detected, normal)
    counts = is_right | ~_in_crowd(detected, crowd)
    truth_category_ids = np.array([row["category_id"] for row in annotations["annotations"]], dtype=np.int64)
    classes = []
    for category in annotations["categories"]:
        ground_truths = int((truth_category_ids[~is_crowd] == category["id"]).sum())
        of_class = results.category_ids == category["id"]
        ap50 = average_precision(is_right[of_class & counts], ground_truths) if ground_truths else None
        classes.append(ClassScore(category["name"], category["id"], ground_truths, int(of_class.sum()), ap50))
    scored = [entry.ap50 for entry in classes if entry.ap50 is not None]
    map50 = sum(scored) / len(scored) if scored else None
    return Scores(map50, tuple(classes), len(annotations["images"]), coco_metrics(annotations, results))


def average_precision(is_right: npt.NDArray[np.bool_], ground_truths: int) -> float:
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


def _taking_order(results: Results) -> npt.NDArray[np.int64]:
    """Sort by falling score, equal ones by image and coordinates, shape ``(N,)``."""
    order: npt.NDArray[np.int64] = np.lexsort((*results.bboxes_xywh.T[::-1], results.image_ids, -results.scores))
    return order


def _groups(image_ids: npt.ArrayLike, category_ids: npt.ArrayLike, annotations: CocoJson) -> npt.NDArray[np.int64]:
    """Give each pair of image and class a number of its own, shape ``(N,)``."""
    image_ranks = id_ranks(image_ids, annotations["images"])
    return image_ranks * len(annotations["categories"]) + id_ranks(category_ids, annotations["categories"])


def _ground_truth(annotations: CocoJson) -> tuple[npt.NDArray[np.bool_], _Boxes]:
    """Return which ground truths are crowd regions, shape ``(M,)``, and their boxes in the file's order."""
    rows = annotations["annotations"]
    groups = _groups([row["image_id"] for row in rows], [row["category_id"] for row in rows], annotations)
    bboxes_xywh = np.array([row["bbox"] for row in rows], dtype=np.float64).reshape(-1, 4)
    return np.array([bool(row.get("iscrowd", 0)) for row in rows], dtype=bool), _Boxes(groups, bboxes_xywh)


def _pairs(detected: _Boxes, truth: _Boxes) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """List all pairs of a detection and a ground truth of the same image and class.

    Returns:
        Rows of the detections, rising, and of the ground truths, each of shape ``(P,)``.
    """
    order = np.argsort(truth.groups, kind="stable")
    first = np.searchsorted(truth.groups, detected.groups, side="left", sorter=order)
    last = np.searchsorted(truth.groups, detected.groups, side="right", sorter=order)
    numbers = last - first
    detections = np.repeat(np.arange(len(detected.groups)), numbers)
    offsets = np.arange(len(detections)) - np.repeat(np.cumsum(numbers) - numbers, numbers)
    return detections, order[np.repeat(first, numbers) + offsets]


def _overlaps(a_xywh: npt.NDArray[np.float64], b_xywh: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Compute the areas that boxes share row by row, in square pixels, shape ``(P,)``."""
    low = np.maximum(a_xywh[:, :2], b_xywh[:, :2])
    high = np.minimum(a_xywh[:, :2] + a_xywh[:, 2:], b_xywh[:, :2] + b_xywh[:, 2:])
    sides = np.maximum(high - low, 0)
    area: npt.NDArray[np.float64] = sides[:, 0] * sides[:, 1]
    return area


def _right_detections(detected: _Boxes, truth: _Boxes) -> npt.NDArray[np.bool_]:
    """Mark the detections that are the first to take the ground truth which they overlap most.

    Args:
        detected: Detections by falling score, ``N`` of them.
        truth: Ground truths that count.

    Returns:
        Mask of shape ``(N,)``.
    """
    is_right = np.zeros(len(detected.groups), dtype=bool)
    detections, truths = _pairs(detected, truth)
    a_xywh, b_xywh = detected.bboxes_xywh[detections], truth.bboxes_xywh[truths]
    shared = _overlaps(a_xywh, b_xywh)
    union = a_xywh[:, 2] * a_xywh[:, 3] + b_xywh[:, 2] * b_xywh[:, 3] - shared
    iou = shared / union
    # The best of each detection's pairs; of equal ones the first in the file, as argmax takes it.
    best = np.lexsort((truths, -iou, detections))
    best = best[np.unique(detections[best], return_index=True)[1]]
    best = best[iou[best] >= IOU_THR]
    # Rows rise with falling score, so the first claim to a ground truth is the one that holds.
    first = np.unique(truths[best], return_index=True)[1]
    is_right[detections[best[first]]] = True
    return is_right


def _in_crowd(detected: _Boxes, crowd: _Boxes) -> npt.NDArray[np.bool_]:
    """Mark the detections of which at least half lies in one crowd region of their class, shape ``(N,)``."""
    inside = np.zeros(len(detected.groups), dtype=bool)
    detections, regions = _pairs(detected, crowd)
    boxes = detected.bboxes_xywh[detections]
    shared = _overlaps(boxes, crowd.bboxes_xywh[regions])
    inside[detections[shared >= IOU_THR * boxes[:, 2] * boxes[:, 3]]] = True
    return inside


def format_table(scores: Scores, width: int = 80) -> str:
    """Print the scores as a table for a terminal or a log: class, ground truths, detections, AP50.

    Args:
        scores: What to print.
        width: Columns of the terminal.
    """
    from rich.console import Console
    from rich.table import Table

    total_truths = sum(entry.ground_truths for entry in scores.classes)
    total_detections = sum(entry.detections for entry in scores.classes)
    table = Table(title="average precision at IoU 0.5", show_footer=True)
    table.add_column("class", footer="mean")
    table.add_column("ground truth", footer=f"{total_truths:,}", justify="right")
    table.add_column("detections", footer=f"{total_detections:,}", justify="right")
    table.add_column("AP50", footer=_cell(scores.map50), justify="right")
    for entry in scores.classes:
        table.add_row(entry.name, f"{entry.ground_truths:,}", f"{entry.detections:,}", _cell(entry.ap50))
    text = io.StringIO()
    # Class names are the user's: brackets in them are no markup.
    console = Console(file=text, width=width, color_system=None, force_terminal=False, markup=False)
    console.print(table)
    console.print("COCO: " + "  ".join(f"{name} {_cell(value)}" for name, value in scores.coco.items()))
    if scores.explanation:
        console.print(scores.explanation)
    return text.getvalue()


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
