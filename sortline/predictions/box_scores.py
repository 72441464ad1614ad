"""Scores that boxes alone decide, by the names under which evaluators report them, of all images or of resamples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from sortline.arrays import FloatArray, IntArray
from sortline.predictions.coco_metrics import METRICS, CocoRanking, rank_as_coco
from sortline.predictions.compiled import compiled
from sortline.predictions.matching import Matches
from sortline.predictions.ranking import class_aps, mean_ap, number_or_none, rank

MAP50 = "contest/mAP50"
#: Items of mmdet's CocoMetric, by the names that coco_metrics.py has for the same.
COCO_ITEMS = {"": "mAP", "_50": "AP50", "_75": "AP75", "_s": "APs", "_m": "APm", "_l": "APl"}
#: Recalls at which COCO's protocol reads the precision.
RECALLS = np.linspace(0.0, 1.0, 101, dtype=np.float64)

#: Average precision of each class, shape ``(R, C)``, for whole numbers that weight the images in ``R`` ways, shape
#: ``(R, N)``, or for one way that counts each once. NaN for a class without ground truth.
ClassAps = Callable[..., FloatArray]


@dataclass(frozen=True)
class BoxScore:
    """A mean over classes of average precision.

    Attributes:
        name: As an evaluator reports it: ``"contest/mAP50"``, ``"coco/bbox_mAP_75"``.
        class_label: What a class's part of it is called: ``"AP50"``.
        tolerance: By how much a value that was reported may be off: mmdet's CocoMetric gives three decimals.
        coco_metric: The same among ``METRICS`` of coco_metrics.py; empty for mAP50.
    """

    name: str
    class_label: str
    tolerance: float
    coco_metric: str = ""

    def of(self, matches: Matches) -> ClassAps:
        """Return what gives each class's average precision for any weights of the images."""
        if not self.coco_metric:
            return partial(class_aps, rank(matches))
        ranking = rank_as_coco(matches.truth.annotations, matches.results, *METRICS[self.coco_metric])
        return partial(coco_class_aps, ranking)

    def value(self, matches: Matches) -> float | None:
        """Return the score; None without any ground truth."""
        return number_or_none(float(mean_ap(self.of(matches)())[0]))


#: The one that most are compared by, and results files of which nothing is known.
MEAN_AP50 = BoxScore(MAP50, "AP50", 1e-9)


def box_score(name: str) -> BoxScore | None:
    """Return how a reported metric follows from boxes; None where it doesn't, or the way is not known here.

    >>> box_score("coco/bbox_mAP_50").coco_metric, box_score("coco/segm_mAP"), box_score("loss")
    ('AP50', None, None)
    """
    prefix, _, metric = name.rpartition("/")
    if metric == "mAP50":
        return BoxScore(name, "AP50", 1e-9)
    if metric.startswith("coco_") and metric[5:] in METRICS:
        return BoxScore(name, metric[5:].replace("mAP", "AP"), 1e-9, metric[5:])
    if prefix and metric.startswith("bbox_mAP") and metric[8:] in COCO_ITEMS:
        item = COCO_ITEMS[metric[8:]]
        return BoxScore(name, item.replace("mAP", "AP"), 1e-3, item)
    return None


def common_score(names: Sequence[str]) -> tuple[BoxScore, str]:
    """Choose the score that all of several runs are compared by, measured anew on the boxes of each.

    Args:
        names: The metrics that decided about the runs, the one that others are compared with first; empty where
            that is not known, as of a results file.

    Returns:
        The first one's, mAP50 where that doesn't follow from boxes; and what a reader must know, or nothing.
    """
    known = list(dict.fromkeys(filter(None, names)))
    first = known[0] if known else MAP50
    score = box_score(first) or MEAN_AP50
    if score.name != first:
        return score, f"decided by {first}, which doesn't follow from boxes alone: compared by {score.name} instead"
    if len(known) > 1:
        return score, f"decided by different scores ({', '.join(known)}): all are compared by {first}, measured anew"
    return score, ""


def coco_class_aps(ranking: CocoRanking, weights: npt.ArrayLike | None = None) -> FloatArray:
    """Compute each class's average precision as COCO does, shape ``(R, C)``; NaN for a class without ground truth.

    An image of weight ``w`` counts as ``w`` copies of it would, whose detections of one score are taken together.

    Args:
        ranking: The detections.
        weights: Whole numbers, one row for each of ``R`` ways to weight the images, shape ``(R, N)``; by default one
            row of ones.
    """
    classes, images = ranking.to_find.shape
    ways = np.ones((1, images), dtype=np.int64) if weights is None else np.asarray(weights, dtype=np.int64)
    to_find = ways @ ranking.to_find.T
    aps = np.full((len(ways), classes), np.nan)
    _fill_coco_aps(ways, to_find, ranking.image_rows, ranking.states, ranking.starts, RECALLS, aps)
    return aps


@compiled
def _fill_coco_aps(
    ways: IntArray,
    to_find: IntArray,
    image_rows: IntArray,
    states: npt.NDArray[np.int8],
    starts: IntArray,
    recalls: FloatArray,
    aps: FloatArray,
) -> None:
    """Fill ``aps``; the other arguments are columns of :class:`CocoRanking`."""
    # The envelope of the precision and the recall change at right detections alone.
    right, precision = np.empty(len(image_rows), dtype=np.int64), np.empty(len(image_rows), dtype=np.float64)
    for label in range(len(starts) - 1):
        ends = np.full(len(states), starts[label])
        for level in range(len(states)):
            for row in range(starts[label], starts[label + 1]):
                if states[level, row] == 1:
                    ends[level] = row + 1
        for way in range(len(ways)):
            if to_find[way, label] == 0:
                continue
            total = 0.0
            for level in range(len(states)):
                found, wrong, count = 0, 0, 0
                for row in range(starts[label], ends[level]):
                    weight = ways[way, image_rows[row]]
                    if states[level, row] == 0:
                        wrong += weight
                    elif states[level, row] == 1 and weight:
                        found += weight
                        right[count], precision[count] = found, found / (found + wrong)
                        count += 1
                for place in range(count - 2, -1, -1):
                    precision[place] = max(precision[place], precision[place + 1])
                place = 0
                for recall in recalls:
                    while place < count and right[place] / to_find[way, label] < recall:
                        place += 1
                    if place == count:
                        break
                    total += precision[place]
            aps[way, label] = total / (len(states) * len(recalls))
