"""Scores are means over folds; differences are paired, and chance is called chance."""

import json
from dataclasses import replace

import numpy as np
import pytest
from helpers import coco, parts_of_fold
from written_runs import found_rows

from sortline.data.annotations import read_annotations
from sortline.errors import InputError
from sortline.predictions.box_scores import box_score
from sortline.predictions.matching import Matches
from sortline.predictions.results import Results
from sortline.runs.comparison.compare import compare
from sortline.runs.comparison.compared_runs import Candidate, Part


def results_of(rows):
    columns = [[row[key] for row in rows] for key in ("image_id", "category_id", "bbox", "score")]
    return Results.from_arrays(*columns)


def candidate(name, content, found, folds=None):
    """Make a run that finds the boxes of some images and no others: each class's AP is the share found."""
    contents = [content] if folds is None else [parts_of_fold(content, fold, folds)["val"] for fold in range(folds)]
    parts = tuple(
        Part(
            None if folds is None else fold,
            f"val_{fold}.json",
            "",
            Matches.of(part, results_of(found_rows(part, found))),
        )
        for fold, part in enumerate(contents)
    )
    return Candidate(name, name, parts)


def of_one_class(images):
    content = coco(images=images)
    for box in content["annotations"]:
        box["category_id"] = 0
    return content


def test_a_clear_gain_is_better_by_how_much_and_in_which_class():
    content = coco(images=300)  # 100 images of each of three classes
    one = candidate("a", content, [i for i in range(300) if i % 2])
    two = candidate("b", content, [i for i in range(300) if i % 2 or i % 3 == 0])
    comparison = compare([one, two], replicates=300)
    assert [run.value for run in comparison.runs] == pytest.approx([1 / 2, (1 + 1 / 2 + 1 / 2) / 3])
    (entry,) = comparison.differences
    assert (entry.run, entry.other) == (1, 0)
    assert entry.score.difference.value == pytest.approx(1 / 6)
    assert entry.score.sign == 1
    assert entry.score.difference.share_better == 1.0
    assert [paired.sign for paired in entry.classes[:3]] == [1, 0, 0]
    assert entry.classes[0].difference.value == pytest.approx(1 / 2)
    assert entry.classes[5].difference is None  # a class without boxes
    assert comparison.ground_truths[:4] == (100, 100, 100, 0)
    assert comparison.images == 300


def test_a_gain_of_one_box_in_a_hundred_is_noise():
    content = of_one_class(100)
    comparison = compare([candidate("a", content, range(50)), candidate("b", content, range(49, 100))], 300)
    (entry,) = comparison.differences
    assert entry.score.difference.value == pytest.approx(1 / 100)
    assert entry.score.sign == 0
    assert 0.3 < entry.score.difference.share_better < 0.8


def test_pairing_sees_what_the_two_intervals_hide():
    content = of_one_class(100)
    one, two = candidate("a", content, range(50)), candidate("b", content, range(58))
    comparison = compare([one, two], 500)
    first, second = comparison.runs
    assert first.interval.high > second.interval.low
    assert comparison.differences[0].score.sign == 1


def test_with_folds_the_score_is_their_mean_and_each_is_told():
    content = of_one_class(30)  # image i is in fold i modulo 3
    one = candidate("a", content, range(15), folds=3)
    two = candidate("b", content, range(24), folds=3)
    comparison = compare([one, two], 300)
    assert comparison.runs[0].folds == pytest.approx((5 / 10, 5 / 10, 5 / 10))
    assert comparison.runs[1].value == pytest.approx((8 / 10 + 8 / 10 + 8 / 10) / 3)
    assert comparison.differences[0].folds == pytest.approx((0.3, 0.3, 0.3))
    assert comparison.folds == (0, 1, 2)
    assert comparison.images == 30


def test_a_gain_in_one_fold_alone_is_less_sure_than_one_in_all():
    content = of_one_class(300)
    base = candidate("a", content, range(150), folds=3)
    in_all = candidate("b", content, [*range(150), *range(150, 210)], folds=3)
    in_one = candidate("c", content, [*range(150), *[i for i in range(150, 300) if i % 3 == 0]], folds=3)
    comparison = compare([base, in_all, in_one], 500)
    everywhere, somewhere = comparison.differences
    assert everywhere.score.sign == 1
    assert somewhere.score.sign == 0  # (100/100 - 50/100) / 3 on the whole: a resample without fold 0 has none of it
    assert everywhere.score.difference.interval.low > 0.1


def test_all_pairs_are_each_later_run_against_each_earlier_one():
    content = of_one_class(60)
    runs = [candidate(name, content, range(found)) for name, found in (("a", 20), ("b", 20), ("c", 50))]
    comparison = compare(runs, 300, all_pairs=True)
    assert [(entry.run, entry.other) for entry in comparison.differences] == [(1, 0), (2, 0), (2, 1)]
    assert [entry.score.sign for entry in comparison.differences] == [0, 1, 1]
    assert comparison.differences[1].score.difference.value == comparison.differences[2].score.difference.value == 0.5


def test_the_seed_decides():
    content = of_one_class(60)
    runs = [candidate("a", content, range(20)), candidate("b", content, range(10, 35))]
    first, again, other = (compare(runs, 200, seed).differences[0].score.joint for seed in (0, 0, 1))
    assert first == again != other


def test_two_trainings_of_one_model_seldom_look_different():
    """Each of 40 pairs finds every box with a chance of 0.6, on its own: no run is better."""
    rng = np.random.default_rng(0)
    content = of_one_class(60)
    alarms = 0
    for _ in range(40):
        runs = [candidate(name, content, np.flatnonzero(rng.random(60) < 0.6).tolist()) for name in "ab"]
        alarms += compare(runs, 200).differences[0].score.sign != 0
    assert alarms <= 6  # 40 * 0.05 = 2 are expected, more than 6 come once in 200 times


def test_nothing_to_find_is_refused(tmp_path):
    path = tmp_path / "val.json"
    path.write_text(json.dumps(coco(boxes=False)))
    part = Part(None, str(path), "", Matches.of(read_annotations(path), Results.empty()))
    with pytest.raises(InputError, match="no boxes to be found"):
        compare([Candidate("a", "a", (part,)), Candidate("b", "b", (part,))])


def test_runs_are_compared_by_the_score_that_decided_about_them():
    content = of_one_class(60)
    one, two = (replace(candidate(name, content, range(30)), deciding_name="coco/bbox_mAP") for name in "ab")
    comparison = compare([one, two], 100)
    assert (comparison.score.name, comparison.note) == ("coco/bbox_mAP", "")
    expected = box_score("coco/bbox_mAP").value(one.parts[0].matches)
    assert [run.value for run in comparison.runs] == [expected, expected]
    comparison = compare([one, replace(two, deciding_name="contest/mAP50")], 100)
    assert comparison.score.name == "coco/bbox_mAP"
    assert "decided by different scores (coco/bbox_mAP, contest/mAP50)" in comparison.note
