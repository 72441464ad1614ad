"""COCO's own average precisions: the one place that calls hotcoco."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import hotcoco
import numpy as np
import numpy.typing as npt

from sortline.data.annotations import CocoJson
from sortline.predictions.results import Results

# Each metric's IoU threshold (None: the mean over 0.50:0.05:0.95) and range of ground-truth areas.
METRICS = {
    "mAP": (None, "all"),
    "AP50": (0.5, "all"),
    "AP75": (0.75, "all"),
    "APs": (None, "small"),
    "APm": (None, "medium"),
    "APl": (None, "large"),
}
MAX_DETECTIONS = 100


@dataclass(frozen=True)
class CocoScores:
    """COCO's average precisions.

    Attributes:
        metrics: ``mAP`` (mean over IoU 0.50 to 0.95), ``AP50``, ``AP75``, and ``APs``, ``APm``, ``APl`` by area of
            the ground truth; None where there is no ground truth to score.
        class_aps: Each class's part of ``mAP``, in the annotation file's order; None without ground truth.
    """

    metrics: dict[str, float | None]
    class_aps: tuple[float | None, ...]


def evaluate_coco(annotations: CocoJson, results: Results) -> CocoScores:
    """Compute COCO's average precisions: 101 recall points, at most 100 detections an image and class.

    Args:
        annotations: Ground truth as read by :func:`~sortline.data.annotations.read_annotations`.
        results: Detections on its images.
    """
    truth = _ground_truth(annotations)
    evaluation = hotcoco.COCOeval(truth, _detections(truth, annotations, results), "bbox")
    evaluation.params.max_dets = [MAX_DETECTIONS]
    evaluation.evaluate()
    evaluation.accumulate()
    curves: Any = evaluation.eval
    # Axes: IoU thresholds, recall points, classes by rising id, area ranges, detections an image.
    precision = curves["precision"][..., 0]
    thresholds = np.array(evaluation.params.iou_thrs)
    ranges = evaluation.params.area_rng_lbl
    metrics = {}
    for name, (iou_thr, area) in METRICS.items():
        rows = slice(None) if iou_thr is None else np.isclose(thresholds, iou_thr)
        metrics[name] = _mean(precision[rows][..., ranges.index(area)])
    class_ranks = id_ranks([category["id"] for category in annotations["categories"]], annotations["categories"])
    over_all_areas = precision[..., ranges.index("all")]
    return CocoScores(metrics, tuple(_mean(over_all_areas[:, :, class_rank]) for class_rank in class_ranks))


def count_confusions(annotations: CocoJson, results: Results, iou_thr: float) -> npt.NDArray[np.int64]:
    """Count detections by true class (rows) and predicted class (columns), shape ``(C + 1, C + 1)``.

    Classes are in the annotation file's order, the background is last. Of boxes that a detection overlaps equally,
    the first in the file counts. Crowd regions are no boxes to be found.

    Args:
        annotations: Ground truth as read by :func:`~sortline.data.annotations.read_annotations`.
        results: Detections on its images, all of which count.
        iou_thr: Least overlap of a detection with the box that it takes.
    """
    truth = _ground_truth(annotations)
    evaluation = hotcoco.COCOeval(truth, _detections(truth, annotations, results), "bbox")
    found = evaluation.confusion_matrix(iou_thr=iou_thr, max_det=max(len(results), 1))
    ranks = id_ranks([category["id"] for category in annotations["categories"]], annotations["categories"])
    order = np.append(ranks, len(ranks))
    counts: npt.NDArray[np.int64] = found["matrix"].astype(np.int64)[np.ix_(order, order)]
    return counts


def _mean(precision: npt.NDArray[np.float64]) -> float | None:
    """Average what was computed; hotcoco marks classes without ground truth by -1."""
    computed = precision[precision > -1]
    return float(computed.mean()) if computed.size else None


def _ground_truth(annotations: CocoJson) -> hotcoco.COCO:
    rows = annotations["annotations"]
    images = sorted(annotations["images"], key=lambda image: int(image["id"]))
    categories = sorted(annotations["categories"], key=lambda category: int(category["id"]))
    # Annotation ids are left to hotcoco, which counts from 1: COCO's protocol takes a match with id 0 for none.
    return hotcoco.COCO.from_arrays(
        [{"id": rank, "width": image["width"], "height": image["height"]} for rank, image in enumerate(images)],
        [{"id": rank, "name": category["name"]} for rank, category in enumerate(categories)],
        id_ranks([row["image_id"] for row in rows], images),
        id_ranks([row["category_id"] for row in rows], categories),
        np.array([row["bbox"] for row in rows], dtype=np.float64).reshape(-1, 4),
        area=np.array([row.get("area", row["bbox"][2] * row["bbox"][3]) for row in rows], dtype=np.float64),
        iscrowd=np.array([int(row.get("iscrowd", 0)) for row in rows], dtype=np.int64),
    )


def _detections(truth: hotcoco.COCO, annotations: CocoJson, results: Results) -> hotcoco.COCO:
    image_ranks = id_ranks(results.image_ids, annotations["images"])
    category_ranks = id_ranks(results.category_ids, annotations["categories"])
    columns = np.column_stack((image_ranks, results.bboxes_xywh, results.scores, category_ranks))
    return truth.load_res(columns.astype(np.float64))


def id_ranks(ids: npt.ArrayLike, entries: Sequence[dict[str, Any]]) -> npt.NDArray[np.int64]:
    """Replace ids by their ranks among the entries' ids, which are small whatever the ids are, shape ``(N,)``."""
    known = np.sort(np.array([entry["id"] for entry in entries], dtype=np.int64))
    return np.searchsorted(known, np.asarray(ids, dtype=np.int64))


@dataclass(frozen=True)
class CocoRanking:
    """The ``K`` detections as COCO's protocol takes them, class after class, each class by falling score.

    Attributes:
        image_rows: Row of each detection's image in the annotation file, shape ``(K,)``.
        states: 1 for right, 0 for wrong, -1 for one that does not count, by IoU threshold, shape ``(T, K)``.
        starts: Class ``c`` of the annotation file has the rows ``starts[c]`` to ``starts[c + 1]``, shape ``(C + 1,)``.
        to_find: Boxes to be found of each class on each image, shape ``(C, N)``.
    """

    image_rows: npt.NDArray[np.int64]
    states: npt.NDArray[np.int8]
    starts: npt.NDArray[np.int64]
    to_find: npt.NDArray[np.int64]


def rank_as_coco(annotations: CocoJson, results: Results, iou_thr: float | None, area: str) -> CocoRanking:
    """Match detections as COCO does, and rank them.

    Args:
        annotations: Ground truth as read by :func:`~sortline.data.annotations.read_annotations`.
        results: Detections on its images.
        iou_thr: Least overlap; None for 0.50 to 0.95 in steps of 0.05.
        area: Range of areas: ``"all"``, ``"small"``, ``"medium"`` or ``"large"``.
    """
    truth = _ground_truth(annotations)
    evaluation = hotcoco.COCOeval(truth, _detections(truth, annotations, results), "bbox")
    params = evaluation.params
    params.max_dets = [MAX_DETECTIONS]
    place = params.area_rng_lbl.index(area)
    params.area_rng, params.area_rng_lbl = [params.area_rng[place]], [area]
    if iou_thr is not None:
        params.iou_thrs = [iou_thr]
    evaluation.evaluate()
    # Ids there are ranks: back to rows of the file.
    image_row, class_row = (np.argsort([entry["id"] for entry in annotations[key]]) for key in ("images", "categories"))
    found = [entry for entry in evaluation.eval_imgs if entry]
    to_find = np.zeros((len(class_row), len(image_row)), dtype=np.int64)
    for entry in found:
        row, column = class_row[entry["category_id"]], image_row[entry["image_id"]]
        to_find[row, column] = len(entry["gtIgnore"]) - sum(entry["gtIgnore"])
    counts = [len(entry["dtScores"]) for entry in found]
    class_rows = np.repeat(class_row[[entry["category_id"] for entry in found]], counts)
    image_ranks = np.repeat(np.array([entry["image_id"] for entry in found], dtype=np.int64), counts)
    scores = np.array([score for entry in found for score in entry["dtScores"]], dtype=np.float64)
    levels = len(params.iou_thrs)
    masks = [
        np.concatenate([np.zeros((levels, 0), dtype=bool), *(np.array(entry[key], dtype=bool) for entry in found)], 1)
        for key in ("dtMatched", "dtIgnore")
    ]
    states = np.where(masks[1], -1, masks[0].astype(np.int8)).astype(np.int8)
    # Equal scores keep the order of image ids and, within an image, that of the detections.
    order = np.lexsort((image_ranks, -scores, class_rows))
    starts = np.searchsorted(class_rows[order], np.arange(len(class_row) + 1))
    return CocoRanking(image_row[image_ranks[order]], states[:, order], starts.astype(np.int64), to_find)
