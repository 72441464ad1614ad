"""How charts look and how they become files: one palette, light and dark, SVG for the page and PNG beside it."""

from __future__ import annotations

import io
import re
import warnings
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.font_manager import get_font_names
from matplotlib.layout_engine import ConstrainedLayoutEngine

from sortline.arrays import FloatArray
from sortline.reports.palette import class_colour

PAPER, INK, MUTED, GRID = "#ffffff", "#1c1e22", "#6b7078", "#e3e5e8"
DARK = {INK: "#e8eaed", MUTED: "#9aa0a8", GRID: "#34383f"}
VARIABLES = {INK: "--ink", MUTED: "--muted", GRID: "--grid"}
TRAIN, TEST = "#2f7fb8", "#e07b39"
#: Small, medium, large: the colour that alarms for the objects that are hard to find.
SIZE_COLOURS = ("#e0873c", "#9fc6d6", "#3d8aa8")
#: From nothing to full: what lies below shows through, so that one picture suits a light and a dark page.
HEAT = LinearSegmentedColormap.from_list("heat", [(0.18, 0.50, 0.72, 0.0), (0.18, 0.50, 0.72, 1.0)])

WIDTH = 7.6
PNG_DPI = 150
#: Letters that no installed font has: the page shows them by the reader's fonts, the PNG an empty box.
NO_GLYPH = "Glyph .* missing from font"
LONGEST_NAME = 22
SVG_FONTS = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', 'Noto Sans', 'DejaVu Sans', sans-serif"
#: Asked for letters that matplotlib's own font lacks, such as Chinese, Japanese and Korean, where installed.
FALLBACK_FONTS = ("Noto Sans CJK JP", "Noto Sans CJK KR", "NanumGothic", "Malgun Gothic", "Hiragino Sans", "SimHei")


@dataclass(frozen=True)
class Chart:
    """One chart, drawn.

    Attributes:
        name: Of its file, without the ending.
        alt: What it shows, for who can't see it.
        svg: For the page; follows the reader's light or dark setting.
        png: The same, always light; empty where the page alone is wanted.
    """

    name: str
    alt: str
    svg: str
    png: bytes = b""


@lru_cache(maxsize=1)
def style() -> dict[str, Any]:
    """Return matplotlib's settings for all charts."""
    installed = set(get_font_names())
    return {
        "font.family": ["DejaVu Sans", *(name for name in FALLBACK_FONTS if name in installed)],
        "font.size": 9,
        "text.parse_math": False,  # a class name with dollar signs is no formula
        "text.color": INK,
        "axes.edgecolor": GRID,
        "axes.labelcolor": MUTED,
        "axes.titlecolor": INK,
        "axes.titlesize": 9.5,
        "axes.titlelocation": "left",
        "axes.axisbelow": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.spines.left": False,
        "grid.color": GRID,
        "grid.linewidth": 0.8,
        "xtick.color": MUTED,
        "xtick.major.size": 0,
        "xtick.minor.size": 0,
        "ytick.color": INK,
        "ytick.major.size": 0,
        "ytick.minor.size": 0,
        "svg.fonttype": "none",
        "svg.hashsalt": "sortline",  # the same data gives the same file
    }


def new_figure(height: float, width: float = WIDTH) -> Figure:
    """Make a figure, sizes in inches, that no interactive window knows of."""
    return Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(hspace=0.06, wspace=0.04))


def render(name: str, alt: str, figure: Figure) -> Chart:
    """Turn a figure into its SVG and PNG."""
    chart, raster = render_svg(name, alt, figure), io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=NO_GLYPH)
        figure.set_layout_engine("none")  # places are found; finding them again takes as long as the drawing
        figure.savefig(raster, format="png", dpi=PNG_DPI, facecolor=PAPER)
    return replace(chart, png=raster.getvalue())


def render_svg(name: str, alt: str, figure: Figure) -> Chart:
    """Turn a figure into its SVG alone."""
    FigureCanvasAgg(figure)
    vector = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=NO_GLYPH)
        figure.savefig(vector, format="svg", transparent=True, metadata=nothing)
    return Chart(name, alt, themed(vector.getvalue()))


def themed(svg: str) -> str:
    """Make an SVG follow the reader's light or dark setting, in the reader's own letters."""
    svg = svg[svg.index("<svg") :]
    light = "".join(f"{variable}:{colour};" for colour, variable in VARIABLES.items())
    dark = "".join(f"{variable}:{DARK[colour]};" for colour, variable in VARIABLES.items())
    rules = f"<style>:root{{{light}}}@media(prefers-color-scheme:dark){{:root{{{dark}}}}}</style>"
    for colour, variable in VARIABLES.items():
        svg = svg.replace(colour, f"var({variable})")
    svg = re.sub(r"font-family: [^;\"]*", f"font-family: {SVG_FONTS}", svg)
    head = svg.index(">") + 1
    return svg[:head] + rules + svg[head:]


def with_style() -> AbstractContextManager[None]:
    """Apply :func:`style` within a ``with`` block."""
    settings: Any = style()  # matplotlib's type of it lists every key that exists
    return mpl.rc_context(settings)


def colours(labels: list[int]) -> list[tuple[float, float, float]]:
    """Return the colours of classes as matplotlib wants them, 0 to 1."""
    return [(red / 255, green / 255, blue / 255) for red, green, blue in map(class_colour, labels)]


def short(name: str, limit: int = LONGEST_NAME) -> str:
    """Shorten a class name at its end.

    >>> short("a very long name of a class", 10)
    'a very lo…'
    """
    flat = " ".join(name.split())
    return flat if len(flat) <= limit else f"{flat[: limit - 1]}…"


def category_axis(axes: Axes, names: list[str]) -> None:
    """Label the rows of a chart with class names, the first on top."""
    axes.set_yticks(range(len(names)), [short(name) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", pad=3)


def row_height(rows: int) -> float:
    """Return a chart's height in inches for this many rows, lower each where there are many."""
    return 0.75 + rows * (0.27 if rows <= 30 else 0.19)


def heat_matrix(axes: Axes, shares: FloatArray, rows: list[str], columns: list[str], strongest: float) -> None:
    """Draw a matrix as colours from nothing to full, with its names to the left and above.

    Args:
        axes: Drawn on.
        shares: Shape ``(R, C)``.
        rows: Names of the rows.
        columns: Names of the columns.
        strongest: The share of the full colour.
    """
    axes.imshow(shares, cmap=HEAT, vmin=0, vmax=strongest, aspect="auto")
    size = 8 if len(columns) <= 20 else 6.5
    axes.set_xticks(range(len(columns)), columns, rotation=40, ha="left", rotation_mode="anchor", fontsize=size)
    if len(columns) > 20:
        axes.tick_params(axis="x", labelrotation=90)
        for tick_label in axes.get_xticklabels():
            tick_label.set_verticalalignment("center")
    axes.set_yticks(range(len(rows)), rows, fontsize=size)
    axes.tick_params(axis="x", top=True, labeltop=True, bottom=False, labelbottom=False, colors=INK)
    axes.spines[:].set_visible(False)
    axes.hlines(np.arange(len(rows) + 1) - 0.5, -0.5, len(columns) - 0.5, colors=GRID, linewidth=0.6)
