"""The charts of the photos and of train beside test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from sortline.arrays import FloatArray
from sortline.data.describe.split_differences import Difference
from sortline.data.describe.statistics import BoxTable, image_sizes
from sortline.reports.theme import (
    GRID,
    MUTED,
    TEST,
    TRAIN,
    Chart,
    category_axis,
    new_figure,
    render,
    row_height,
    with_style,
)

SPLIT_COLOURS = {"train": TRAIN, "test": TEST}
FEWEST_BINS = 8


def draw_image_sizes(tables: Mapping[str, BoxTable]) -> Chart:
    """Draw the sizes of the photos, a dot a size, larger where more photos have it.

    Args:
        tables: Train, and test if there is one, by those names.
    """
    with with_style():
        figure = new_figure(3.8)
        axes = figure.subplots()
        for split, table in tables.items():
            sizes, counts = zip(*image_sizes(table), strict=True)
            widths, heights = np.array(sizes).T
            area = 14 + 500 * np.array(counts) / len(table.file_names)
            paint = dict(facecolors="none", linewidths=1.8) if split == "test" else dict(alpha=0.45, linewidths=0)
            axes.scatter(widths, heights, s=area, color=SPLIT_COLOURS[split], label=split, **paint)
        axes.grid()
        axes.margins(0.12)
        axes.set_xlabel("width (px)")
        axes.set_ylabel("height (px)")
        axes.tick_params(axis="y", colors=MUTED)
        _split_legend(axes, tables)
        return render("image_sizes", "Scatter: widths and heights of the photos", figure)


def draw_photo_features(features: Mapping[str, Mapping[str, FloatArray]]) -> Chart:
    """Draw histograms of what was measured on the photos.

    Args:
        features: The measures of train, and of test if there are any, by split and name.
    """
    names = list(features["train"])
    fewest = min(len(own) for measures in features.values() for own in measures.values())
    bins = max(FEWEST_BINS, round(2 * fewest ** (1 / 3)))  # the rule of Rice: few photos, few bars
    with with_style():
        figure = new_figure(4.4)
        for axes, name in zip(figure.subplots(2, 2).ravel(), names, strict=True):
            values = [features[split][name] for split in features]
            edges = np.histogram_bin_edges(np.concatenate(values), bins)
            for split, own in zip(features, values, strict=True):
                shares = np.histogram(own, edges)[0] / len(own)
                axes.stairs(shares, edges, fill=True, alpha=0.3, color=SPLIT_COLOURS[split], linewidth=0)
                axes.stairs(shares, edges, color=SPLIT_COLOURS[split], linewidth=1.4, label=split)
            axes.set_title(name)
            axes.set_yticks([])
            axes.spines["bottom"].set_color(GRID)
            axes.xaxis.set_major_locator(MaxNLocator(nbins=6))
        _split_legend(figure.axes[0], features)
        return render(
            "photo_features", "Histograms: brightness, contrast, sharpness, colour cast of the photos", figure
        )


def draw_class_shares(differences: Sequence[Difference]) -> Chart:
    """Draw the shares of train and test images that hold each class, two dots joined by a line."""
    rows = np.arange(len(differences))
    train = np.array([item.train for item in differences])
    test = np.array([item.test for item in differences])
    with with_style():
        figure = new_figure(row_height(len(differences)) + 0.15)
        axes = figure.subplots()
        axes.grid(axis="x")
        axes.hlines(rows, train, test, colors=MUTED, linewidth=1.4)
        axes.scatter(train, rows, s=40, color=TRAIN, label="train", zorder=3)
        axes.scatter(test, rows, s=40, color=TEST, label="test", zorder=3)
        category_axis(axes, [item.feature.removeprefix("images with ") for item in differences])
        axes.set_xlim(left=0)
        axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
        axes.set_xlabel("images with the class")
        figure.legend(loc="outside upper left", ncols=2, frameon=False)
        return render("class_shares", "Dots: share of train and of test images with each class", figure)


def _split_legend(axes: Axes, splits: Mapping[str, object]) -> None:
    if len(splits) > 1:
        legend = axes.legend(frameon=False, markerscale=1)
        for handle in legend.legend_handles:
            if handle is not None and hasattr(handle, "set_sizes"):
                handle.set_sizes([40])
