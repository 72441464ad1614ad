"""Score thresholds of single classes: where F1 is highest, or from which on boxes are right often enough.

mAP50 needs no threshold and only loses by one. Whoever shows boxes to people or machines, or trains on them, has to
choose one. (F1 is the harmonic mean of precision and recall.)
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from sortline.arrays import BoolArray, FloatArray
from sortline.errors import InputError, Problem
from sortline.files import atomic_write, write_json
from sortline.predictions.matching import JudgedBoxes, Matches
from sortline.reports.numbers import NOT_DEFINED, score_text
from sortline.reports.tables import Table

if TYPE_CHECKING:
    from rich.console import Console

#: The 95th percentile of the normal distribution: a bound that holds in 19 of 20 cases, on one side.
Z: Final = 1.6448536269514722
#: With fewer boxes above it no threshold is set, whatever their precision.
LEAST_BOXES: Final = 10


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


def print_class_thresholds(thresholds: Sequence[ClassThreshold], console: Console | None = None) -> None:
    """Print each class's threshold of the highest F1.

    Args:
        thresholds: What to print.
        console: Where to print; by default the terminal.
    """
    rows = []
    for entry in thresholds:
        cells = [NOT_DEFINED] * 5
        if entry.score_thr is not None:
            shares = (entry.precision, entry.recall, entry.f1)
            cells = [f"{entry.score_thr:g}", f"{entry.boxes:,}", *(score_text(share, ".3f") for share in shares)]
        rows.append([entry.name, f"{entry.ground_truths:,}", *cells])
    headers = ("class", "ground truth", "threshold", "boxes", "precision", "recall", "F1")
    Table(headers, rows, "per class: the threshold of the highest F1, for deployment").print(console)


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


@dataclass(frozen=True)
class LabelThreshold:
    """From which score on boxes of one class become labels, and what out-of-fold predictions say of it.

    Attributes:
        score_thr: The score; None when no box of the class does.
        boxes: Out-of-fold boxes of at least this score; without a threshold, of the one that comes closest to the
            wanted precision. None where there are no out-of-fold predictions.
        right: How many of them are right; None as above.
    """

    score_thr: float | None
    boxes: int | None = None
    right: int | None = None

    @property
    def precision(self) -> float | None:
        """Share of right boxes, from 0 to 1; None without boxes."""
        return self.right / self.boxes if self.boxes and self.right is not None else None

    @property
    def lower_bound(self) -> float | None:
        """What the precision lies above in 19 of 20 cases; None without boxes."""
        if not self.boxes or self.right is None:
            return None
        return float(wilson_lower(self.right, self.boxes))


def wilson_lower(right: npt.ArrayLike, boxes: npt.ArrayLike) -> FloatArray:
    """Compute the lower end of the one-sided 95% interval of a share.

    It takes few boxes for what they are worth: one right box of one says only that the precision is above 0.27.
    (Wilson: Probable inference, the law of succession, and statistical inference, 1927)

    Args:
        right: Numbers of right boxes.
        boxes: Numbers of boxes, above 0.

    Returns:
        Values from 0 to 1, in the shape of the arguments.
    """
    count = np.asarray(boxes, dtype=np.float64)
    share = np.asarray(right, dtype=np.float64) / count
    spread = Z * np.sqrt(share * (1 - share) / count + Z**2 / (4 * count**2))
    lower: FloatArray = (share + Z**2 / (2 * count) - spread) / (1 + Z**2 / count)
    return np.maximum(lower, 0)  # rounding leaves -1e-17 where nothing is right


def threshold_at(judged: JudgedBoxes, score_thr: float) -> LabelThreshold:
    """Say what out-of-fold predictions make of a given threshold."""
    kept = judged.scores >= score_thr
    return LabelThreshold(score_thr, int(kept.sum()), int(judged.is_right[kept].sum()))


def threshold_of_precision(judged: JudgedBoxes, precision: float) -> LabelThreshold:
    """Find the lowest score from which on boxes are right often enough.

    It is the lower bound of the precision that has to reach ``precision``, over all boxes from the score on, of
    which there must be at least ten. The number has as few decimals as tell the kept scores from the cut ones.

    Args:
        judged: One class's boxes.
        precision: Wanted share of right boxes, from 0 to 1.

    Returns:
        The threshold; without a score where no cut reaches the precision, then with the counts of the cut that
        comes closest.
    """
    if len(judged.scores) == 0:
        return LabelThreshold(None, 0, 0)
    ends = judged.cut_ends()
    right = np.cumsum(judged.is_right)[ends]
    lower = wilson_lower(right, ends + 1)
    good = np.flatnonzero((lower >= precision) & (ends + 1 >= LEAST_BOXES))
    if len(good) == 0:
        closest = int(np.argmax(lower))
        return LabelThreshold(None, int(ends[closest]) + 1, int(right[closest]))
    cut = int(good[-1])
    last = int(ends[cut])
    score_thr = float(judged.scores[last])
    if last + 1 < len(judged.scores):  # below the lowest score nothing is known
        score_thr = shortest_between(float(judged.scores[last + 1]), score_thr)
    return LabelThreshold(score_thr, last + 1, int(right[cut]))


def fewest_boxes(precision: float) -> int:
    """Return how many boxes, all of them right, it takes for a threshold of this precision.

    The lower bound of ``n`` of ``n`` is ``n / (n + Z^2)``.

    >>> fewest_boxes(0.9)
    25
    """
    return max(LEAST_BOXES, math.ceil(precision * Z**2 / (1 - precision)))


def choose_thresholds(
    names: list[str],
    fixed: Mapping[str, float],
    judged: Mapping[str, JudgedBoxes],
    precision: float | None,
) -> dict[str, LabelThreshold]:
    """Set each class's threshold: the fixed one, else the one of the wanted precision, else none.

    Args:
        names: The classes.
        fixed: Thresholds given by class.
        judged: Out-of-fold boxes by class; empty if there are none.
        precision: Precision wanted of classes without a fixed threshold; None gives them no boxes.
    """
    chosen = {}
    for name in names:
        if name in fixed:
            chosen[name] = threshold_at(judged[name], fixed[name]) if judged else LabelThreshold(fixed[name])
        elif precision is not None:
            chosen[name] = threshold_of_precision(judged[name], precision)
        else:
            chosen[name] = LabelThreshold(None)
    return chosen
