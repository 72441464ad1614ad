import json

import pytest
from helpers import coco, refusal


@pytest.fixture
def check(run_tool, tmp_path):
    """Check rows below the header against an annotation file of three images."""

    def run(*rows, ann=None):
        csv, json_path = tmp_path / "submission.csv", tmp_path / "test.json"
        csv.write_text("\n".join(["PredictionString,image_id", *rows]))
        json_path.write_text(ann or json.dumps(coco("test", images=3, boxes=False)))
        return run_tool("check_submission", csv, "--ann", json_path)

    return run


def test_a_valid_file_gives_one_line(check):
    result = check("3 0.5 1 2 30 40,test/0000.jpg", ",test/0001.jpg", ",test/0002.jpg")
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    assert result.stdout.count("\n") == 1
    assert "is valid: 3 images, 1 box, 2 images without boxes" in result.stdout


def test_all_findings_come_at_once(check):
    message = refusal(check("3 0.5 30 2 1 40,test/0000.jpg", "42 1.5 1 2 3 4,test/0000.jpg", ",test/0001.jpg"))
    for expected in (
        "1 of 3 images have no row: test/0002.jpg",
        "1 image with more than one row: test/0000.jpg",
        "1 box with xmax not above xmin: test/0000.jpg box 1",
        "1 box with a score outside 0 to 1",
        "1 box whose label is not a category id",
        "5 problems",
    ):
        assert expected in message


def test_a_bad_annotation_file_is_named(check):
    assert "test.json: is cut short" in refusal(check(ann='{"images": ['))


def test_an_absent_submission_is_refused(run_tool, tmp_path):
    (tmp_path / "test.json").write_text(json.dumps(coco("test", boxes=False)))
    result = run_tool("check_submission", tmp_path / "submission.csv", "--ann", tmp_path / "test.json")
    assert "submission.csv: no such file" in refusal(result)
