"""Several predictions files scored on one annotation file: intervals, paired differences, and what explains them."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sortline.arrays import FloatArray
from sortline.data.annotations import read_annotations
from sortline.errors import InputError, Problem, counted
from sortline.predictions.bootstrap import Difference, Interval, interval, paired_difference, resamples
from sortline.predictions.matching import Matches, Truth, match
from sortline.predictions.ranking import class_aps, mean_ap, rank
from sortline.predictions.read import read_predictions
from sortline.predictions.results import Results, note_on_outside
from sortline.predictions.score import Scores, score
from sortline.progress import track

LEAST_REPLICATES = 100
ENDING = re.compile(r"(.)(?:\.bbox\.json|\.json|\.csv)$", flags=re.IGNORECASE)
AREAS = {
    "APs": "smaller than 32 x 32 px",
    "APm": "from 32 x 32 to 96 x 96 px",
    "APl": "larger than 96 x 96 px",
}
#: With boxes on fewer images than this, a class's interval says little: the resamples repeat the same few.
FEW_IMAGES = 10
#: Detectors write their detections from scores of 0.05 at most, usually of 0.001.
HIGH_LOWEST_SCORE = 0.05
#: Below this nearly every detection is wrong, as with those of other images.
HARDLY_ANY = 0.01


@dataclass(frozen=True)
class FileEvaluation:
    """How good one file's detections are.

    Attributes:
        path: The file, as given.
        name: What tells it from the other files, for tables.
        detections: Boxes in it.
        scores: The contest's and COCO's numbers.
        interval: 95% bootstrap interval of mAP50; None without a bootstrap.
        class_intervals: The same of each class's AP50; None also for classes without ground truth.
        difference: Of its mAP50 to the first file's; None for the first file.
        notes: What a reader must know about the file beside the numbers.
    """

    path: str
    name: str
    detections: int
    scores: Scores
    interval: Interval | None
    class_intervals: tuple[Interval | None, ...]
    difference: Difference | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Evaluation:
    """Several files on the same images.

    Attributes:
        annotations: Path of the annotation file.
        images: Images in it.
        ground_truths: Boxes to be found.
        replicates: Resamples of the bootstrap; 0 for none.
        seed: Of the bootstrap.
        files: In the order given; the first is what the others are compared with.
        notes: What a reader must know about the annotation file and all numbers.
    """

    annotations: str
    images: int
    ground_truths: int
    replicates: int
    seed: int
    files: tuple[FileEvaluation, ...]
    notes: tuple[str, ...]


def evaluate(
    ann_file: str | os.PathLike[str],
    pred_files: Sequence[str | os.PathLike[str]],
    replicates: int = 1000,
    seed: int = 0,
) -> Evaluation:
    """Score predictions files against an annotation file.

    Args:
        ann_file: COCO annotation file with the ground truth.
        pred_files: COCO results or submissions on all its images, at least one.
        replicates: Resamples of the images for the intervals, the same for all files; 0 for no intervals.
        seed: Of the resamples.

    Raises:
        InputError: Files that can't be read or don't belong together, no boxes to be found, a file given
            twice, or options out of range; the problems of all predictions files together.
    """
    _check_options(pred_files, replicates, seed)
    annotations = read_annotations(ann_file)
    truth = Truth.of(annotations)
    if truth.is_crowd.all():
        what = "has no boxes to be found, so there is nothing to score against"
        raise InputError(Problem(str(ann_file), what, "give the file with the ground truth, such as train.json"))
    weights = resamples(len(truth.image_ids), replicates, seed)
    scored: list[_Scored] = []
    problems: list[Problem] = []
    for path in track(pred_files, "scoring"):
        try:
            results = read_predictions(path, annotations)
        except InputError as error:
            problems += error.problems
        else:
            scored.append(_score(truth, results, weights))
    if problems:
        raise InputError(problems)
    files = _compare(pred_files, scored)
    first = files[0].scores
    ground_truths = sum(entry.ground_truths for entry in first.classes)
    notes = truth_notes(truth, first, replicates)
    return Evaluation(str(ann_file), len(truth.image_ids), ground_truths, replicates, seed, files, notes)


def _check_options(pred_files: Sequence[str | os.PathLike[str]], replicates: int, seed: int) -> None:
    problems = []
    if replicates != 0 and replicates < LEAST_REPLICATES:
        remedy = f"give at least {LEAST_REPLICATES}, or 0 for no intervals"
        problems.append(Problem("--bootstrap", f"{replicates} resamples don't make an interval", remedy))
    if seed < 0:
        problems.append(Problem("--seed", f"is {seed}", "give 0 or a positive whole number"))
    seen: set[Path] = set()
    for path in pred_files:
        resolved = Path(path).resolve()
        if resolved in seen:
            problems.append(Problem(str(path), "is given twice", "give each predictions file once"))
        seen.add(resolved)
    if problems:
        raise InputError(problems)


@dataclass(frozen=True)
class _Scored:
    """One file's numbers: the scores, and each class's AP50 in each resample, shape ``(R, C)``."""

    scores: Scores
    detections: int
    aps: FloatArray
    notes: tuple[str, ...]


def _score(truth: Truth, results: Results, weights: npt.NDArray[np.int32]) -> _Scored:
    matches = match(truth, results)
    ranking = rank(matches)
    scores = score(matches, ranking)
    return _Scored(scores, len(results), class_aps(ranking, weights), file_notes(matches, scores))


def _compare(pred_files: Sequence[str | os.PathLike[str]], scored: Sequence[_Scored]) -> tuple[FileEvaluation, ...]:
    first = scored[0]
    files = []
    for path, name, file in zip(pred_files, short_names(pred_files), scored, strict=True):
        values = mean_ap(file.aps)
        difference = None
        if file is not first:
            map50s = (file.scores.map50 or 0.0, first.scores.map50 or 0.0)
            difference = paired_difference(*map50s, values, mean_ap(first.aps))
        class_intervals = tuple(interval(of_class) for of_class in file.aps.T)
        columns = (file.detections, file.scores, interval(values), class_intervals, difference, file.notes)
        files.append(FileEvaluation(str(path), name, *columns))
    return tuple(files)


def short_names(paths: Sequence[str | os.PathLike[str]]) -> list[str]:
    """Name files by the parts of their paths that differ, without common folders and endings.

    >>> short_names(["runs/atss/oof.bbox.json", "runs/dino/oof.bbox.json"])
    ['atss', 'dino']
    >>> short_names(["runs/atss/a.bbox.json"])
    ['a']
    """
    whole = [Path(os.path.abspath(path)) for path in paths]  # "." has a name of its own
    # A file may have no name before its ending: then it keeps that.
    shortened = [path.with_name(ENDING.sub(r"\1", path.name)) for path in whole]
    if len(set(shortened)) < len(paths):
        shortened = whole
    parts = [path.parts for path in shortened]
    if len(parts) == 1:
        return [parts[0][-1]]
    most = min(map(len, parts)) - 1
    before = _common(parts, most)
    after = _common([names[::-1] for names in parts], most - before)
    return ["/".join(names[before : len(names) - after]) for names in parts]


def _common(parts: Sequence[Sequence[str]], most: int) -> int:
    """Count the leading parts that all paths share, at most ``most``."""
    count = 0
    while count < most and len({names[count] for names in parts}) == 1:
        count += 1
    return count


def truth_notes(truth: Truth, scores: Scores, replicates: int) -> tuple[str, ...]:
    """Explain the numbers that the annotation file leaves undefined or uncertain.

    Args:
        truth: The annotation file.
        scores: Of any predictions on it.
        replicates: Resamples of the bootstrap; 0 for none.
    """
    notes = []
    if scores.left_out:
        notes.append(f"no ground truth, so no AP and no part in any mean: {', '.join(scores.left_out)}")
    for name, area in AREAS.items():
        if scores.coco[name] is None:
            notes.append(f"{name}: not defined, no box to be found is {area} in area")
    crowds = int(truth.is_crowd.sum())
    if crowds:
        regions = "1 crowd region" if crowds == 1 else f"{crowds:,} crowd regions"
        notes.append(f"{regions}: detections there are neither right nor wrong")
    if replicates:
        to_find = [~truth.is_crowd & (truth.class_rows == label) for label in range(len(truth.category_ids))]
        images = [len(np.unique(truth.image_rows[of_class])) for of_class in to_find]
        few = [
            f"{name} ({count} image{'s' * (count > 1)})"
            for name, count in zip(truth.class_names, images, strict=True)
            if 0 < count < FEW_IMAGES
        ]
        if few:
            what = "too few images for an interval to say much; a resample without the class leaves it out"
            notes.append(f"{what}: {', '.join(few)}")
    return tuple(notes)


def file_notes(matches: Matches, scores: Scores) -> tuple[str, ...]:
    """Explain what about one file's detections explains its scores.

    Args:
        matches: The file's detections, matched.
        scores: Theirs.
    """
    results = matches.results
    if len(results) == 0:
        return ("holds no detections: every score is 0",)
    notes = []
    if scores.map50 is not None and scores.map50 < HARDLY_ANY:
        notes.append("hardly a detection is right: are these of the annotation file's images?")
    images = len(matches.truth.image_ids)
    without = images - len(np.unique(matches.image_rows))
    if without:
        notes.append(f"no detections on {without:,} of {images:,} images: their boxes count as missed")
    notes += note_on_outside(results, matches.truth.annotations)
    lowest = float(results.scores.min())
    if lowest > HIGH_LOWEST_SCORE:
        notes.append(f"no score below {lowest:.3g}: mAP falls where detections are cut off by score, however low")
    absent = [entry.name for entry in scores.classes if entry.ground_truths and not entry.detections]
    if absent:
        notes.append(f"no detections of {counted(absent, limit=10)}: their AP50 is 0")
    return tuple(notes)
