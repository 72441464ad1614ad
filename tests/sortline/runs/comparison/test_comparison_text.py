"""The verdict is one plain line; tables and numbers say the same."""

import io
import json
from dataclasses import replace

import pytest
from rich.console import Console

from sortline.predictions.bootstrap import Difference, Interval
from sortline.predictions.box_scores import box_score
from sortline.runs.comparison.changed_photos import ChangedPhotos, PhotoChange
from sortline.runs.comparison.compare import Comparison, PairedDifference, RunDifference, RunScore
from sortline.runs.comparison.comparison_tables import as_json, letter, markdown, print_comparison, verdict, word

BETTER = PairedDifference(Difference(0.021, Interval(0.008, 0.035), 0.998), Interval(0.008, 0.035))
NOISE = PairedDifference(Difference(0.003, Interval(-0.005, 0.011), 0.7), Interval(-0.005, 0.011))
HINT = PairedDifference(Difference(-0.02, Interval(-0.03, -0.01), 0.01), Interval(-0.05, 0.01))
ABSENT = PairedDifference(None, None)


def comparison(*entries, folds=(None,), names=("runs/base", "runs/[bold]wide|r", "c")):
    runs = tuple(RunScore(name, name, 0.5, Interval(0.4, 0.6), (0.5,) * len(folds), (0.5, None)) for name in names)
    return Comparison(runs, entries, ("Paper", "Glass"), (1200, 0), folds, 100, 1000, 7)


def entry(run=1, other=0, map50=BETTER, classes=(BETTER, ABSENT), folds=(0.021,)):
    return RunDifference(run, other, map50, classes, folds)


def printed(content, photos):
    text = io.StringIO()
    print_comparison(content, photos, Console(file=text, width=100, color_system=None))
    return text.getvalue()


@pytest.mark.parametrize(
    ("map50", "line"),
    [
        (BETTER, "B is better than A: +0.021 mAP50 (95% interval +0.008 to +0.035)"),
        (NOISE, "B and A: no difference can be told from noise: +0.003 mAP50 (95% interval -0.005 to +0.011)"),
        (HINT, "B and A: no difference can be told from noise: -0.020 mAP50 (95% interval -0.050 to +0.010)"),
        (ABSENT, "B and A can't be compared: no resample gives a score"),
    ],
)
def test_the_verdict_in_plain_words(map50, line):
    assert verdict(entry(map50=map50), "mAP50") == line


def test_a_worse_run_is_called_worse():
    worse = PairedDifference(Difference(-0.021, Interval(-0.035, -0.008), 0.0), Interval(-0.035, -0.008))
    assert verdict(entry(map50=worse), "mAP50").startswith("B is worse than A: -0.021 mAP50")


def test_classes_are_called_better_only_beside_all_the_others():
    assert [word(paired) for paired in (BETTER, NOISE, HINT, ABSENT)] == ["better", "", "worse?", ""]


def test_letters_name_any_number_of_runs():
    assert [letter(place) for place in (0, 25, 26)] == ["A", "Z", "R27"]


def test_the_terminal_shows_everything_and_ends_with_the_verdict():
    photos = {(1, 0): ChangedPhotos(2, 1, 97, (PhotoChange("train/1.jpg", 0, (3, 0, 0), (1, 1, 2), 0.6),))}
    text = printed(comparison(entry(), names=("base", "[bold]x")), photos)
    assert "100 validation images, 1,200 boxes to be found" in text
    assert "[bold]x" in text
    row = next(line for line in text.splitlines() if line.strip().startswith("Paper"))
    assert row.split() == ["Paper", "1,200", "0.5000", "0.5000", "+0.0210", "+0.008", "to", "+0.035", "99.8%", "better"]
    assert "B has fewer errors than A on 2 photos" in text
    assert "-3" in next(line for line in text.splitlines() if "train/1.jpg" in line)
    assert "one training each" in text
    assert text.splitlines()[-1] == verdict(entry(), "mAP50")


def test_folds_have_columns_of_their_own():
    text = printed(comparison(entry(folds=(0.1, -0.2)), folds=(0, 3)), {})
    assert "fold 3" in text
    assert "-0.2000" in text
    assert "of the folds and of the images in them" in text
    assert "one training each" not in text


def test_all_pairs_make_a_matrix():
    entries = (entry(), entry(2, 0, NOISE), entry(2, 1, HINT))
    text = printed(comparison(*entries), {})
    rows = [line.split() for line in text.splitlines() if line.strip()[:2] in ("A ", "B ", "C ")]
    assert ["A", "-0.0210*", "-0.0030"] in rows
    assert ["B", "+0.0210*", "+0.0200"] in rows
    assert "hold for all of them together" in text


def test_markdown_tables_are_whole():
    text = markdown(comparison(entry()), {})
    assert text.startswith("- B is better than A")
    assert "runs/[bold]wide\\|r" in text
    assert "| Paper | 1,200 | 0.5000 | 0.5000 | +0.0210 |" in text


def test_json_holds_all_numbers():
    photos = {(1, 0): ChangedPhotos(2, 1, 97, ())}
    content = json.loads(json.dumps(as_json(comparison(entry(), entry(2, 0, NOISE)), photos), allow_nan=False))
    assert content["bootstrap"] == {"replicates": 1000, "seed": 7, "level": 0.95}
    first, second = content["differences"]
    assert first["map50"]["joint_interval"] == {"low": 0.008, "high": 0.035}
    assert (first["map50"]["sign"], second["map50"]["sign"]) == (1, 0)
    assert first["classes"]["Glass"] is None
    assert (first["photos"]["better"], second["photos"]) == (2, None)


def test_another_score_is_shown_by_its_name():
    content = replace(comparison(entry()), score=box_score("coco/bbox_mAP"), note="decided by something else")
    text = markdown(content, {})
    assert "+0.021 coco/bbox_mAP" in text
    assert "AP of each class" in text
    assert "decided by something else" in text
    assert "mAP50" not in text
    numbers = as_json(content, {})
    assert (numbers["score"], numbers["runs"][0]["value"]) == ("coco/bbox_mAP", 0.5)
    assert numbers["differences"][0]["value"]["sign"] == 1
