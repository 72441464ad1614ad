"""Charts of scores: which classes are mixed up, and precision against recall."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from sortline.arrays import FloatArray, IntArray
from sortline.predictions.error_analysis import Confusion
from sortline.predictions.score import RECALLS, PrCurve, mean_precisions
from sortline.reports.theme import (
    GRID,
    INK,
    MUTED,
    Chart,
    colours,
    heat_matrix,
    new_figure,
    render,
    render_svg,
    short,
    with_style,
)

#: A matrix shows so many classes, the first ones.
MOST_CLASSES = 40
#: Up to this many rows it has room for numbers, and curves for their names.
MOST_NUMBERED = 20


def draw_confusion(confusion: Confusion, with_png: bool = False) -> Chart:
    """Draw shares of each true class by predicted class, the background last; its own row in counts of boxes.

    Args:
        confusion: The matrix.
        with_png: Draw the PNG too.
    """
    keep = [*range(min(len(confusion.names), MOST_CLASSES)), len(confusion.names)]
    names = [short(confusion.labels[place], 18) for place in keep]
    counts, shares = confusion.counts[np.ix_(keep, keep)], confusion.shares[np.ix_(keep, keep)]
    with with_style():
        figure = new_figure(min(7.6, 2.2 + 0.42 * len(keep)))
        axes = figure.subplots()
        heat_matrix(axes, shares, names, names, 1.0)
        axes.set_ylabel("true class")
        if len(keep) <= MOST_NUMBERED:
            _write_counts(axes, counts, shares)
        alt = "Matrix: of the true boxes of each class, the share found as each class"
        return (render if with_png else render_svg)("confusion", alt, figure)


def _write_counts(axes: Axes, counts: IntArray, shares: FloatArray) -> None:
    for (row, column), number in np.ndenumerate(counts):
        if number:
            ink = "#ffffff" if shares[row, column] > 0.7 else INK
            axes.text(column, row, f"{number:,}", ha="center", va="center", fontsize=8, color=ink)


def draw_pr_curves(curves: Sequence[PrCurve], with_png: bool = False) -> Chart:
    """Draw precision over recall, a line for each class in its colour and a strong one for their mean.

    Args:
        curves: Of the classes with boxes to be found, at least one.
        with_png: Draw the PNG too.
    """
    with with_style():
        figure = new_figure(3.6)
        axes = figure.subplots()
        for curve, colour in zip(curves, colours([curve.label for curve in curves]), strict=True):
            name = f"{short(curve.name, 18)} {curve.ap50:.2f}"
            axes.plot(RECALLS, curve.precisions, color=colour, linewidth=1, alpha=0.8, label=name)
        mean_ap = sum(curve.ap50 for curve in curves) / len(curves)
        axes.plot(RECALLS, mean_precisions(curves), color=INK, linewidth=2.2, label=f"mean {mean_ap:.2f}")
        axes.set(xlim=(0, 1), ylim=(0, 1.03), xlabel="recall", ylabel="precision at IoU 0.5")
        axes.grid(axis="both", color=GRID)
        axes.tick_params(axis="y", colors=MUTED)
        if len(curves) <= MOST_NUMBERED:
            figure.legend(loc="outside right upper", frameon=False, fontsize=8)
        alt = "Lines: precision over recall of each class, and their mean"
        return (render if with_png else render_svg)("pr_curves", alt, figure)
