import io

import pytest
from PIL import Image
from rich.console import Console

from sortline.predictions.class_thresholds import ClassThreshold
from sortline.predictions.thresholds import Cut, Sweep
from sortline.predictions.thresholds_report import advice, print_class_thresholds, print_sweep, write_chart

FULL = Cut(0.0, None, 1000, 20_000_000, 0.5, 0.0)
BY_SCORE = (Cut(0.01, None, 800, 16_000_000, 0.4999, 0.0001), Cut(0.5, None, 100, 2_000_000, 0.3, 0.2))
BY_NUMBER = (Cut(0.0, 50, 900, 18_000_000, 0.501, -0.001), Cut(0.0, 5, 300, 6_000_000, 0.4, 0.1))
BOTH = Cut(0.012, 50, 700, 14_000_000, 0.5008, -0.0008)


def make_sweep(by_score=BY_SCORE, by_number=BY_NUMBER, score_thr=None, max_boxes=None, recommended=None, full=FULL):
    return Sweep(4883, full, by_score, by_number, 0.0005, score_thr, max_boxes, recommended)


def test_tables_show_gains_and_losses():
    text = io.StringIO()
    print_sweep(make_sweep(), Console(file=text, width=80))
    rows = [line.split() for line in text.getvalue().splitlines()]
    assert rows.count(["all", "1,000", "20.0", "MB", "0.5000", "0"]) == 2
    assert ["0.01", "800", "16.0", "MB", "0.4999", "-0.00010"] in rows
    assert ["50", "900", "18.0", "MB", "0.5010", "+0.00100"] in rows


def test_what_is_recommended_comes_with_its_price():
    text = advice(make_sweep(score_thr=BY_SCORE[0], max_boxes=BY_NUMBER[0], recommended=BOTH))
    assert text.splitlines() == [
        "score threshold 0.01: the highest that costs less than 0.0005 mAP50",
        "50 boxes an image: the fewest of those tried that cost less than 0.0005 mAP50",
        "together: mAP50 0.50000 to 0.50080 (+0.00080), CSV 20.0 MB to 14.0 MB for 4,883 images",
        "nothing was changed: mAP50 gains nothing from a score threshold; cut only if the file is too large",
    ]


def test_where_everything_costs_no_cut_is_advised():
    lines = advice(make_sweep()).splitlines()
    assert lines[0] == "even a score threshold of 0.001 costs 0.0005 mAP50 or more: use none"
    assert lines[1] == "no limit on boxes an image of those tried costs less than 0.0005 mAP50: use none"
    assert "nothing to lose" in advice(make_sweep(full=Cut(0.0, None, 5, 100, 0.0, 0.0)))


def test_class_thresholds_are_shown_and_absent_ones_left_open():
    text = io.StringIO()
    entries = [
        ClassThreshold("Paper [A4]", 4, 0.31, 3, 2 / 3, 0.5, 4 / 7),
        ClassThreshold("Metal", 0, None, 0, 0, 0, 0),
    ]
    print_class_thresholds(entries, Console(file=text, width=100))
    rows = [line.split() for line in text.getvalue().splitlines()]
    assert ["Paper", "[A4]", "4", "0.31", "3", "0.667", "0.500", "0.571"] in rows
    assert ["Metal", "0", "-", "-", "-", "-", "-"] in rows


@pytest.mark.parametrize(
    "sweep",
    [
        make_sweep(score_thr=BY_SCORE[0], max_boxes=BY_NUMBER[1], recommended=BOTH),
        make_sweep(by_number=()),
        make_sweep(by_score=BY_SCORE[:1], by_number=BY_NUMBER[:1], score_thr=BY_SCORE[0]),
    ],
)
def test_the_chart_is_a_picture(tmp_path, sweep):
    write_chart(tmp_path / "charts" / "a.png", sweep)
    with Image.open(tmp_path / "charts" / "a.png") as picture:
        assert picture.format == "PNG"
        assert len(picture.convert("RGB").getcolors(maxcolors=2**20)) > 20
