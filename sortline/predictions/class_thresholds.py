"""Per-class score thresholds for deployment: where F1, the harmonic mean of precision and recall, is highest.

mAP50 needs no threshold and only loses by one. Whoever shows boxes to people or machines has to choose one.
"""

from __future__ import annotations

import math
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from sortline.arrays import BoolArray, FloatArray
from sortline.errors import InputError, Problem
from sortline.files import atomic_write, write_json
from sortline.predictions.matching import JudgedBoxes, Matches


@dataclass(frozen=True)
class ClassThreshold:
    """The threshold of one class at which F1 is highest.

    Attributes:
        name: The class.
        ground_truths: Its boxes to be found; crowd regions don't count.
        score_thr: Boxes of at least this score are kept; None when no detection of the class is right, or none
            is to be found.
        boxes: Detections kept, those in crowd regions left out.
        precision: Share of them that are right, from 0 to 1.
        recall: Share of the ground truth that they find, from 0 to 1.
        f1: ``2 * precision * recall / (precision + recall)``.
    """

    name: str
    ground_truths: int
    score_thr: float | None
    boxes: int
    precision: float
    recall: float
    f1: float


def best_thresholds(matches: Matches) -> tuple[ClassThreshold, ...]:
    """Find each class's threshold of the highest F1; of equal ones the highest, which keeps the fewest boxes.

    A box is right as for mAP50: at IoU 0.5, each ground truth taken once. The number printed has as few
    decimals as tell the kept scores from the cut ones.
    """
    columns = zip(matches.truth.class_names, matches.truth.to_find.tolist(), matches.by_class(), strict=True)
    return tuple(_best_threshold(*of_class) for of_class in columns)


def _best_threshold(name: str, ground_truths: int, judged: JudgedBoxes) -> ClassThreshold:
    """Choose the number of boxes to keep of one class."""
    scores, right, ends = judged.scores, np.cumsum(judged.is_right), judged.cut_ends()
    if ground_truths == 0 or len(ends) == 0 or right[-1] == 0:
        return ClassThreshold(name, ground_truths, None, 0, 0.0, 0.0, 0.0)
    f1 = 2 * right[ends] / (ends + 1 + ground_truths)
    last = int(ends[np.argmax(f1)])
    next_score = float(scores[last + 1]) if last + 1 < len(scores) else 0.0
    boxes, hits = last + 1, int(right[last])
    score_thr = shortest_between(next_score, float(scores[last]))
    return ClassThreshold(name, ground_truths, score_thr, boxes, hits / boxes, hits / ground_truths, float(f1.max()))


def shortest_between(low: float, high: float) -> float:
    """Return a number above ``low`` and not above ``high`` with as few decimals as possible; ``high`` if none is.

    >>> shortest_between(0.31415, 0.31847)
    0.318
    """
    for decimals in range(17):
        number = math.floor(high * 10.0**decimals) / 10.0**decimals
        if low < number <= high:
            return number
    return high


def class_cuts(matches: Matches) -> FloatArray:
    """Return each class's threshold of the highest F1, shape ``(C,)``; infinity for a class that has none.

    So two detectors are compared each at its best, whatever scale their scores have, and a detector in its first
    epochs shows what it has learnt although its scores are still low.
    """
    thresholds = [entry.score_thr for entry in best_thresholds(matches)]
    return np.array([np.inf if threshold is None else threshold for threshold in thresholds])


def above_cuts(matches: Matches, cuts: FloatArray) -> BoolArray:
    """Mark the detections with at least their class's threshold, shape ``(D,)``.

    Args:
        matches: The detections, matched.
        cuts: As from :func:`class_cuts`, shape ``(C,)``.
    """
    mask: BoolArray = matches.results.scores >= cuts[matches.class_rows]
    return mask


def write_thresholds(path: str | os.PathLike[str], thresholds: tuple[ClassThreshold, ...]) -> None:
    """Write the thresholds as yaml or json, by the file's ending: ``classes``, and for each what is known of it.

    Raises:
        InputError: Another ending.
    """
    entries = map(asdict, thresholds)
    content = {"classes": {entry.pop("name"): entry for entry in entries}}
    ending = Path(path).suffix.lower()
    if ending == ".json":
        write_json(path, content, indent=1)
    elif ending in (".yaml", ".yml"):
        import yaml

        with atomic_write(path) as file:
            yaml.safe_dump(content, file, sort_keys=False, allow_unicode=True)
    else:
        raise InputError(Problem(str(path), f"ends in {ending!r}", "end it in .yaml or .json"))
