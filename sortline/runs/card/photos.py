"""A run's worst, best and random validation photos, ground truth beside predictions, small enough for a page."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sortline.arrays import FloatArray
from sortline.data.annotations import category_names
from sortline.data.describe.sheets import Sheet, Tile
from sortline.data.drawing import boxes_by_image, true_boxes
from sortline.data.photos import read_photo
from sortline.predictions.class_thresholds import above_cuts
from sortline.predictions.draw_results import photo_row
from sortline.predictions.error_analysis import choose_photos, count_by_photo
from sortline.predictions.matching import Matches

#: Photos of each group, and the longer side of each of the two drawings, in pixels: all together about half a MB.
COUNT, CELL = 4, 340
TITLES = {"worst": "Worst", "best": "Best", "random": "At random"}


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
