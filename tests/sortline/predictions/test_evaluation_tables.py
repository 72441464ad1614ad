import io
import json
import re

import pytest
from detection_cases import make_results, make_truth
from rich.console import Console

from sortline.predictions.evaluation import evaluate
from sortline.predictions.evaluation_tables import as_json, print_evaluation
from sortline.predictions.results import write_results

BOX = [10, 10, 20, 20]
TRUTH = make_truth(*[(image, image % 2, BOX) for image in range(12)], images=12)
TRUTH["categories"][1]["name"] = "[red]Paper[/red]"
GOOD = make_results(*[(image, image % 2, BOX, 0.9 - image / 100) for image in range(12)])
POOR = make_results(*[(image, 0, BOX, 0.9 - image / 100) for image in range(12)])


@pytest.fixture
def evaluation(tmp_path):
    """Evaluate named detections."""

    def run(replicates=100, **files):
        (tmp_path / "train.json").write_text(json.dumps(TRUTH))
        for name, results in files.items():
            write_results(tmp_path / f"{name}.bbox.json", results)
        return evaluate(tmp_path / "train.json", [tmp_path / f"{name}.bbox.json" for name in files], replicates)

    return run


def printed(evaluation, is_terminal=False):
    text = io.StringIO()
    console = Console(file=text, width=120, force_terminal=is_terminal, highlight=False, markup=False)
    print_evaluation(evaluation, console)
    return text.getvalue()


def rows(text):
    """The cells of each table row by its first cell."""
    lines = [re.split(" {2,}", line.strip()) for line in text.splitlines() if "  " in line]
    return {cells[0]: cells[1:] for cells in lines}


def test_one_file_shows_every_number(evaluation):
    text = printed(evaluation(good=GOOD))
    cells = rows(text)
    assert cells["contest mAP50"] == ["1.0000"]
    assert cells["95% interval"] == ["1.0000 to 1.0000"]
    assert cells["COCO AP"] == ["1.0000"]
    assert cells["APl"] == ["-"]
    assert cells["[red]Paper[/red]"] == ["6", "6", "1.0000", "1.000 to 1.000", "1.0000"]
    assert cells["Metal"] == ["0", "0", "-", "-", "-"]
    assert "no ground truth, so no AP and no part in any mean: Paper pack, Metal" in text
    assert "intervals: 100 resamples of the images (seed 0)" in text


def test_several_files_stand_side_by_side_with_their_difference(evaluation):
    text = printed(evaluation(poor=POOR, good=GOOD))
    cells = rows(text)
    assert cells["contest mAP50"][1] == "*1.0000"
    assert cells["difference to poor"][0] == "-"
    assert re.fullmatch(r"\+0\.\d{4}", cells["difference to poor"][1])
    assert re.fullmatch(r"\+0\.\d{4} to \+0\.\d{4}", cells["95% interval of it"][1])
    assert cells["General trash"][2] == "*1.0000"
    assert "good is better than poor by 0." in text
    assert "poor: no detections of [red]Paper[/red]: their AP50 is 0" in text
    assert "poor is worse than good" in printed(evaluation(good=GOOD, poor=POOR)).replace("\n", " ")


def test_files_that_score_the_same_have_no_best(evaluation):
    text = printed(evaluation(a=GOOD, b=GOOD))
    assert "*" not in text
    assert "b and a can't be told apart on these images" in text


def test_on_a_terminal_the_best_is_bold(evaluation):
    text = printed(evaluation(poor=POOR, good=GOOD), is_terminal=True)
    assert "\x1b[1m1.0000" in text
    assert "*" not in text


@pytest.mark.parametrize("replicates", [0, 100])
def test_minus_one_is_never_shown(evaluation, replicates):
    both = evaluation(replicates, poor=POOR, good=GOOD)
    assert not re.search(r"-1(\.0+)?\s", printed(both))
    assert not re.search(r"[ \[]-1(\.0+)?[,\]}]", json.dumps(as_json(both)))


def test_without_bootstrap_nothing_is_said_of_intervals(evaluation):
    text = printed(evaluation(0, poor=POOR, good=GOOD))
    assert "interval" not in text
    assert "difference to poor" in text


def test_the_json_keeps_its_layout(evaluation):
    found = evaluation(poor=POOR, good=GOOD)
    data = json.loads(json.dumps(as_json(found)))
    assert list(data) == ["format", "version", "annotations", "images", "ground_truths", "bootstrap", "files", "notes"]
    assert (data["format"], data["version"]) == ("sortline-evaluation", 1)
    assert data["bootstrap"] == {"replicates": 100, "seed": 0, "level": 0.95}
    poor, good = data["files"]
    assert list(good) == [
        *("path", "name", "detections", "map50", "map50_interval", "difference_to_first", "coco", "classes", "notes")
    ]
    assert list(good["classes"][0]) == [
        *("name", "category_id", "ground_truths", "detections", "ap50", "coco_ap", "ap50_interval")
    ]
    assert list(good["coco"]) == ["mAP", "AP50", "AP75", "APs", "APm", "APl"]
    assert poor["difference_to_first"] is None
    assert good["difference_to_first"]["value"] == 1 - poor["map50"]
    assert good["difference_to_first"]["share_better"] == 1
    assert len(good["difference_to_first"]["interval"]) == len(good["map50_interval"]) == 2
    assert good["classes"][5]["ap50"] is None
    assert good["classes"][5]["ap50_interval"] is None
