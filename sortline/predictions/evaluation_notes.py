"""What a reader of scores must know beside the numbers, in words."""

from __future__ import annotations

import numpy as np

from sortline.errors import counted
from sortline.predictions.matching import Matches, Truth
from sortline.predictions.results import note_on_outside
from sortline.predictions.score import Scores

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
