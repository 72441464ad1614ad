import json

import pytest
import yaml
from helpers import coco, refusal
from PIL import Image


@pytest.fixture
def files(tmp_path):
    """An annotation file and predictions that find every box, with a wrong one of a low score."""
    data = coco()
    rows = [
        {"image_id": box["image_id"], "category_id": box["category_id"], "bbox": box["bbox"], "score": 0.9}
        for box in data["annotations"]
    ]
    rows.append({"image_id": 0, "category_id": 0, "bbox": [40, 30, 20, 10], "score": 0.05})
    (tmp_path / "train.json").write_text(json.dumps(data))
    (tmp_path / "test.json").write_text(json.dumps(coco("test", boxes=False)))
    (tmp_path / "oof.bbox.json").write_text(json.dumps(rows))
    return tmp_path


def test_costs_are_shown_and_written(run_tool, files):
    chart, numbers, classes = files / "out" / "a.png", files / "a.json", files / "a.yaml"
    result = run_tool(
        "sweep_thresholds",
        *("--ann", files / "train.json", "--pred", files / "oof.bbox.json"),
        *("--chart", chart, "--json", numbers, "--class-thresholds", classes),
    )
    assert result.returncode == 0, result.stderr
    assert "score threshold 0.9: the highest that costs less than 0.0005 mAP50" in result.stdout
    assert "nothing was changed" in result.stdout
    for path in (chart, numbers, classes):
        assert f"wrote {path}" in result.stdout
    with Image.open(chart) as picture:
        assert picture.format == "PNG"
    content = json.loads(numbers.read_text())
    assert content["full"]["map50"] == 1
    assert content["score_thr"]["boxes"] == 6
    assert [entry["name"] for entry in content["classes"]][:2] == ["General trash", "Paper"]
    assert yaml.safe_load(classes.read_text())["classes"]["Paper"]["score_thr"] == 0.9


def test_values_of_ones_own_are_tried(run_tool, files):
    result = run_tool(
        "sweep_thresholds",
        *("--ann", files / "train.json", "--pred", files / "oof.bbox.json"),
        *("--score-thrs", 0.5, 0.95, "--max-boxes", 1, "--max-cost", 0.1, "--json", files / "a.json"),
    )
    assert result.returncode == 0, result.stderr
    content = json.loads((files / "a.json").read_text())
    assert [cut["score_thr"] for cut in content["by_score"]] == [0.5, 0.95]
    assert [cut["max_boxes"] for cut in content["by_number"]] == [1]
    assert "1 box an image: the fewest" in result.stdout


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"--ann": "test.json"}, "has no boxes to be found"),
        ({"--ann": "absent.json"}, "absent.json: no such file"),
        ({"--pred": "train.json"}, "looks like an annotation file"),
        ({"--pred": "photo.png"}, "predictions are COCO results (.json) or a submission (.csv)"),
        ({"--score-thrs": "2"}, "'2' is not a number above 0, at most 1"),
        ({"--max-boxes": "0"}, "'0' is not a whole number from 1 on"),
        ({"--max-cost": "nothing"}, "'nothing' is not a number"),
        ({"--chart": "a.jpg"}, "must end in .png"),
        ({"--json": "oof.bbox.json"}, "would overwrite another file"),
        ({"--class-thresholds": "a.txt"}, "must end in .yaml or .yml or .json"),
    ],
)
def test_bad_input_is_refused_and_nothing_written(run_tool, files, change, message):
    before = sorted(files.iterdir())
    options = {"--ann": "train.json", "--pred": "oof.bbox.json", **change}
    numeric = ("--score-thrs", "--max-boxes", "--max-cost")
    arguments = [
        text for name, value in options.items() for text in (name, value if name in numeric else files / value)
    ]
    assert message in refusal(run_tool("sweep_thresholds", *arguments))
    assert sorted(files.iterdir()) == before
