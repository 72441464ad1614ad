import io
from dataclasses import replace

from rich.console import Console

from sortline.predictions.compare_submissions import Changes, Comparison, ImageChanges
from sortline.predictions.comparison_report import print_comparison

PAPER = Changes("Paper [A4]", 253_292, 240_547, 163_171, 67_224, 0.841, 17_024, 17_025, 13_128, 15_873, 0.9333)
COMPARISON = Comparison(
    total=replace(PAPER, name="all"),
    classes=(PAPER,),
    images=4871,
    images_changed=4000,
    images_rescored=12,
    pairs=230_395,
    pairs_rescored=1,
    mean_score_change=0.25,
    most_changed=(ImageChanges("test/[0].jpg", 2, 5, 14, 8, 10.14),),
)


def printed(comparison, width=80):
    text = io.StringIO()
    print_comparison(comparison, "[new].csv", "old.csv", Console(file=text, width=width))
    return text.getvalue()


def test_every_digit_is_shown_on_80_columns_and_brackets_are_no_markup():
    text = printed(COMPARISON)
    rows = [line.split() for line in text.splitlines()]
    numbers = ["253,292", "240,547", "163,171", "67,224", "0.84", "17,024", "17,025", "13,128", "15,873", "0.933"]
    assert sum(row[-10:] == numbers for row in rows) == 2
    assert "[A4]" in text
    assert "[new].csv against old.csv" in text
    assert ["test/[0].jpg", "2", "5", "14", "8", "10.14"] in rows
    assert "4,000 of 4,871 images differ in boxes, 12 more in scores alone" in text
    assert "1 of 230,395 boxes that both have differ in score; mean difference 0.2500" in text
    assert "agreement 0.9333" in text


def test_nothing_is_said_of_what_is_not_there():
    nothing = replace(PAPER, agreement=None, mean_iou=None)
    text = printed(replace(COMPARISON, total=nothing, classes=(), most_changed=(), pairs=0, mean_score_change=None))
    assert "agreement: neither has a box" in text
    assert "mean difference" not in text
    assert "changed most" not in text
