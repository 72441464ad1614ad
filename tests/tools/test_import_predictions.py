import json

import pytest
from helpers import CLASSES, coco, refusal


@pytest.fixture
def files(tmp_path):
    """Our annotation file, and what three frameworks wrote for a box of the class Glass on its second photo."""
    box = {"bbox": [16.0, 12.0, 32.0, 24.0], "score": 0.75}
    theirs = coco("elsewhere/test", images=3, boxes=False)
    for image in theirs["images"]:
        image["id"] += 500
    (tmp_path / "test.json").write_text(json.dumps(coco("test", images=3, boxes=False)))
    (tmp_path / "theirs.json").write_text(json.dumps(theirs))
    (tmp_path / "d2.json").write_text(json.dumps([{"image_id": 501, "category_id": 4, **box}]))
    (tmp_path / "yolo.json").write_text(json.dumps([{"image_id": 1, "category_id": 0, **box}]))
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels/0001.txt").write_text("0 0.5 0.5 0.5 0.5 0.75\n")
    (tmp_path / "data.yaml").write_text(
        json.dumps({"names": ["Glass", *(name for name in CLASSES if name != "Glass")]})
    )
    return tmp_path


SOURCES = {
    "d2.json": ["--from", "detectron2", "--their-ann", "theirs.json"],
    "yolo.json": ["--from", "yolo-json", "--classes", "data.yaml"],
    "labels": ["--from", "yolo-txt", "--classes", "data.yaml"],
}


def arguments(files, source, options):
    paths = {path.name: path for path in files.iterdir()}
    return [files / source, *(paths.get(option, option) for option in options), "--ann", files / "test.json"]


@pytest.mark.parametrize("source", SOURCES)
def test_every_framework_gives_the_same_results(run_tool, files, source):
    out = files / "out" / "x.bbox.json"
    made = run_tool("import_predictions", *arguments(files, source, SOURCES[source]), "--out", out)
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith(f"{out}: 1 box of 1 class on 1 of 3 images\n")
    assert json.loads(out.read_text()) == [
        {"image_id": 1, "category_id": 4, "bbox": [16.0, 12.0, 32.0, 24.0], "score": 0.75}
    ]


def test_what_is_imported_joins_the_ensemble(run_tool, files):
    outs = []
    for source, options in SOURCES.items():
        outs.append(files / f"{source}.bbox.json")
        assert run_tool("import_predictions", *arguments(files, source, options), "--out", outs[-1]).returncode == 0
    made = run_tool("ensemble", "--ann", files / "test.json", "--pred", *outs, "--out", files / "submission.csv")
    assert made.returncode == 0, made.stderr
    assert "4 0.75 16.0 12.0 48.0 36.0,test/0001.jpg" in (files / "submission.csv").read_text()


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("d2.json", ["--from", "detectron2"], "1 image id that the annotation file does not list: 501"),
        ("absent.json", ["--from", "detectron2"], "no such file"),
        ("labels", ["--from", "yolo-txt", "--their-ann", "theirs.json"], "--their-ann does not go with"),
        ("labels", ["--from", "yolo-txt", "--first-class", "1"], "--first-class does not go with"),
        ("yolo.json", ["--from", "yolo-json", "--classes", "theirs.json"], "no key 'names'"),
        ("labels", ["--from", "detectron2"], "can't be read"),
        ("d2.json", ["--from", "yolo-txt"], "is a file, not a folder"),
    ],
)
def test_bad_input_is_refused_and_nothing_written(run_tool, files, source, options, message):
    before = sorted(files.iterdir())
    result = run_tool("import_predictions", *arguments(files, source, options), "--out", files / "out.bbox.json")
    assert message in refusal(result)
    assert sorted(files.iterdir()) == before


@pytest.mark.parametrize(("out", "message"), [("out.csv", "does not end in .json"), ("test.json", "would overwrite")])
def test_the_target_is_a_json_of_its_own(run_tool, files, out, message):
    before = (files / "test.json").read_text()
    result = run_tool("import_predictions", *arguments(files, "labels", SOURCES["labels"]), "--out", files / out)
    assert message in refusal(result)
    assert (files / "test.json").read_text() == before
