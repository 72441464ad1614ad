"""Charts of scores: which classes are mixed up, precision against recall, and what cutting predictions costs."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from sortline.arrays import FloatArray, IntArray
from sortline.files import atomic_write
from sortline.predictions.error_analysis import Confusion
from sortline.predictions.score import RECALLS, PrCurve, mean_precisions
from sortline.predictions.threshold_sweep import Cut, Sweep, change_text, cut_name
from sortline.reports.theme import (
    GRID,
    INK,
    MUTED,
    TEST,
    TRAIN,
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


def write_sweep_chart(path: str | os.PathLike[str], sweep: Sweep) -> None:
    """Draw mAP50 and file size over both kinds of cut of a sweep, the recommended ones marked, as PNG."""
    columns = [("score threshold", sweep.by_score, sweep.score_thr)]
    if sweep.by_number:
        columns.append(("boxes an image, at most", sweep.by_number, sweep.max_boxes))
    with with_style():
        figure = new_figure(4.2)
        panels = figure.subplots(2, len(columns), sharex="col", sharey="row", squeeze=False)
        for (name, cuts, chosen), (upper, lower) in zip(columns, panels.T, strict=True):
            values = [cut.score_thr or cut.max_boxes or 0 for cut in cuts]
            upper.plot(values, [cut.map50 for cut in cuts], color=TRAIN, marker="o", markersize=3)
            lower.plot(values, [cut.file_size / 1e6 for cut in cuts], color=TEST, marker="o", markersize=3)
            upper.axhline(sweep.full.map50, color=TRAIN, linewidth=1, linestyle=(0, (1, 2)))
            lower.axhline(sweep.full.file_size / 1e6, color=TEST, linewidth=1, linestyle=(0, (1, 2)))
            lower.set_xlabel(name)
            _dress(upper, lower, values, chosen)
        panels[0, 0].set_title("mAP50 (dotted: all boxes)")
        panels[1, 0].set_title("submission, MB (dotted: all boxes)")
        panels[1, 0].set_ylim(bottom=0)
        chart = render("thresholds", "Lines: mAP50 and file size over score threshold and boxes an image", figure)
    with atomic_write(path, "wb") as file:
        file.write(chart.png)


def _dress(upper: Axes, lower: Axes, values: Sequence[float], chosen: Cut | None) -> None:
    """Set a column's axis, grid and mark."""
    lower.set_xscale("log")
    if min(values, default=0) >= 1:  # limits on boxes lie within two decades, where a log axis names few ticks
        lower.set_xticks(values)
        lower.xaxis.set_minor_locator(NullLocator())
    lower.xaxis.set_major_formatter("{x:g}")
    for axes in (upper, lower):
        axes.grid(axis="y")
    if chosen is None:
        return
    value = chosen.score_thr or chosen.max_boxes or 0
    for axes in (upper, lower):
        axes.axvline(value, color=INK, linewidth=1, linestyle=(0, (4, 3)))
    start, end = upper.get_xlim()
    is_left = math.log(value / start) < 0.4 * math.log(end / start)
    upper.annotate(
        f"{cut_name(chosen)}: {change_text(chosen)}",
        (value, 0.06),
        (4 if is_left else -4, 0),
        ("data", "axes fraction"),
        textcoords="offset points",
        horizontalalignment="left" if is_left else "right",
        fontsize=8,
    )
