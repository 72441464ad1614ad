"""What a run's page says of its validation: scores with intervals, curves, confusions, photos."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sortline.arrays import FloatArray
from sortline.data.annotations import category_names
from sortline.data.describe.sheets import Sheet, Tile
from sortline.data.drawing import boxes_by_image, true_boxes
from sortline.data.photos import read_photo
from sortline.errors import InputError
from sortline.predictions.bootstrap import Interval, interval, resamples
from sortline.predictions.box_scores import box_score
from sortline.predictions.class_thresholds import above_cuts, class_cuts
from sortline.predictions.draw_results import photo_row
from sortline.predictions.error_analysis import BACKGROUND, Confusion, choose_photos, confusion, count_by_photo
from sortline.predictions.matching import Matches
from sortline.predictions.ranking import class_aps, mean_ap, number_or_none, rank
from sortline.predictions.score import Scores, pr_curves, score
from sortline.predictions.score_charts import draw_confusion, draw_pr_curves
from sortline.reports.theme import Chart
from sortline.runs.card.card_charts import draw_class_aps
from sortline.runs.comparison.compared_runs import photos_of
from sortline.runs.named_score import Score
from sortline.runs.validated import finished_record, read_validated

#: Of the bootstrap.
REPLICATES = 1000
#: Commonest errors that are told.
WORST = 5
#: Photos of each group, and the longer side of each of the two drawings, in pixels: all together about half a MB.
COUNT, CELL = 4, 340
TITLES = {"worst": "Worst", "best": "Best", "random": "At random"}


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


def photo_sheets(matches: Matches, cuts: FloatArray, image_root: Path) -> list[Sheet]:
    """Draw the chosen photos, a sheet a group.

    Args:
        matches: The run's detections, matched.
        cuts: Score threshold of each class, shape ``(C,)``.
        image_root: Folder that ``file_name`` starts from.

    Raises:
        InputError: A photo is absent or unreadable.
    """
    annotations, counts = matches.truth.annotations, count_by_photo(matches, cuts)
    chosen = choose_photos(annotations, counts, COUNT)
    kept = matches.results.take(above_cuts(matches, cuts))
    found = boxes_by_image(annotations, kept.image_ids, kept.category_ids, kept.bboxes_xywh, kept.scores)
    truth, classes = true_boxes(annotations), category_names(annotations)
    rows = {image["file_name"]: row for row, image in enumerate(annotations["images"])}
    sheets = []
    for group, names in chosen.groups().items():
        tiles = []
        for name in names:
            row, image = rows[name], annotations["images"][rows[name]]
            panels = [("ground truth", truth[image["id"]]), ("predictions", found[image["id"]])]
            picture = photo_row(read_photo(image_root, image), panels, classes, CELL)
            caption = f"{counts.right[row]} right, {counts.wrong[row]} wrong, {counts.missed[row]} missed"
            tiles.append(Tile(np.asarray(picture), name, caption))
        sheets.append(Sheet(TITLES[group], None, tiles))
    return sheets


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
