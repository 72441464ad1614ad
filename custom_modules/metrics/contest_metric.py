"""The contest's mAP50 and COCO's metrics, in validation and test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmdet.registry import METRICS
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from sortline.data.annotations import read_annotations
from sortline.predictions.detections import ImageDetections, image_detections, to_results
from sortline.predictions.matching import Matches
from sortline.predictions.score import Scores, format_scores, score


@METRICS.register_module()
class ContestMetric(BaseMetric):
    """Mean over classes of average precision at IoU 0.5, with per-class AP and COCO's metrics.

    Classes without ground truth are logged and not part of the mean. Images are matched by id within
    ``ann_file``, which is the file that the loader reads. A file without annotations gives no metrics.

    Args:
        ann_file: COCO annotation file; set from the loader when the config is bound.
        collect_device: Device on which processes exchange their detections.
        prefix: Prefix of each metric's name.

    Attributes:
        evaluated: What was scored last, matched with the ground truth of the images that the model saw, for what
            looks closer than a number. In the main process; None before, and where there was nothing to score.
    """

    default_prefix = "contest"

    def __init__(self, ann_file: str, collect_device: str = "cpu", prefix: str | None = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.ann_file = ann_file
        self.evaluated: Matches | None = None

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Store the detections of one batch."""
        self.results += [image_detections(sample) for sample in data_samples]

    def compute_metrics(self, results: list[ImageDetections]) -> dict[str, float]:
        """Score the detections of all images.

        Returns:
            ``mAP50``, ``AP50_<class>`` for classes with ground truth, and ``coco_*``; empty where the file has
            no annotations.
        """
        self.evaluated = None
        annotations = _only_seen(read_annotations(self.ann_file), {found.image_id for found in results})
        if not annotations["annotations"]:
            print_log(f"{self.ann_file} has no annotations: nothing to score", logger="current")
            return {}
        category_ids = [category["id"] for category in annotations["categories"]]
        detections = to_results(results, annotations, category_ids, self.ann_file)
        matches = Matches.of(annotations, detections)
        scores = score(matches)
        self.evaluated = matches
        print_log("\n" + format_scores(scores), logger="current")
        return metric_values(scores)


def last_evaluated(evaluator: Any) -> Matches | None:
    """Return what an evaluator's contest metric scored last; None without such a metric or without a score."""
    found = (metric.evaluated for metric in evaluator.metrics if isinstance(metric, ContestMetric))
    return next(found, None)


def metric_values(scores: Scores) -> dict[str, float]:
    """Return scores by the names under which runs are logged, compared and selected."""
    values = {"mAP50": scores.map50 or 0.0}
    values |= {f"AP50_{entry.name}": entry.ap50 for entry in scores.classes if entry.ap50 is not None}
    return values | {f"coco_{name}": value for name, value in scores.coco.items() if value is not None}


def _only_seen(annotations: dict[str, Any], seen: set[int]) -> dict[str, Any]:
    """Leave out images that the model has not seen, and log it: a smoke run uses a few only."""
    images = [image for image in annotations["images"] if image["id"] in seen]
    if len(images) == len(annotations["images"]):
        return annotations
    print_log(f"scored on {len(images)} of {len(annotations['images'])} images", logger="current")
    boxes = [box for box in annotations["annotations"] if box["image_id"] in seen]
    return {**annotations, "images": images, "annotations": boxes}
