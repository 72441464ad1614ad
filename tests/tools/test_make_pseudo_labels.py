"""Pseudo labels through the command line: made, refused, and trained on as a second source."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import make_pseudo_labels as tool
import pytest
from helpers import coco, refusal

from sortline.data.annotations import read_annotations
from sortline.errors import InputError
from sortline.files import file_sha256

BOX = [4.0, 5.0, 30.0, 20.0]
WITH_NAN = coco("test", 3, boxes=False)
WITH_NAN["images"][0]["altitude"] = float("nan")


def detections(images, score=0.8, **changes) -> list[dict]:
    return [{"image_id": i, "category_id": i % 3, "bbox": BOX, "score": score, **changes} for i in images]


@pytest.fixture
def make(run_tool, tmp_path):
    """Run the tool on files' contents, test and train json beside them."""
    return lambda *options, **files: run_tool("make_pseudo_labels", *arguments(tmp_path, *options, **files))


def arguments(folder: Path, *options: object, pred: Sequence[str] = ("a.json",), **files: object) -> list[str]:
    """Write the files and return the arguments that name them."""
    contents = {"test": coco("test", 3, boxes=False), "train": coco(), "a": detections(range(3))}
    for name, content in {**contents, **files}.items():
        (folder / f"{name}.json").write_text(content if isinstance(content, str) else json.dumps(content))
    out = [] if "--out" in options else ["--out", "pseudo.json"]
    words = map(str, ["--ann", "test.json", "--pred", *pred, *out, *options])
    return [str(folder / word) if word.endswith((".json", ".csv")) else word for word in words]


def written(folder: Path) -> dict:
    return read_annotations(folder / "pseudo.json")


def test_sure_boxes_become_labels_beside_the_train_file(make, tmp_path):
    found = [*detections([0], 0.9), *detections([1], 0.6), *detections([2], 0.3)]
    result = make("--score-thr", 0.5, "Paper=0.7", "--train", "train.json", "--json", "report.json", a=found)
    assert result.returncode == 0, result.stderr
    made = written(tmp_path)
    assert [(image["file_name"], image["id"], image["pseudo"]) for image in made["images"]] == [
        ("test/0000.jpg", 6, True)
    ]
    assert [(box["id"], box["image_id"], box["score"]) for box in made["annotations"]] == [(6, 6, 0.9)]
    assert made["categories"] == coco()["categories"]
    origin = made["info"]["sortline"]
    assert origin["made_by"] == "make_pseudo_labels"
    assert origin["sources"][1] == {"file": str(tmp_path / "a.json"), "sha256": file_sha256(tmp_path / "a.json")}
    assert origin["settings"]["score_thrs"]["Paper"] == 0.7
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["classes"]["Paper"]["predicted"] == 1
    assert report["labels"] == 1
    assert "1 of 3 images kept" in result.stdout
    assert "pseudo.json: 1 labels on 1 images" in result.stdout


def test_thresholds_from_precision_agreement_and_weights_go_together(make, tmp_path):
    train = coco(images=120)
    oof = [{**detections([i])[0], "bbox": box["bbox"]} for i, box in enumerate(train["annotations"])]
    other = [*detections([0], 0.5), *detections([1], 0.5, bbox=[30, 20, 20, 20])]
    files = {"train": train, "oof": oof, "b": other}
    options = ["--precision", 0.9, "--oof", "oof.json", "--oof-ann", "train.json", "--min-agree", 2]
    unweighted = make(*options, "--ignore-thr", 0.2, "--keep-empty", pred=("a.json", "b.json"), **files)
    assert unweighted.returncode == 0, unweighted.stderr
    made = written(tmp_path)
    # Image 1's box is elsewhere in the second file, image 2 has none there.
    assert [(box["image_id"] - made["images"][0]["id"], box["iscrowd"]) for box in made["annotations"]] == [
        (0, 0),
        (1, 1),
        (2, 1),
    ]
    assert "40/40 = 1.000" in unweighted.stdout
    assert "CoverIgnoredBoxes" in unweighted.stdout
    weighted = make("--score-thr", 0.5, "--soft-weights")
    assert weighted.returncode == 0, weighted.stderr
    assert [box["weight"] for box in written(tmp_path)["annotations"]] == [0.8] * 3


def test_pseudo_labels_out_of_fold_are_no_ground_truth(make):
    train = coco(images=120)
    oof = [{**detections([i])[0], "bbox": box["bbox"]} for i, box in enumerate(train["annotations"])]
    train["images"] = [{**image, "pseudo": image["id"] >= 60} for image in train["images"]]
    result = make("--score-thr", 0.5, "--oof", "oof.json", "--oof-ann", "train.json", train=train, oof=oof)
    assert result.returncode == 0, result.stderr
    assert "20/20 = 1.000" in result.stdout


def test_images_of_the_train_file_are_warned_of(make):
    result = make("--score-thr", 0.5, "--train", "train.json", train=coco("test"))
    assert result.returncode == 0, result.stderr
    assert "3 of its images have the file_name of a train image" in result.stderr


@pytest.mark.parametrize(
    ("options", "files", "message"),
    [
        ([], {}, "nothing says which boxes become labels"),
        (["--score-thr", "high"], {}, "--score-thr: can't be read: 'high'"),
        (["--score-thr", 0.5, 0.6], {}, "has 2 numbers for all classes"),
        (["--score-thr", "Paper=0.5", "Paper=0.6"], {}, "two numbers for 'Paper'"),
        (["--score-thr", 0.5, "Papper=0.5"], {}, "did you mean 'Paper"),
        (["--score-thr", 0.99], {}, "no box is left"),
        (["--precision", 0.9], {}, "--precision: needs out-of-fold predictions"),
        (["--precision", 0.9, "--oof", "a.json"], {}, "--oof: and --oof-ann go together"),
        (["--score-thr", 0.5, "--min-agree", 2], {}, "2 files have to agree, and --pred lists 1"),
        (["--score-thr", 0.5, "--out", "a.json"], {}, "would overwrite what is read"),
        (["--score-thr", 0.5, "--out", "x.csv"], {}, "x.csv does not end in .json"),
        (["--score-thr", 0.5, "--json", "pseudo.json"], {}, "would overwrite"),
        (["--score-thr", 0.5, "--train", "none.json"], {}, "none.json: no such file"),
        (["--score-thr", 0.5], {"a": detections([7])}, "image_id 7"),
        (["--score-thr", 0.5], {"a": ""}, "a.json: is empty"),
        (["--score-thr", 0.5], {"test": WITH_NAN}, "test.json: holds NaN or infinity"),
        (["--score-thr", 0.5], {"a": detections([0], -0.5)}, "with a score outside 0 to 1"),
    ],
)
def test_bad_input_is_named_and_nothing_written(tmp_path, options, files, message):
    with pytest.raises(InputError) as refused:
        tool.main(arguments(tmp_path, *options, **files))
    assert message in str(refused.value)
    assert not (tmp_path / "pseudo.json").exists()


def test_a_refusal_is_one_message_and_status_2(make, tmp_path):
    assert "a.json more than once" in refusal(make("--score-thr", 0.5, pred=("a.json", "a.json")))
    assert not (tmp_path / "pseudo.json").exists()


SOURCES = """
train_sources = [dict(name="pseudo", ann_file="pseudo.json", weight=0.5)]
train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="SampleBoxesByWeight", otherwise="ignored"),
    dict(type="CoverIgnoredBoxes"),
    dict(type="LoadAnnotations", with_bbox=True),
    dict(type="Resize", scale=(64, 64), keep_ratio=False),
    dict(type="PackDetInputs"),
]
"""


@pytest.mark.mm
def test_training_takes_them_as_a_second_source(run_tool, make_dataset, make_config, tmp_path):
    data = make_dataset()
    (tmp_path / "a.json").write_text(json.dumps([*detections(range(3)), *detections([0], 0.4, bbox=[40, 2, 20, 20])]))
    options = ["--train", data / "train.json", "--score-thr", 0.5, "--ignore-thr", 0.2, "--soft-weights"]
    made = run_tool(
        "make_pseudo_labels",
        *("--ann", data / "test.json", "--pred", tmp_path / "a.json", "--out", data / "pseudo.json", *options),
    )
    assert made.returncode == 0, made.stderr
    run = tmp_path / "run"
    trained = run_tool("train", make_config(data, SOURCES), "--work-dir", run, "--smoke")
    assert trained.returncode == 0, trained.stdout + trained.stderr
    assert list(run.glob("*.pth"))
    log = "".join(path.read_text() for path in run.glob("*/*.log"))
    assert "train_dataloader.sampler = WeightedSampler with source_weights {'pseudo': 0.5}" in log


@pytest.mark.mm
def test_predictions_of_validation_images_are_refused_as_a_source(run_tool, make_dataset, make_config, tmp_path):
    data = make_dataset()
    (tmp_path / "a.json").write_text(json.dumps(detections(range(6))))
    files = ["--ann", data / "train.json", "--pred", tmp_path / "a.json", "--out", data / "pseudo.json"]
    assert run_tool("make_pseudo_labels", *files, "--score-thr", 0.5).returncode == 0
    message = refusal(run_tool("train", make_config(data, SOURCES), "--work-dir", tmp_path / "run", "--dry-run"))
    assert "train_sources.0: trains on images that are validated on" in message
