"""What a run's page says of its validation: scores with intervals, curves, confusions, photos."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sortline.data.describe.sheets import Sheet
from sortline.errors import InputError
from sortline.predictions.bootstrap import Interval, interval, resamples
from sortline.predictions.box_scores import box_score
from sortline.predictions.class_thresholds import class_cuts
from sortline.predictions.error_analysis import BACKGROUND, Confusion, confusion
from sortline.predictions.ranking import class_aps, mean_ap, number_or_none, rank
from sortline.predictions.score import Scores, pr_curves, score
from sortline.predictions.score_charts import draw_confusion, draw_pr_curves
from sortline.reports.theme import Chart
from sortline.runs.card.photos import photo_sheets
from sortline.runs.card.training_charts import draw_class_aps
from sortline.runs.comparison.compared_runs import photos_of
from sortline.runs.score import Score
from sortline.runs.validated import finished_record, read_validated

REPLICATES = 1000
WORST = 5


@dataclass(frozen=True)
class Validation:
    """A tested run's validation.

    Attributes:
        ann_file: The annotation file.
        scores: The contest's and COCO's numbers.
        deciding: The score that decided about the run; None if it doesn't follow from boxes.
        interval: 95% interval of it over the images.
        charts: Per class, precision over recall, confusion.
        confusions: The commonest errors, in words.
        sheets: Photos; empty where they are not at hand.
        notes: What is left out and why.
    """

    ann_file: str
    scores: Scores
    deciding: Score | None
    interval: Interval | None
    charts: dict[str, Chart]
    confusions: Sequence[str]
    sheets: Sequence[Sheet]
    notes: Sequence[str]


def read_validation(
    folder: Path,
    image_root: str | os.PathLike[str] | None = None,
    ann_dir: str | os.PathLike[str] | None = None,
) -> Validation:
    """Score a run's validation predictions and draw what they show.

    Args:
        folder: Run folder.
        image_root: Folder that ``file_name`` starts from; by default as the run knew it.
        ann_dir: Where the annotation file is now, if it has been moved since the run.

    Raises:
        InputError: The run was not tested, or its predictions or annotations are gone or changed.
    """
    record = finished_record(folder)
    read = read_validated(folder, record, ann_dir)
    matches = read.matches
    ranking = rank(matches)
    weights = resamples(len(matches.truth.image_ids), REPLICATES, seed=0)
    aps = class_aps(ranking, weights)
    scores = score(matches, ranking)
    cuts = class_cuts(matches)
    matrix = confusion(matches, cuts)
    drawn = [draw_class_aps(scores.classes, [interval(of_class) for of_class in aps.T])]
    curves = pr_curves(matches)
    if curves:
        drawn.append(draw_pr_curves(curves))
    drawn.append(draw_confusion(matrix))
    sheets, notes = [], []
    root = image_root if image_root is not None else photos_of(record)
    try:
        sheets = photo_sheets(matches, cuts, Path(root or ""))
    except InputError as error:
        notes.append(f"The photos are not at hand: {error.problems[0].where}: {error.problems[0].what}.")
    by_name = {chart.name: chart for chart in drawn}
    kind = box_score(record.deciding_name)
    class_scores = kind.of(matches) if kind else None
    value = number_or_none(float(mean_ap(class_scores())[0])) if class_scores else None
    deciding = Score(record.deciding_name, value) if value is not None else None
    bounds = interval(mean_ap(class_scores(weights))) if class_scores else None
    return Validation(str(read.ann_file), scores, deciding, bounds, by_name, tell_confusions(matrix), sheets, notes)


def tell_confusions(matrix: Confusion) -> list[str]:
    """Say in words what goes wrong most often, at most five lines.

    >>> tell_confusions(Confusion(("Paper", "Glass"), np.array([[9, 3, 4], [0, 9, 0], [0, 2, 0]])))
    ['Paper missed: 4', 'Paper taken for Glass: 3', 'Glass found where nothing is: 2']
    """
    told = []
    for truth, found, boxes in matrix.worst(WORST):
        if not boxes:
            break
        what = f"{truth} missed" if found == BACKGROUND else f"{truth} taken for {found}"
        told.append(f"{found} found where nothing is: {boxes:,}" if truth == BACKGROUND else f"{what}: {boxes:,}")
    return told
