"""The charts: of the boxes, of the photos, and of train beside test."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from sortline.arrays import FloatArray, IntArray
from sortline.data.describe import statistics as numbers
from sortline.data.describe.split_differences import Difference
from sortline.data.describe.statistics import BoxTable, image_sizes
from sortline.reports.theme import (
    GRID,
    HEAT,
    INK,
    MUTED,
    SIZE_COLOURS,
    TEST,
    TRAIN,
    WIDTH,
    Chart,
    category_axis,
    colours,
    heat_matrix,
    new_figure,
    render,
    row_height,
    short,
    with_style,
)

#: More rows than this make a chart nobody reads to its end; the rest is in statistics.json.
MOST_ROWS = 100
#: The same for matrices and for small heat maps.
MOST_PANELS = 40
#: Up to this many classes a matrix has room for numbers.
MOST_NUMBERED = 14
CELLS = 40
#: On a class's colour or a size's, whether the page is light or dark.
ON_COLOUR = "#14181d"
#: Bars of the histogram of boxes an image; the last holds all images with more.
MOST_BARS = 40


def draw_class_counts(table: BoxTable) -> Chart:
    """Draw boxes and images of each class as bars."""
    shown = numbers.class_order(table, MOST_ROWS)
    boxes = numbers.boxes_per_class(table)[shown]
    images = numbers.class_presence(table).sum(axis=0)[shown]
    with with_style():
        figure = new_figure(row_height(len(shown)))
        left, right = figure.subplots(1, 2, sharey=True)
        for axes, counts, title in ((left, boxes, "boxes"), (right, images, "images with the class")):
            bars = axes.barh(range(len(shown)), counts, color=colours(shown), height=0.72)
            for text in axes.bar_label(bars, fmt="{:,.0f}", padding=4, fontsize=8):
                text.set_in_layout(False)  # the axis leaves room for it; measuring hundreds takes seconds
            axes.set_title(title)
            axes.set_xlim(0, max(counts.max(), 1) * 1.16)
            axes.xaxis.set_visible(False)
            axes.spines["bottom"].set_visible(False)
        category_axis(left, [table.classes[label] for label in shown])
        return render("class_counts", "Bars: boxes and images of each class, the commonest first", figure)


def draw_boxes_per_image(table: BoxTable) -> Chart:
    """Draw how many images hold how many boxes."""
    counts = numbers.boxes_per_image(table)
    last = min(int(counts.max()), MOST_BARS)
    images = np.bincount(np.minimum(counts, last), minlength=last + 1)
    median = float(np.median(counts))
    with with_style():
        figure = new_figure(2.6)
        axes = figure.subplots()
        axes.bar(range(last + 1), images, width=0.82, color=TRAIN)
        axes.axvline(median, color=INK, linewidth=1, linestyle=(0, (4, 3)))
        axes.annotate(f"median {median:g}", (median, 1), (5, -8), ("data", "axes fraction"), textcoords="offset points")
        axes.grid(axis="y")
        axes.set_xlabel("boxes in the image")
        axes.set_ylabel("images")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=12))
        if last < counts.max():
            axes.xaxis.set_major_formatter(lambda count, _: f"{count:.0f}" + "+" * (round(count) == last))
        axes.set_xlim(-0.7, last + 0.7)
        axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
        axes.tick_params(axis="y", colors=MUTED)
        return render("boxes_per_image", "Histogram: images by the number of their boxes", figure)


def draw_size_groups(table: BoxTable) -> Chart:
    """Draw each class's shares of small, medium and large boxes as stacked bars, all classes together on top."""
    shown = [label for label in numbers.class_order(table, MOST_ROWS) if (table.labels == label).any()]
    by_class = numbers.size_counts(table)
    counts = np.vstack([by_class.sum(axis=0), by_class[shown]])
    shares = counts / counts.sum(axis=1, keepdims=True)
    with with_style():
        figure = new_figure(row_height(len(shown) + 1) + 0.15)
        axes = figure.subplots()
        starts = np.zeros(len(shares))
        for group, (name, colour) in enumerate(zip(numbers.SIZE_NAMES, SIZE_COLOURS, strict=True)):
            axes.barh(range(len(shares)), shares[:, group], left=starts, color=colour, height=0.72, label=name)
            for row in np.flatnonzero(shares[:, group] >= 0.05).tolist():
                middle = starts[row] + shares[row, group] / 2
                text = axes.text(middle, row, f"{shares[row, group]:.0%}", ha="center", va="center", fontsize=8)
                text.set(color=ON_COLOUR, in_layout=False)
            starts += shares[:, group]
        category_axis(axes, ["all classes", *(table.classes[label] for label in shown)])
        axes.get_yticklabels()[0].set_fontweight("bold")
        axes.set_xlim(0, 1)
        axes.xaxis.set_visible(False)
        axes.spines["bottom"].set_visible(False)
        figure.legend(loc="outside upper left", ncols=3, frameon=False, handlelength=1, handleheight=1)
        return render("size_groups", "Stacked bars: shares of small, medium and large boxes of each class", figure)


def draw_sizes(table: BoxTable) -> Chart:
    """Draw the spread of each class's box sizes, with COCO's limits."""
    values = numbers.quantiles_by_class(table.sides, table.labels, len(table.classes))
    spread = Spread(
        "sizes",
        "side of a square as large as the box (px)",
        marks={math.sqrt(numbers.SIZE_LIMITS[0]): "small below", math.sqrt(numbers.SIZE_LIMITS[1]): "large above"},
        ticks=(4, 8, 16, 32, 64, 96, 128, 256, 512, 1024, 2048),
        tick_text=lambda value, _: f"{value:,.0f}",
    )
    return _draw_spread(table, values, spread)


def draw_aspects(table: BoxTable) -> Chart:
    """Draw the spread of each class's box shapes."""
    values = numbers.quantiles_by_class(table.aspects, table.labels, len(table.classes))
    spread = Spread(
        "aspects",
        "width : height of the box",
        marks={1.0: "square"},
        ticks=(1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8, 16),
        tick_text=lambda value, _: f"{value:g}:1" if value >= 1 else f"1:{1 / value:g}",
    )
    return _draw_spread(table, values, spread)


@dataclass(frozen=True)
class Spread:
    """The axis of a chart of ranges.

    Attributes:
        name: Of the chart.
        label: What the axis measures.
        marks: What to write at the dashed lines, by their values.
        ticks: Values to label, those that fit.
        tick_text: Writes a value.
    """

    name: str
    label: str
    marks: dict[float, str]
    ticks: tuple[float, ...]
    tick_text: Callable[[float, int], str]


def _draw_spread(table: BoxTable, quantiles: FloatArray, spread: Spread) -> Chart:
    """Draw the quantiles of each class on a logarithmic axis: a thin line, a thick one within, a dot for the median."""
    shown = [label for label in numbers.class_order(table, MOST_ROWS) if np.isfinite(quantiles[label, 0])]
    values, rows, paint = quantiles[shown], np.arange(len(shown)), colours(shown)
    with with_style():
        figure = new_figure(row_height(len(shown)) + 0.25)
        axes = figure.subplots()
        axes.set_xscale("log", base=2)
        axes.grid(axis="x")
        axes.hlines(rows, values[:, 0], values[:, 4], colors=paint, linewidth=1.4)
        axes.hlines(rows, values[:, 1], values[:, 3], colors=paint, linewidth=8 if len(shown) <= 30 else 6)
        axes.scatter(values[:, 2], rows, s=22, color="#ffffff", edgecolors=ON_COLOUR, linewidths=1.2, zorder=3)
        category_axis(axes, [table.classes[label] for label in shown])
        low, high = min(values.min(), *spread.marks) / 1.15, max(values.max(), *spread.marks) * 1.15
        for value, text in spread.marks.items():
            axes.axvline(value, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
            place = (value, 1.0), (0, 3), ("data", "axes fraction")
            axes.annotate(text, *place, textcoords="offset points", ha="center", fontsize=8, color=MUTED)
        axes.set_xlim(low, high)
        axes.set_xticks([tick for tick in spread.ticks if low <= tick <= high])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(spread.tick_text))
        axes.set_xlabel(spread.label)
        alt = f"Ranges a class of the {spread.label}; 5, 25, 50, 75 and 95 of 100 boxes lie below"
        return render(spread.name, alt, figure)


def draw_places(table: BoxTable) -> Chart:
    """Draw where all boxes lie: their centres, and what they cover."""
    boxes = table.boxes_xyxyn
    centres, covered = numbers.centre_density(boxes, CELLS // 2), numbers.coverage(boxes, CELLS)
    with with_style():
        figure = new_figure(3.6)
        left, right = figure.subplots(1, 2)
        _heat(left, centres, f"centres (at most {centres.max():.1%} of boxes in a cell)")
        _heat(right, covered, f"area covered (at most by {covered.max():.0%} of boxes)")
        return render("places", "Heat maps of box centres and of the area that boxes cover", figure)


def draw_places_by_class(table: BoxTable) -> Chart:
    """Draw the area that the boxes of each class cover, one small map a class."""
    shown = [label for label in numbers.class_order(table, MOST_PANELS) if (table.labels == label).any()]
    boxes = table.boxes_xyxyn
    columns = 5 if len(shown) <= 20 else 8
    lines = -(-len(shown) // columns)
    with with_style():
        figure = new_figure(lines * (WIDTH / columns + 0.1))
        panels = figure.subplots(lines, columns, squeeze=False).ravel()
        limit = 17 if columns <= 5 else 10
        for axes, label in zip(panels, shown, strict=False):
            _heat(axes, numbers.coverage(boxes[table.labels == label], CELLS), short(table.classes[label], limit))
            axes.title.set_fontsize(8.5 if columns <= 5 else 7.5)
        for axes in panels[len(shown) :]:
            axes.set_visible(False)
        return render("places_by_class", "Small heat maps: the area that the boxes of each class cover", figure)


def _heat(axes: Axes, values: FloatArray, title: str) -> None:
    axes.imshow(values, cmap=HEAT, vmin=0, vmax=max(values.max(), 1e-9), interpolation="nearest", aspect="equal")
    axes.set_title(title)
    axes.xaxis.set_visible(False)
    axes.yaxis.set_visible(False)
    for spine in axes.spines.values():
        spine.set(visible=True, color=GRID)


def draw_co_occurrence(table: BoxTable) -> Chart:
    """Draw, for each class, the share of its images that hold each other class."""
    shown = numbers.class_order(table, MOST_PANELS)
    pairs = numbers.co_occurrence(numbers.class_presence(table))[np.ix_(shown, shown)]
    shares = numbers.conditional_shares(pairs)
    names = [short(table.classes[label], 18) for label in shown]
    others = shares.copy()
    np.fill_diagonal(others, 0)
    with with_style():
        figure = new_figure(min(7.2, 2.2 + 0.44 * len(shown)))
        axes = figure.subplots()
        heat_matrix(axes, others, names, names, max(others.max(), 0.1))
        if len(shown) <= MOST_NUMBERED:
            _write_pairs(axes, pairs, shares)
        return render(
            "co_occurrence", "Matrix: of the images with the row's class, the share with the column's", figure
        )


def _write_pairs(axes: Axes, pairs: IntArray, shares: FloatArray) -> None:
    """Write shares and image counts into the cells; on the diagonal, the images with the class."""
    strongest = max(float((shares - np.diag(np.diag(shares))).max()), 0.1)
    for row in range(len(pairs)):
        for column in range(len(pairs)):
            count, share = int(pairs[row, column]), float(shares[row, column])
            if row == column:
                axes.text(column, row, f"{count:,}", ha="center", va="center", fontsize=8, color=MUTED)
            elif count:
                ink = "#ffffff" if share > 0.7 * strongest else INK
                axes.text(column, row, f"{share:.0%}", ha="center", va="bottom", fontsize=8, color=ink)
                axes.text(column, row + 0.08, f"{count:,}", ha="center", va="top", fontsize=6.5, color=ink)


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
