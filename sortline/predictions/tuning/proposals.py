"""What a search may try next: members to add or drop, other methods, the next value of a setting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sortline.predictions.ensembling.ensemble_settings import EnsembleSettings

STARTS = (
    EnsembleSettings("wbf"),
    EnsembleSettings("wbf", conf_type="max"),
    EnsembleSettings("wbf", conf_type="box_and_model_avg"),
    EnsembleSettings("wbf", conf_type="absent_model_aware_avg"),
    EnsembleSettings("nmw"),
    EnsembleSettings("nms"),
    EnsembleSettings("soft-nms"),
    EnsembleSettings("soft-nms", decay="linear"),
)
NEW_WEIGHTS = (1.0, 0.5)
IOU_THRS = (0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85)
SKIP_BOX_THRS = (0.0, 0.0001, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1)
SIGMAS = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0)
#: Each with its inverse: one of two members up is the other one down.
WEIGHT_STEPS = (1 / 2, 1 / 2**0.5, 2**0.5, 2.0)
LEAST_WEIGHT = 0.05


def weights_of(candidate: EnsembleSettings) -> tuple[float, ...]:
    """Return the weight of each member, which every candidate has."""
    return candidate.weights or ()


def members_of(candidate: EnsembleSettings) -> list[int]:
    """List the rows of the members that a candidate uses."""
    return [row for row, weight in enumerate(weights_of(candidate)) if weight > 0]


def is_as_it_is(candidate: EnsembleSettings) -> bool:
    """Tell whether a candidate is one member's boxes without any fusion."""
    return candidate.method == "concat"


def single(member: int, members: int) -> EnsembleSettings:
    """Return the candidate that is one member as it is."""
    weights = tuple(float(row == member) for row in range(members))
    return EnsembleSettings("concat", skip_box_thr=0, weights=weights)


def alone(candidate: EnsembleSettings) -> list[EnsembleSettings]:
    """Propose every method for the boxes of one member among themselves, where it is still as it is.

    Some detectors gain by a stricter or softer NMS; what one gains so must not be put down to a second member.
    """
    if not is_as_it_is(candidate):
        return []
    return [replace(start, weights=weights_of(candidate)) for start in STARTS]


def additions(candidate: EnsembleSettings) -> list[EnsembleSettings]:
    """Propose each member that is not in yet, at several weights; the second one with every method."""
    weights = weights_of(candidate)
    bases = [] if is_as_it_is(candidate) else [candidate]
    if len(members_of(candidate)) == 1:
        bases += [replace(start, weights=weights) for start in STARTS]
    return [
        replace(base, weights=_normalised([*weights[:row], new, *weights[row + 1 :]]))
        for row, weight in enumerate(weights)
        if weight == 0
        for base in bases
        for new in NEW_WEIGHTS
    ]


def methods(candidate: EnsembleSettings) -> list[EnsembleSettings]:
    """Propose the other methods, thresholds and weights staying as they are."""
    return [
        replace(candidate, method=start.method, conf_type=start.conf_type, decay=start.decay)
        for start in STARTS
        if (start.method, start.conf_type, start.decay) != (candidate.method, candidate.conf_type, candidate.decay)
    ]


def iou_thrs(candidate: EnsembleSettings) -> list[EnsembleSettings]:
    """Propose the next lower and the next higher IoU threshold."""
    return [replace(candidate, iou_thr=value) for value in beside(candidate.iou_thr, IOU_THRS)]


def skip_box_thrs(candidate: EnsembleSettings) -> list[EnsembleSettings]:
    """Propose to leave out fewer boxes before fusion, or more."""
    return [replace(candidate, skip_box_thr=value) for value in beside(candidate.skip_box_thr, SKIP_BOX_THRS)]


def sigmas(candidate: EnsembleSettings) -> list[EnsembleSettings]:
    """Propose a narrower and a wider decay, where it is in use."""
    if (candidate.method, candidate.decay) != ("soft-nms", "gaussian"):
        return []
    return [replace(candidate, sigma=value) for value in beside(candidate.sigma, SIGMAS)]


def beside(value: float, ladder: Sequence[float]) -> list[float]:
    """Return the next lower and the next higher step of a rising ladder.

    >>> beside(0.5, (0.4, 0.5, 0.6))
    [0.4, 0.6]
    """
    return [*[step for step in ladder if step < value][-1:], *[step for step in ladder if step > value][:1]]


def reweighted(candidate: EnsembleSettings) -> list[EnsembleSettings]:
    """Propose a higher and a lower weight for each member, by several steps."""
    weights = weights_of(candidate)
    changed = [
        _normalised([*weights[:row], weights[row] * step, *weights[row + 1 :]])
        for row in members_of(candidate)
        for step in WEIGHT_STEPS
    ]
    return [replace(candidate, weights=new) for new in dict.fromkeys(changed) if new != weights]


def without(candidate: EnsembleSettings, member: int) -> list[EnsembleSettings]:
    """Leave a member out; a last one left may keep the settings for its own boxes, or be taken as it is."""
    weights = list(weights_of(candidate))
    weights[member] = 0.0
    left = [row for row, weight in enumerate(weights) if weight > 0]
    same = replace(candidate, weights=_normalised(weights))
    return [single(left[0], len(weights)), same] if len(left) == 1 else [same]


def _normalised(weights: Sequence[float]) -> tuple[float, ...]:
    """Scale weights so that the highest is 1: only their ratios matter. Those in use keep a little of it."""
    highest = max(weights)
    return tuple(round(max(weight / highest, LEAST_WEIGHT), 3) if weight else 0.0 for weight in weights)
