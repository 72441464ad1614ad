"""Is one run better than another, by how much and how surely: the paired bootstrap over images and folds.

A run's score is the one that decided about it, measured on its validation images; with folds it is the mean of theirs.
Each resample draws images with replacement, and with folds first folds, then images within each; it draws the same for
all runs, so that what is easy or hard for all of them drops out of the difference. Folds count for both at once: each
is another training and other images. An interval over folds is therefore rather too wide than too narrow, and rough
where they are few.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from sortline.arrays import FloatArray
from sortline.data.annotations import category_names
from sortline.errors import InputError, Problem
from sortline.predictions.bootstrap import (
    Difference,
    Interval,
    PartDraws,
    draw_parts,
    interval,
    joint_intervals,
    paired_difference,
    resamples,
)
from sortline.predictions.box_scores import MEAN_AP50, BoxScore, common_score
from sortline.predictions.matching import Truth
from sortline.predictions.ranking import mean_ap, number_or_none
from sortline.runs.comparison.compared_runs import Candidate


@dataclass(frozen=True)
class RunScore:
    """One run's numbers.

    Attributes:
        name: What tells it from the others.
        source: Run folder or file.
        value: The score, from 0 to 1; with folds the mean of theirs.
        interval: 95% interval of it.
        folds: The score of each fold; a single one without folds.
        class_aps: Average precision of each class, with folds the mean of those with boxes of it; None without any.
    """

    name: str
    source: str
    value: float
    interval: Interval | None
    folds: tuple[float, ...]
    class_aps: tuple[float | None, ...]


@dataclass(frozen=True)
class PairedDifference:
    """How a run differs from another one, in its score or in one class's average precision.

    Attributes:
        difference: Positive where the run is better than the other; None for a class without boxes to be found.
        joint: 95% interval that holds together with those of all comparisons, or all classes, looked at beside it.
    """

    difference: Difference | None
    joint: Interval | None

    @property
    def sign(self) -> int:
        """1 where the run is better, -1 where it is worse, 0 where that can't be told from chance."""
        if self.joint is None:
            return 0
        return int(self.joint.low > 0) - int(self.joint.high < 0)

    @property
    def is_hint(self) -> bool:
        """Whether the difference would be beyond chance only if it were the one thing looked at."""
        return self.sign == 0 and self.difference is not None and self.difference.is_beyond_chance


@dataclass(frozen=True)
class RunDifference:
    """How one run compares with another.

    Attributes:
        run: Position of the run in :class:`Comparison`'s list.
        other: Position of the one that it is compared with.
        score: Difference of the scores.
        classes: Difference of each class's average precision.
        folds: Difference of each fold's score.
    """

    run: int
    other: int
    score: PairedDifference
    classes: tuple[PairedDifference, ...]
    folds: tuple[float, ...]


@dataclass(frozen=True)
class Comparison:
    """Several runs on the same images.

    Attributes:
        runs: In the order given.
        differences: Of each run to the first, or of all pairs.
        classes: Names of the classes.
        ground_truths: Boxes to be found of each class.
        folds: Numbers of the folds; ``(None,)`` without.
        images: Validation images, of all folds together.
        replicates: Resamples.
        seed: Of the resamples.
        score: What all were compared by: the metric that decided about the first run.
        note: What a reader must know of that; empty if nothing.
    """

    runs: tuple[RunScore, ...]
    differences: tuple[RunDifference, ...]
    classes: tuple[str, ...]
    ground_truths: tuple[int, ...]
    folds: tuple[int | None, ...]
    images: int
    replicates: int
    seed: int
    score: BoxScore = MEAN_AP50
    note: str = ""


@dataclass(frozen=True)
class _Resampled:
    """One run: average precision of ``C`` classes in each of ``S`` parts and of ``R`` resamples.

    Attributes:
        aps: Of all images, shape ``(S, C)``.
        drawn_aps: Mean over the drawn parts in each resample, shape ``(R, C)``.
        drawn_values: Mean over the drawn parts' scores, shape ``(R,)``.
    """

    aps: FloatArray
    drawn_aps: FloatArray
    drawn_values: FloatArray

    @property
    def folds(self) -> FloatArray:
        """The score of each part, shape ``(S,)``."""
        return mean_ap(self.aps)

    @property
    def value(self) -> float:
        return float(np.mean(self.folds))

    @property
    def class_aps(self) -> FloatArray:
        """Mean over the parts with boxes of the class, NaN where none has any, shape ``(C,)``."""
        return mean_ap(self.aps.T)


def compare(
    candidates: Sequence[Candidate], replicates: int = 1000, seed: int = 0, all_pairs: bool = False
) -> Comparison:
    """Compare runs with the first of them, or each with each.

    Args:
        candidates: At least two, on the same images, as from
            :func:`~sortline.runs.comparison.compared_runs.on_the_same_images`.
        replicates: Number of resamples.
        seed: Of the resamples.
        all_pairs: Compare each with each.

    Raises:
        InputError: The images of a fold have no boxes to be found.
    """
    truths = [part.matches.truth for part in candidates[0].parts]
    _check_truths(candidates[0], truths)
    draws = draw_parts(len(truths), replicates, np.random.default_rng(seed), same_images=False)
    score, note = common_score([candidate.deciding_name for candidate in candidates])
    resampled = _resample(candidates, truths, draws, seed, score)
    pairs = list(combinations(range(len(candidates)), 2)) if all_pairs else [(0, n) for n in range(1, len(candidates))]
    to_find = sum(truth.to_find for truth in truths)
    return Comparison(
        runs=tuple(
            RunScore(
                name=candidate.name,
                source=candidate.source,
                value=run.value,
                interval=interval(run.drawn_values),
                folds=tuple(run.folds.tolist()),
                class_aps=tuple(map(number_or_none, run.class_aps.tolist())),
            )
            for candidate, run in zip(candidates, resampled, strict=True)
        ),
        differences=_differences(resampled, [(later, earlier) for earlier, later in pairs]),
        classes=tuple(category_names(candidates[0].parts[0].annotations)),
        ground_truths=tuple(np.asarray(to_find).tolist()),
        folds=tuple(part.fold for part in candidates[0].parts),
        images=sum(len(truth.image_ids) for truth in truths),
        replicates=replicates,
        seed=seed,
        score=score,
        note=note,
    )


def _check_truths(first: Candidate, truths: Sequence[Truth]) -> None:
    problems = []
    names = [category_names(part.annotations) for part in first.parts]
    for part, truth, classes in zip(first.parts, truths, names, strict=True):
        if truth.is_crowd.all():
            remedy = "name a file with ground truth, or make larger folds"
            problems.append(Problem(part.where, "has no boxes to be found, so there is nothing to compare on", remedy))
        if classes != names[0]:
            remedy = "make the folds again with tools/make_folds.py, and train on them"
            problems.append(Problem(part.where, f"has other classes than {first.parts[0].where}", remedy))
    if problems:
        raise InputError(problems)


def _resample(
    candidates: Sequence[Candidate], truths: Sequence[Truth], draws: PartDraws, seed: int, score: BoxScore
) -> list[_Resampled]:
    """Score every run on all images and in each resample; part by part, so that one part's weights are held at once."""
    replicates = draws.parts.shape[1]
    aps: list[list[FloatArray]] = [[] for _ in candidates]
    values: list[list[FloatArray]] = [[] for _ in candidates]
    for place, truth in enumerate(truths):
        weights = resamples(len(truth.image_ids), replicates, seed + place)
        for run, candidate in enumerate(candidates):
            class_aps = score.of(candidate.parts[place].matches)
            aps[run].append(class_aps()[0])
            values[run].append(class_aps(weights))
    return [
        # Of parts, resamples and classes, shape (S, R, C), and of these without classes, the mean over the drawn parts.
        _Resampled(np.stack(own), draws.mean(np.stack(drawn)), draws.mean(np.stack([mean_ap(part) for part in drawn])))
        for own, drawn in zip(aps, values, strict=True)
    ]


def _differences(runs: Sequence[_Resampled], pairs: Sequence[tuple[int, int]]) -> tuple[RunDifference, ...]:
    points = [runs[run].value - runs[other].value for run, other in pairs]
    drawn = np.stack([runs[run].drawn_values - runs[other].drawn_values for run, other in pairs], axis=1)
    result = []
    for (run, other), joint in zip(pairs, joint_intervals(points, drawn), strict=True):
        one, two = runs[run], runs[other]
        whole = PairedDifference(paired_difference(one.value, two.value, one.drawn_values, two.drawn_values), joint)
        folds = tuple((one.folds - two.folds).tolist())
        result.append(RunDifference(run, other, whole, _class_differences(one, two), folds))
    return tuple(result)


def _class_differences(one: _Resampled, two: _Resampled) -> tuple[PairedDifference, ...]:
    joint = joint_intervals((one.class_aps - two.class_aps).tolist(), one.drawn_aps - two.drawn_aps)
    columns = zip(one.class_aps.tolist(), two.class_aps.tolist(), one.drawn_aps.T, two.drawn_aps.T, joint, strict=True)
    return tuple(
        PairedDifference(None if np.isnan(ap) else paired_difference(ap, other_ap, values, others), bounds)
        for ap, other_ap, values, others, bounds in columns
    )
