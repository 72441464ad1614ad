"""The charts of a run's page: what it logged, and the AP of its classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from sortline.predictions.bootstrap import Interval
from sortline.predictions.score import ClassScore
from sortline.reports.theme import (
    INK,
    MUTED,
    TEST,
    TRAIN,
    Chart,
    category_axis,
    colours,
    new_figure,
    render_svg,
    row_height,
    with_style,
)
from sortline.runs.logged_scalars import Curves
from sortline.runs.named_score import COCO_MAP, label

#: Parts of the loss that are drawn beside their sum.
MOST_LOSSES = 6
#: Bars of more classes are left out.
MOST_CLASSES = 40


def draw_training(curves: Curves) -> Chart | None:
    """Draw loss, with its parts, and learning rate over the iterations; None if nothing was logged."""
    losses = [name for name in curves.train if "loss" in name]
    if not losses:
        return None
    losses.sort(key=lambda name: (name != "loss", name))
    with with_style():
        figure = new_figure(2.9)
        left, right = figure.subplots(1, 2, width_ratios=(1.7, 1))
        for place, name in enumerate(losses[: MOST_LOSSES + 1]):
            colour = INK if name == "loss" else f"C{place - 1}"
            _line(left, curves.train[name], name, color=colour, linewidth=1.8 if name == "loss" else 1)
        values = [value for name in losses for _, value in curves.train[name] if math.isfinite(value) and value > 0]
        if values and max(values) > 50 * min(values):
            left.set_yscale("log")
        left.set_title("loss")
        left.legend(frameon=False, fontsize=8, ncols=2)
        for name in [name for name in curves.train if name == "lr"] or [n for n in curves.train if n.endswith("lr")]:
            _line(right, curves.train[name], name, color=TEST, linewidth=1.6)
        right.set_title("learning rate")
        for axes in (left, right):
            _time_axis(axes, "iteration")
        return render_svg("training", "Lines: loss and its parts, and the learning rate, over the iterations", figure)


def draw_validation(curves: Curves, name: str, falls: bool = False, unit: str = "epoch") -> Chart | None:
    """Draw the score that decides, and losses if there are some; None where there is no course to see.

    Args:
        curves: What the run logged.
        name: Of the deciding metric.
        falls: Whether a lower score is better.
        unit: What validations are counted in.
    """
    points, best = curves.val.get(name, []), curves.best(name, falls)
    if best is None or len(points) < 2:
        return None
    losses = [name for name in curves.val if "loss" in name]
    with with_style():
        figure = new_figure(2.9)
        panels = figure.subplots(1, 2 if losses else 1, squeeze=False)[0]
        _line(panels[0], points, label(name), color=TRAIN, linewidth=2, marker="o", markersize=3.5)
        if COCO_MAP in curves.val and not falls:
            _line(panels[0], curves.val[COCO_MAP], label(COCO_MAP), color=MUTED, linewidth=1.2)
        epoch, score = best
        panels[0].plot([epoch], [score], marker="o", markersize=8, markerfacecolor="none", markeredgecolor=TEST)
        panels[0].annotate(f"{score:.4f}", (epoch, score), (0, 8), textcoords="offset points", ha="center")
        panels[0].set_title("validation score")
        if not falls:
            panels[0].set_ylim(0, min(1.0, score * 1.25 + 0.02))
        panels[0].legend(frameon=False, fontsize=8)
        for name in losses[:MOST_LOSSES]:
            _line(panels[1], curves.val[name], name, linewidth=1.4)
            panels[1].set_title("validation loss")
            panels[1].legend(frameon=False, fontsize=8)
        for axes in panels:
            _time_axis(axes, unit)
        return render_svg("validation", f"Line: validation score, best {score:.4f} at {unit} {epoch}", figure)


def _line(axes: Axes, points: Sequence[tuple[int, float]], name: str, **options: Any) -> None:
    steps, values = zip(*points, strict=True)
    if len(points) == 1:
        options = {**options, "marker": "o", "markersize": 3.5}
    axes.plot(steps, values, label=name, **options)


def _time_axis(axes: Axes, unit: str) -> None:
    axes.grid(axis="y")
    axes.set_xlabel(unit)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=7))
    axes.tick_params(axis="y", colors=MUTED)


def draw_class_aps(classes: Sequence[ClassScore], intervals: Sequence[Interval | None]) -> Chart:
    """Draw AP50 of each class as bars with their 95% intervals."""
    shown = [place for place, entry in enumerate(classes) if entry.ap50 is not None][:MOST_CLASSES]
    with with_style():
        figure = new_figure(row_height(len(shown)))
        axes = figure.subplots()
        values = [classes[place].ap50 or 0.0 for place in shown]
        axes.barh(range(len(shown)), values, color=colours(shown), height=0.7)
        for row, place in enumerate(shown):
            bounds, end = intervals[place], values[row]
            if bounds is not None:
                axes.plot([bounds.low, bounds.high], [row, row], color=INK, linewidth=1.4, solid_capstyle="butt")
                end = max(end, bounds.high)
            text = f"{values[row]:.3f}   of {classes[place].ground_truths:,}"
            axes.text(end + 0.012, row, text, va="center", fontsize=8, color=MUTED)
        category_axis(axes, [classes[place].name for place in shown])
        axes.set_xlim(0, 1.22)
        axes.set_xticks(np.linspace(0, 1, 6))
        axes.grid(axis="x")
        return render_svg(
            "class_aps", "Bars: AP50 of each class with its 95% interval and number of true boxes", figure
        )
