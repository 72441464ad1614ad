"""Charts of scores are drawn for one class, for many, and for names of any letters."""

import io

import numpy as np
import pytest
from PIL import Image

from custom_modules.predictions.confusion import Confusion
from custom_modules.predictions.pr_curves import RECALLS, PrCurve
from custom_modules.predictions.score_charts import MOST_NUMBERED, draw_confusion, draw_pr_curves


def names(count):
    return tuple(f"{'a very long name of a class ' * (index == 0)}$class_{index}<&>" for index in range(count))


@pytest.mark.parametrize("count", [1, MOST_NUMBERED])
def test_charts_are_drawn(count):
    confusion = Confusion(names(count), np.arange((count + 1) ** 2).reshape(count + 1, count + 1))
    falling, unknown = 1 - RECALLS, np.full(len(RECALLS), np.nan)
    curves = [PrCurve(name, 5, 0.5, falling, unknown) for name in names(count)]
    for chart in (draw_confusion(confusion), draw_pr_curves(curves)):
        assert chart.svg.startswith("<svg")
        assert Image.open(io.BytesIO(chart.png)).width > 600


def test_matrix_shows_its_counts_and_the_background():
    chart = draw_confusion(Confusion(("Paper",), np.array([[1234, 5], [6, 0]])))
    assert "<!-- 1,234 -->" in chart.svg or ">1,234<" in chart.svg
    assert "background" in chart.svg


def test_legend_names_classes_with_their_scores():
    curves = [PrCurve("Paper", 5, 0.25, 1 - RECALLS, RECALLS), PrCurve("Metal", 5, 0.75, 1 - RECALLS, RECALLS)]
    chart = draw_pr_curves(curves)
    for text in ("Paper 0.25", "Metal 0.75", "mean 0.50"):
        assert text in chart.svg
