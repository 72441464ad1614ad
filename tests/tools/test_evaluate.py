import json

import pytest
from helpers import coco, refusal

from sortline.predictions.results import Results, write_results
from sortline.predictions.submission import write_submission

# Image i holds one box of class i modulo three.
TRUTH = coco(images=12)
BOXES = [row["bbox"] for row in TRUTH["annotations"]]
GOOD = Results.from_arrays(range(12), [row % 3 for row in range(12)], BOXES, [0.9 - row / 20 for row in range(12)])
POOR = GOOD.take(GOOD.scores > 0.62)


@pytest.fixture
def evaluate(run_tool, tmp_path):
    """Run the tool on files of this folder; a file's content is results, text or any JSON."""

    def run(*options, ann=TRUTH, **files):
        paths = []
        for name, content in {"ann_json": ann, **files}.items():
            paths.append(tmp_path / name.replace("_", "."))
            if paths[-1].suffix == ".csv" and isinstance(content, Results):
                write_submission(paths[-1], content, TRUTH)
            elif isinstance(content, Results):
                write_results(paths[-1], content)
            else:
                paths[-1].write_text(content if isinstance(content, str) else json.dumps(content))
        return run_tool("evaluate", "--ann", paths[0], "--pred", *paths[1:], "--bootstrap", 100, *options)

    return run


def test_results_and_submissions_stand_side_by_side(evaluate, tmp_path):
    result = evaluate("--json", tmp_path / "scores.json", poor_bbox_json=POOR, good_csv=GOOD)
    assert result.returncode == 0, result.stderr
    assert "contest mAP50" in result.stdout
    assert "*1.0000" in result.stdout
    assert "good is better than poor" in result.stdout
    assert f"all numbers: {tmp_path / 'scores.json'}" in result.stdout
    poor, good = json.loads((tmp_path / "scores.json").read_text())["files"]
    assert (poor["name"], good["name"]) == ("poor", "good")
    # Of each class four boxes, of which two score above 0.62: 0.9 to 0.65 are the first six.
    assert poor["map50"] == pytest.approx(2 / 4)
    assert good["map50"] == pytest.approx(1)


UNKNOWN_IMAGE = [{"image_id": 99, "category_id": 0, "bbox": [1, 1, 5, 5], "score": 0.5}]
UNKNOWN_CLASS = [{"image_id": 0, "category_id": 77, "bbox": [1, 1, 5, 5], "score": 0.5}]
NEGATIVE = [{"image_id": 0, "category_id": 0, "bbox": [1, 1, 5, 5], "score": -0.5}]


def test_bad_files_are_named_together_and_nothing_is_written(evaluate, tmp_path):
    files = {
        "image_json": UNKNOWN_IMAGE,
        "class_json": UNKNOWN_CLASS,
        "negative_json": NEGATIVE,
        "empty_json": "",
        "empty_csv": "",
        "other_csv": "PredictionString,image_id\n,test/0000.jpg\n",
        "text_txt": "",
        "good_json": GOOD,
    }
    message = refusal(evaluate("--json", tmp_path / "scores.json", **files))
    for expected in (
        "image.json: 1 row of images that the annotation file does not list (image_id 99)",
        "class.json: 1 row of categories that the annotation file does not list (category_id 77)",
        "negative.json: 1 row with a score outside 0 to 1",
        "empty.json: is empty",
        "empty.csv: is empty",
        "other.csv: 12 of 12 images have no row",
        "text.txt: ends in '.txt'",
    ):
        assert expected in message
    assert "good.json" not in message
    assert not (tmp_path / "scores.json").exists()


def test_an_annotation_file_without_boxes_is_named(evaluate):
    assert "ann.json: has no boxes to be found" in refusal(evaluate(ann=coco(boxes=False), a_json="[]"))


def test_numbers_never_replace_an_input(evaluate, tmp_path):
    assert "would overwrite an input" in refusal(evaluate("--json", tmp_path / "good.json", good_json=GOOD))
    assert json.loads((tmp_path / "good.json").read_text())[0]["score"] == 0.9


def test_no_detections_score_zero_in_words(evaluate):
    result = evaluate(a_json="[]")
    assert result.returncode == 0, result.stderr
    assert "a: holds no detections: every score is 0" in result.stdout
