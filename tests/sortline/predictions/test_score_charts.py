"""Charts of scores are drawn for one class, for many, and for names of any letters."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from sortline.predictions.error_analysis import Confusion
from sortline.predictions.score import RECALLS, PrCurve
from sortline.predictions.score_charts import MOST_NUMBERED, draw_confusion, draw_pr_curves
from sortline.reports.palette import class_colour


def texts(chart):
    """List what an SVG says."""
    return re.findall(r">([^<>]+)</text>", chart.svg)


def names(count):
    return tuple(f"{'a very long name of a class ' * (index == 0)}$class_{index}<&>" for index in range(count))


@pytest.mark.parametrize("count", [1, MOST_NUMBERED])
def test_charts_are_drawn(count):
    confusion = Confusion(names(count), np.arange((count + 1) ** 2).reshape(count + 1, count + 1))
    falling, unknown = 1 - RECALLS, np.full(len(RECALLS), np.nan)
    curves = [PrCurve(name, label, 5, 0.5, falling, unknown) for label, name in enumerate(names(count))]
    for chart in (draw_confusion(confusion, with_png=True), draw_pr_curves(curves, with_png=True)):
        assert chart.svg.startswith("<svg")
        assert Image.open(io.BytesIO(chart.png)).width > 600


@pytest.mark.parametrize(("classes", "has_numbers"), [(3, True), (60, False)])
def test_a_confusion_matrix_shows_counts_where_there_is_room(classes, has_numbers):
    counts = np.diag(np.full(classes + 1, 77))
    chart = draw_confusion(Confusion(tuple(f"class {place}" for place in range(classes)), counts))
    assert ("77" in texts(chart)) is has_numbers
    assert "background" in texts(chart)
    assert not chart.png


def test_a_class_has_its_colour_whichever_classes_lack_boxes():
    curve = PrCurve("Metal", 3, 5, 0.75, 1 - RECALLS, RECALLS)
    colour = "#" + "".join(f"{channel:02x}" for channel in class_colour(3))
    assert colour in draw_pr_curves([curve]).svg


def test_matrix_shows_its_counts_and_the_background():
    chart = draw_confusion(Confusion(("Paper",), np.array([[1234, 5], [6, 0]])))
    assert "<!-- 1,234 -->" in chart.svg or ">1,234<" in chart.svg
    assert "background" in chart.svg


def test_legend_names_classes_with_their_scores():
    curves = [PrCurve("Paper", 0, 5, 0.25, 1 - RECALLS, RECALLS), PrCurve("Metal", 1, 5, 0.75, 1 - RECALLS, RECALLS)]
    chart = draw_pr_curves(curves)
    for text in ("Paper 0.25", "Metal 0.75", "mean 0.50"):
        assert text in chart.svg
