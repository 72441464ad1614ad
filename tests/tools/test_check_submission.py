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


def test_what_was_tolerated_is_said_with_the_way_to_mend_it(run_tool, tmp_path):
    csv, ann = tmp_path / "theirs.csv", tmp_path / "test.json"
    csv.write_text(
        ",image_id,PredictionString\n0,test/0000.jpg,3.0 0.5 1 2 30 40\n1,test/0001.jpg,nan\n2,test/0002.jpg\n"
    )
    ann.write_text(json.dumps(coco("test", images=3, boxes=False)))
    result = run_tool("check_submission", csv, "--ann", ann)
    assert result.returncode == 0, result.stderr
    for expected in (
        "can be read, though the contest may not read it all: 3 images, 1 box, 2 images without boxes",
        "has an extra column, passed over: ''",
        "pandas: to_csv(..., index=False)",
        "has its columns in another order",
        "1 row with fewer columns",
        "1 row with a word for no boxes, such as 'nan'",
        "1 box with a label such as 3.0",
        f"tools/to_submission.py {csv} --ann ANN --out NEW.csv",
    ):
        assert expected in result.stdout


@pytest.fixture
def pair(tmp_path):
    """Two submissions: one box stays, one gets another class; and what they are for."""
    header = "PredictionString,image_id\n"
    box = "3 0.5 1 2 30 40"
    (tmp_path / "old.csv").write_text(f"{header}{box},test/0000.jpg\n{box},test/0001.jpg\n,test/0002.jpg\n")
    (tmp_path / "new.csv").write_text(f"{header}{box},test/0000.jpg\n4{box[1:]},test/0001.jpg\n,test/0002.jpg\n")
    (tmp_path / "test.json").write_text(json.dumps(coco("test", images=3, boxes=False)))
    return tmp_path / "new.csv", "--ann", tmp_path / "test.json", "--against", tmp_path / "old.csv"


def test_two_submissions_are_compared(run_tool, pair, tmp_path):
    result = run_tool("check_submission", *pair, "--json", tmp_path / "changes.json")
    assert result.returncode == 0, result.stderr
    assert "is valid" in result.stdout
    assert "new.csv against old.csv" in result.stdout
    assert "1 of 3 images differ in boxes, 0 more in scores alone" in result.stdout
    assert "agreement 0.5000" in result.stdout
    content = json.loads((tmp_path / "changes.json").read_text())
    assert content["total"]["agreement"] == 0.5
    assert content["total"]["relabelled_to"] == 1
    assert [image["file_name"] for image in content["most_changed"]] == ["test/0001.jpg"]


def test_boxes_of_low_scores_are_left_out_of_the_comparison(run_tool, pair):
    result = run_tool("check_submission", *pair, "--score-thr", 0.6)
    assert result.stdout.splitlines()[-1] == "agreement: neither has a box"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--score-thr", 2], "--score-thr 2 is not between 0 and 1"),
        (["--json", "new.csv"], "would overwrite what is read"),
    ],
)
def test_bad_options_of_a_comparison_are_refused(run_tool, pair, tmp_path, more, message):
    more = [tmp_path / value if value == "new.csv" else value for value in more]
    assert message in refusal(run_tool("check_submission", *pair, *more))


def test_a_bad_old_file_is_named_and_nothing_written(run_tool, pair, tmp_path):
    (tmp_path / "old.csv").write_text("PredictionString,image_id\n,elsewhere.jpg\n")
    result = run_tool("check_submission", *pair, "--json", tmp_path / "changes.json")
    assert "old.csv: 1 row of an image that the annotation file does not list" in refusal(result)
    assert not (tmp_path / "changes.json").exists()


def test_json_without_a_comparison_is_refused(run_tool, pair, tmp_path):
    result = run_tool("check_submission", *pair[:3], "--json", tmp_path / "changes.json")
    assert "add --against OLD" in refusal(result)


def test_results_are_no_submission(run_tool, tmp_path):
    message = refusal(run_tool("check_submission", tmp_path / "a.bbox.json", "--ann", tmp_path / "test.json"))
    assert "tools/to_submission.py makes a submission of COCO results" in message
