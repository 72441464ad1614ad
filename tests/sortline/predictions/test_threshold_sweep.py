import io
import json

import pytest
from helpers import coco
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from rich.console import Console

from sortline.errors import InputError
from sortline.predictions.matching import Matches, taking_order
from sortline.predictions.results import Results, ranks_in_group
from sortline.predictions.score import score
from sortline.predictions.score_charts import write_sweep_chart
from sortline.predictions.submission import write_submission
from sortline.predictions.threshold_sweep import (
    Cut,
    Sweep,
    advice,
    print_sweep,
    sweep,
)

ANNOTATIONS = coco(images=6)
TRUTH = [(box["image_id"], box["category_id"], tuple(box["bbox"])) for box in ANNOTATIONS["annotations"]]
WRONG = (40.0, 30.0, 20.0, 10.0)


def boxes(*rows):
    """Rows are image, class, box, score."""
    return Results.from_arrays(*(list(zip(*rows, strict=True)) or [[], [], [], []]))


def swept_of(annotations, results, *args, **options):
    return sweep(Matches.of(annotations, results), *args, **options)


# Class 0 has the boxes of images 0 and 3, class 1 those of 1 and 4, class 2 those of 2 and 5: each is found,
# a wrong one of the lowest score on image 0 beside them.
FOUND = [(*row, value) for row, value in zip(TRUTH, (0.9, 0.8, 0.7, 0.6, 0.5, 0.4), strict=True)]
ALL = boxes(*FOUND, (0, 0, WRONG, 0.05))


def test_costs_of_score_thresholds():
    swept = swept_of(ANNOTATIONS, ALL, score_thrs=[0.65, 0.05, 0.1], max_boxes=[])
    assert [cut.score_thr for cut in swept.by_score] == [0.05, 0.1, 0.65]
    assert [cut.boxes for cut in swept.by_score] == [7, 6, 3]
    assert [cut.map50 for cut in swept.by_score] == pytest.approx([1, 1, (1 / 2 + 1 / 2 + 1 / 2) / 3])
    assert [cut.cost for cut in swept.by_score] == pytest.approx([0, 0, 1 / 2])
    assert (swept.full.boxes, swept.full.map50, swept.full.cost, swept.images) == (7, 1, 0, 6)


def test_the_highest_threshold_that_costs_less_is_recommended():
    # Every box is needed, and the lowest has 0.4: 0.401 costs half of one class of three.
    swept = swept_of(ANNOTATIONS, ALL)
    assert (swept.score_thr.score_thr, swept.score_thr.cost) == (0.4, 0)
    assert swept.recommended.boxes == 6
    swept = swept_of(ANNOTATIONS, ALL, max_cost=1 / 2 / 3 + 1e-9)
    assert swept.score_thr.score_thr == 0.5
    assert swept.score_thr.cost == pytest.approx(1 / 2 / 3)


def test_a_limit_keeps_the_highest_scores_and_may_gain():
    # A wrong box above the right ones of its class: its image's second, so that a limit of 1 removes it.
    results = boxes(*FOUND, (2, 0, WRONG, 0.65))
    swept = swept_of(ANNOTATIONS, results, max_boxes=[5, 1])
    (one,) = swept.by_number
    assert (one.max_boxes, one.boxes) == (1, 6)
    assert swept.full.map50 == pytest.approx((1 / 2 * 1 + 1 / 2 * 2 / 3 + 1 + 1) / 3)
    assert one.cost == pytest.approx(swept.full.map50 - 1)
    assert swept.max_boxes == one
    assert (swept.recommended.max_boxes, swept.recommended.score_thr) == (1, 0.4)


def test_nothing_is_recommended_where_everything_costs():
    low = boxes(*((*row, 0.0005) for row in TRUTH), (0, 0, WRONG, 0.0009))
    swept = swept_of(ANNOTATIONS, low, max_boxes=[1])
    assert (swept.score_thr, swept.max_boxes, swept.recommended) == (None, None, None)


@pytest.mark.parametrize("results", [boxes(), boxes((0, 0, WRONG, 0.5))])
def test_without_a_score_to_lose_nothing_is_recommended(results):
    swept = swept_of(ANNOTATIONS, results)
    assert (swept.full.map50, swept.score_thr, swept.max_boxes, swept.recommended) == (0, None, None, None)


def test_no_ground_truth_is_refused():
    with pytest.raises(InputError, match="no boxes to be found"):
        swept_of(coco(boxes=False), boxes())


def test_the_sweep_goes_into_json():
    content = json.loads(json.dumps(swept_of(ANNOTATIONS, ALL).to_json(), allow_nan=False))
    assert content["score_thr"]["score_thr"] == 0.4


GRID = st.integers(0, 40).map(float)
SIZE = st.integers(1, 24).map(float)
SCORE = st.sampled_from([0.0, 1e-5, 0.1, 0.25, 0.5, 0.5, 0.75, 1.0])
RANDOM = st.tuples(st.integers(0, 5), st.integers(0, 3), st.tuples(GRID, GRID, SIZE, SIZE), SCORE)
RIGHT = st.tuples(st.sampled_from(TRUTH), SCORE).map(lambda pair: (*pair[0], pair[1]))
ROWS = st.lists(st.one_of(RANDOM, RIGHT), max_size=20)


@settings(max_examples=40, deadline=None)
@given(rows=ROWS, score_thr=st.sampled_from([0.1, 0.3, 0.5, 1.0]), limit=st.integers(1, 4), crowd=st.booleans())
def test_a_cut_scores_and_weighs_as_the_filtered_results_do(tmp_path_factory, rows, score_thr, limit, crowd):
    annotations = coco(images=6)
    annotations["annotations"][0]["iscrowd"] = int(crowd)
    results = boxes(*rows)
    swept = swept_of(annotations, results, [score_thr], [limit])
    ordered = results.take(taking_order(results))
    filtered = {"score": ordered.take(ordered.scores >= score_thr)}
    if swept.by_number:
        filtered["number"] = ordered.take(ranks_in_group(ordered.image_ids) < limit)
    for cut, kept in zip((*swept.by_score, *swept.by_number), filtered.values(), strict=True):
        summary = write_submission(tmp_path_factory.mktemp("sweep") / "a.csv", kept, annotations)
        assert (cut.boxes, cut.file_size) == (len(kept), summary.file_size)
        assert cut.map50 == pytest.approx(score(Matches.of(annotations, kept)).map50)


@settings(max_examples=30, deadline=None)
@given(ROWS)
def test_costs_never_fall_as_the_threshold_rises(rows):
    costs = [cut.cost for cut in swept_of(ANNOTATIONS, boxes(*rows), [0.05, 0.2, 0.3, 0.6, 0.9]).by_score]
    assert costs == sorted(costs)


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


@pytest.mark.parametrize(
    "sweep",
    [
        make_sweep(score_thr=BY_SCORE[0], max_boxes=BY_NUMBER[1], recommended=BOTH),
        make_sweep(by_number=()),
        make_sweep(by_score=BY_SCORE[:1], by_number=BY_NUMBER[:1], score_thr=BY_SCORE[0]),
    ],
)
def test_the_chart_is_a_picture(tmp_path, sweep):
    write_sweep_chart(tmp_path / "charts" / "a.png", sweep)
    with Image.open(tmp_path / "charts" / "a.png") as picture:
        assert picture.format == "PNG"
        assert len(picture.convert("RGB").getcolors(maxcolors=2**20)) > 20
