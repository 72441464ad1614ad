"""How pseudo labels came about, as a table for a terminal and notes below it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from rich.console import Console

from sortline.predictions.class_thresholds import LEAST_BOXES, LabelThreshold, fewest_boxes
from sortline.predictions.pseudo_labelling.labelling import LabellingSettings, PseudoLabels
from sortline.reports.numbers import NOT_DEFINED, some
from sortline.reports.tables import GAP, Table

#: A step from boxes to labels is shown where it took some away.
STEPS = ("predicted", "above", "agreed", "distinct", "labels")
NAMES = {"above": "above score", "agreed": "agreed on", "distinct": "not on another", "left_open": "left open"}


def print_labelling(made: PseudoLabels, console: Console | None = None) -> None:
    """Print what became of each class's boxes.

    Args:
        made: What to print.
        console: Where to print; by default the terminal.
    """
    with_oof = any(entry.boxes is not None for entry in made.thresholds.values())
    keys = _shown_steps(made)
    estimates = ["right out of fold", "at least"] if with_oof else []
    headers = ["class", "from score", *estimates, *(NAMES.get(key, key) for key in keys)]
    rows: list[Sequence[str]] = []
    for name, threshold in made.thresholds.items():
        score = NOT_DEFINED if threshold.score_thr is None else f"{threshold.score_thr:g}"
        numbers = [f"{getattr(made.counts[name], key):,}" for key in keys]
        rows.append([name, score, *(_estimate(threshold) if with_oof else []), *numbers])
    # An image with labels of two classes is one image.
    totals = {key: sum(getattr(counts, key) for counts in made.counts.values()) for key in keys}
    totals["images"] = made.labelled_images
    rows += [GAP, ["all", "", *([""] * len(estimates)), *(f"{totals[key]:,}" for key in keys)]]
    Table(headers, rows).print(console)


def _shown_steps(made: PseudoLabels) -> list[str]:
    counts = made.counts.values()
    shown = ["predicted"]
    for before, step in pairwise(STEPS):
        if step == "labels" or any(getattr(count, step) != getattr(count, before) for count in counts):
            shown.append(step)
    return [*shown, "images", *(["left_open"] if any(count.left_open for count in counts) else [])]


def _estimate(threshold: LabelThreshold) -> list[str]:
    if threshold.precision is None or threshold.lower_bound is None:
        return ["-", "-"]
    return [f"{threshold.right:,}/{threshold.boxes:,} = {threshold.precision:.3f}", f"{threshold.lower_bound:.3f}"]


def notes(made: PseudoLabels, settings: LabellingSettings) -> list[str]:
    """Say what the table does not: which classes get nothing and why, what was kept, what training needs."""
    lines = [
        f"{name}: no labels, {_why_not(threshold, settings.precision)}"
        for name, threshold in made.thresholds.items()
        if threshold.score_thr is None
    ]
    kept = f"{made.kept_images:,} of {some(made.images, 'image')} kept"
    if made.rules.keep_empty:
        kept += f", {made.kept_images - made.labelled_images:,} without a label: training takes them for background"
    lines.append(kept)
    if settings.soft_weights:
        lines.append("weights count only with SampleBoxesByWeight in the train pipeline: see configs/pseudo")
    if made.left_open:
        regions = some(made.left_open, "region")
        lines.append(f"{regions} left open; they need CoverIgnoredBoxes in the train pipeline: see configs/pseudo")
    return lines


def _why_not(threshold: LabelThreshold, precision: float | None) -> str:
    if precision is None:
        return "no threshold is given for it"
    if not threshold.boxes or threshold.lower_bound is None:
        return "it has no boxes out of fold"
    best = f"its best cut out of fold has {threshold.right:,} of {threshold.boxes:,} right"
    if threshold.lower_bound >= precision:
        return f"{best}: at least {LEAST_BOXES} boxes are needed"
    needed = fewest_boxes(precision)
    few = (
        f"; with so few boxes it can't: {needed} right ones of {needed} are needed" if threshold.boxes < needed else ""
    )
    return f"{best}, which ensures a precision of {threshold.lower_bound:.3f}, not {precision:g}{few}"
