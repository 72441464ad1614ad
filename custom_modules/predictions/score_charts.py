"""Charts of scores: which classes are mixed up, and precision against recall."""

from __future__ import annotations

from collections.abc import Sequence

from custom_modules.coco.describe.theme import (
    GRID,
    HEAT,
    INK,
    MUTED,
    WIDTH,
    Chart,
    colours,
    new_figure,
    render,
    short,
    with_style,
)
from custom_modules.predictions.confusion import Confusion
from custom_modules.predictions.pr_curves import RECALLS, PrCurve, mean_precisions

#: Matrices of more classes are drawn without numbers.
MOST_NUMBERED = 24
#: Curves of more classes are drawn without names.
MOST_NAMED = 20


def draw_confusion(confusion: Confusion) -> Chart:
    """Draw a confusion matrix: colour for the share of the true class, numbers for boxes."""
    names, size = [short(name, 18) for name in confusion.labels], 8 if len(confusion.labels) <= MOST_NUMBERED else 6
    shares = confusion.shares
    with with_style():
        figure = new_figure(min(9.0, 2.0 + 0.36 * len(names)))
        axes = figure.subplots()
        axes.imshow(shares, cmap=HEAT, vmin=0, vmax=1, aspect="auto")
        axes.set_xticks(range(len(names)), names, rotation=40, ha="right", rotation_mode="anchor", fontsize=size)
        axes.set_yticks(range(len(names)), names, fontsize=size)
        axes.set_xlabel("predicted")
        axes.set_ylabel("true")
        axes.tick_params(colors=INK)
        axes.spines[:].set_color(GRID)
        for row, counts in enumerate(confusion.counts.tolist() if len(names) <= MOST_NUMBERED else ()):
            for column, count in enumerate(counts):
                ink = "#ffffff" if shares[row, column] > 0.6 else INK
                axes.text(column, row, f"{count:,}" if count else "", ha="center", va="center", fontsize=7, color=ink)
        return render("confusion", "Matrix: boxes of the row's class that were taken for the column's", figure)


def draw_pr_curves(curves: Sequence[PrCurve]) -> Chart:
    """Draw the classes' precision-recall curves and their mean.

    Args:
        curves: At least one.
    """
    named = len(curves) <= MOST_NAMED
    with with_style():
        figure = new_figure(4.4, WIDTH)
        axes = figure.subplots()
        for curve, colour in zip(curves, colours(list(range(len(curves)))), strict=True):
            label = f"{short(curve.name)} {curve.ap50:.2f}" if named else None
            axes.plot(RECALLS, curve.precisions, color=colour, linewidth=1, label=label)
        mean_ap = sum(curve.ap50 for curve in curves) / len(curves)
        axes.plot(RECALLS, mean_precisions(curves), color=INK, linewidth=2.2, label=f"mean {mean_ap:.2f}")
        axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="recall", ylabel="precision at IoU 0.5")
        axes.grid(color=GRID, linewidth=0.6)
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, labelcolor=MUTED)
        return render("pr_curves", "Curves: precision against recall of each class and their mean", figure)
