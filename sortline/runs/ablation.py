"""What each change of a recipe brings: rows of runs, several seeds each, compared on the same images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sortline.arrays import FloatArray
from sortline.data.annotations import CocoJson
from sortline.errors import InputError, Problem
from sortline.predictions.bootstrap import (
    Difference,
    Interval,
    draw_parts,
    interval,
    paired_difference,
    resamples,
)
from sortline.predictions.box_scores import MEAN_AP50, BoxScore
from sortline.predictions.matching import Truth, match
from sortline.predictions.ranking import mean_ap
from sortline.predictions.read import read_predictions
from sortline.reports.numbers import interval_text
from sortline.reports.tables import Table
from sortline.runs.named_score import label

HEADERS = ("", "{} of each seed", "mean", "95% interval", "gain on the row above", "95% interval of it")


@dataclass(frozen=True)
class AblationRow:
    """One row of an ablation: a setting, trained with several seeds.

    Attributes:
        label: What the row is called.
        scores: The score of each seed's run, from 0 to 1.
        interval: 95% interval of their mean.
        gain: Of the mean on the row above; None for the first row.
    """

    label: str
    scores: tuple[float, ...]
    interval: Interval | None
    gain: Difference | None

    @property
    def mean(self) -> float:
        """Mean over the seeds."""
        return float(np.mean(self.scores))


def score_rows(
    annotations: CocoJson,
    predictions: Sequence[tuple[str, Sequence[Path]]],
    score: BoxScore = MEAN_AP50,
    replicates: int = 1000,
    seed: int = 0,
) -> list[AblationRow]:
    """Score each row's predictions; intervals speak of both the choice of images and that of the seeds.

    Each resample draws images with replacement, the same ones for all rows, and for each row as many of its seeds,
    with replacement as well: a gain that depends on a lucky seed gets a wide interval. With two or three seeds this
    is a rough measure of what further seeds would give, and rather too narrow.

    Args:
        annotations: Ground truth of the images that were predicted.
        predictions: Label and files of each row, a file a seed.
        score: What all are scored by.
        replicates: Number of resamples.
        seed: Of the resamples.

    Raises:
        InputError: A file can't be read or is of other images; the file holds no boxes to be found.
    """
    truth = Truth.of(annotations)
    if truth.is_crowd.all():
        what, remedy = "has no boxes to be found, so there is nothing to score against", "name a file with ground truth"
        raise InputError(Problem("--ann", what, remedy))
    weights = resamples(len(truth.image_ids), replicates, seed)
    rng = np.random.default_rng(seed)
    rows: list[AblationRow] = []
    above: FloatArray | None = None
    for row_label, files in predictions:
        class_aps = [score.of(match(truth, read_predictions(path, annotations))) for path in files]
        scores = tuple(float(mean_ap(of_file())[0]) for of_file in class_aps)
        draws = draw_parts(len(scores), replicates, rng, same_images=True)
        values = draws.mean(np.stack([mean_ap(of_file(weights)) for of_file in class_aps]))
        gain = None
        if above is not None:
            gain = paired_difference(float(np.mean(scores)), rows[-1].mean, values, above)
        rows.append(AblationRow(row_label, scores, interval(values), gain))
        above = values
    return rows


def cells(row: AblationRow) -> tuple[str, ...]:
    """Format a row for a table, in the order of ``HEADERS``."""
    scores = ", ".join(f"{score:.3f}" for score in row.scores)
    plain = (row.label, scores, f"{row.mean:.3f}", interval_text(row.interval, ".3f"))
    if row.gain is None:
        return (*plain, "", "")
    return (*plain, f"{row.gain.value:+.3f}", interval_text(row.gain.interval, "+.3f"))


def table(rows: Sequence[AblationRow], score: BoxScore = MEAN_AP50) -> Table:
    """Lay the rows out as a table."""
    return Table([header.format(label(score.name)) for header in HEADERS], [cells(row) for row in rows])
