import json

import pytest
from helpers import coco, refusal


@pytest.fixture
def files(tmp_path):
    """An annotation file and results on it, written as another tool would."""
    annotations = coco("test", images=3, boxes=False)
    results = [
        {"image_id": 2, "category_id": 3, "bbox": [0.1, 0.2, 20.3, 30.07], "score": 0.25},
        {"image_id": 0, "category_id": 7, "bbox": [1.1, 2.2, 0.1, 1e-7], "score": 1e-05},
    ]
    (tmp_path / "test.json").write_text(json.dumps(annotations))
    (tmp_path / "test.bbox.json").write_text(json.dumps(results))
    return tmp_path


def test_results_become_a_submission_and_come_back(run_tool, files):
    csv, back = files / "out" / "submission.csv", files / "back.json"
    made = run_tool("to_submission", files / "test.bbox.json", "--ann", files / "test.json", "--out", csv)
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith(f"{csv}: 3 images, 2 boxes, 1 image")
    assert csv.read_text().splitlines() == [
        "PredictionString,image_id",
        "7 0.00001 1.1 2.2 1.2 2.2000001,test/0000.jpg",
        ",test/0001.jpg",
        "3 0.25 0.1 0.2 20.4 30.27,test/0002.jpg",
    ]
    turned = run_tool("to_submission", csv, "--ann", files / "test.json", "--out", back, "--to-coco")
    assert turned.returncode == 0, turned.stderr
    assert turned.stdout == f"{back}: 2 boxes on 3 images\n"
    original = json.loads((files / "test.bbox.json").read_text())
    assert json.loads(back.read_text()) == sorted(original, key=lambda row: row["image_id"])


@pytest.mark.parametrize(
    ("predictions", "more", "message"),
    [
        ("absent.json", [], "no such file"),
        ("test.json", [], "looks like an annotation file"),
        ("wrong.json", [], "image_id 99"),
        ("cut.json", [], "is cut short"),
        ("wrong.csv", ["--to-coco"], "the first line must be PredictionString,image_id"),
        ("wrong.csv", [], "the first line must be PredictionString,image_id"),
        ("wrong.txt", [], "ends in '.txt'"),
        ("test.bbox.json", ["--to-coco"], "leave out --to-coco"),
    ],
)
def test_bad_input_is_refused_and_nothing_written(run_tool, files, predictions, more, message):
    row = {"image_id": 99, "category_id": 3, "bbox": [1, 2, 3, 4], "score": 0.5}
    (files / "wrong.json").write_text(json.dumps([row]))
    (files / "cut.json").write_text(json.dumps([row])[:-5])
    for name in ("wrong.csv", "wrong.txt"):
        (files / name).write_text("image_id\ntest/0000.jpg\n")
    before = sorted(files.iterdir())
    result = run_tool("to_submission", files / predictions, "--ann", files / "test.json", "--out", files / "out", *more)
    assert message in refusal(result)
    assert sorted(files.iterdir()) == before


def test_a_foreign_file_is_written_anew_in_the_form_of_the_contest(run_tool, files):
    theirs, ours = files / "theirs.csv", files / "ours.csv"
    rows = (
        ",image_id,PredictionString",
        "0,test/0002.jpg,3.0 0.5 1 2  30 40 ",
        "1,test/0000.jpg,nan",
        "2,test/0001.jpg,",
    )
    theirs.write_text("\r\n".join(rows))
    made = run_tool("to_submission", theirs, "--ann", files / "test.json", "--out", ours)
    assert made.returncode == 0, made.stderr
    assert ours.read_text().splitlines() == [
        "PredictionString,image_id",
        ",test/0000.jpg",
        ",test/0001.jpg",
        "3 0.5 1.0 2.0 30.0 40.0,test/0002.jpg",
    ]


def test_a_json_is_not_written_as_a_submission(run_tool, files):
    paths = files / "test.bbox.json", "--ann", files / "test.json", "--out", files / "out.json"
    assert "add --to-coco to write COCO results" in refusal(run_tool("to_submission", *paths))
    assert not (files / "out.json").exists()


def test_input_is_not_overwritten(run_tool, files):
    paths = files / "test.bbox.json", "--ann", files / "test.json"
    for target in ("test.json", "test.bbox.json"):
        before = (files / target).read_bytes()
        assert "would overwrite what is read" in refusal(run_tool("to_submission", *paths, "--out", files / target))
        assert (files / target).read_bytes() == before
