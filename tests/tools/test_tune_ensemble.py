from __future__ import annotations

import json

import numpy as np
import pytest
import tune_ensemble as tune_tool
from helpers import coco, refusal

from sortline.data.annotations import read_annotations
from sortline.errors import InputError
from sortline.predictions.matching import Truth, match
from sortline.predictions.ranking import map50_of
from sortline.predictions.read import read_predictions

IMAGES = 24
TRAIN = coco("train", images=IMAGES)
TEST = coco("test", images=6)


def detections(images: int, classes: tuple[int, ...], seed: int = 0) -> list[dict]:
    """Detect the boxes of some classes where they are, and beside each image's box something of class 3."""
    rng = np.random.default_rng(seed)
    rows = []
    for image in range(images):
        score = round(float(rng.uniform(0.3, 0.9)), 3)
        if image % 3 in classes:
            box = [4.0 + image % 7, 5.0, 30.0, 20.0]
            rows.append({"image_id": image, "category_id": image % 3, "bbox": box, "score": score})
        rows.append({"image_id": image, "category_id": 3, "bbox": [40.0, 30.0, 9.0, 9.0], "score": score})
    return rows


def noise(images: int) -> list[dict]:
    return [{**row, "bbox": [1.0, 1.0, 8.0, 8.0], "category_id": row["image_id"] % 3} for row in detections(images, ())]


MEMBERS = {"left": (0, 1), "right": (1, 2)}
FOLDS = "\n".join(["file_name,fold", *(f"train/{row:04}.jpg,{row % 2}" for row in range(IMAGES))])


PRED = ("left_oof.json", "right_oof.json", "noise_oof.json")


@pytest.fixture
def arguments(tmp_path):
    """Write files and return the arguments that name them; contents are replaced, or left out where None."""

    def make(*options: object, pred: tuple[str, ...] = PRED, **files) -> list[str]:
        contents = {
            "train.json": TRAIN,
            "folds.csv": FOLDS,
            **{f"{name}_oof.json": detections(IMAGES, classes) for name, classes in MEMBERS.items()},
            "noise_oof.json": noise(IMAGES),
            **{name.replace("__", "."): content for name, content in files.items()},
        }
        for name, content in contents.items():
            if content is not None:
                (tmp_path / name).write_text(content if isinstance(content, str) else json.dumps(content))
        words = ["--ann", tmp_path / "train.json", "--pred", *(tmp_path / name for name in pred)]
        return [str(word) for word in (*words, "--out", tmp_path / "recipe.yaml", *options)]

    return make


@pytest.fixture
def tune(run_tool, arguments):
    """Run the tool through its command line."""

    def run(*options: object, **files):
        return run_tool("tune_ensemble", *arguments(*options, **files))

    return run


def map50(ann, pred) -> float | None:
    annotations = read_annotations(ann)
    return map50_of(match(Truth.of(annotations), read_predictions(pred, annotations)))


def test_the_recipe_serves_the_test_predictions(tune, run_tool, tmp_path):
    result = tune("--report", tmp_path / "report.json")
    assert result.returncode == 0, result.stderr
    assert "left + right" in result.stdout
    assert "noise: left out" in result.stdout
    report = json.loads((tmp_path / "report.json").read_text())
    # Each member finds two of three classes perfectly, both together all.
    assert [entry["map50"] for entry in report["members"]] == pytest.approx([2 / 3, 2 / 3, 0])
    assert report["expected"]["map50"] == pytest.approx(1)
    assert report["gain_over_best_single"]["value"] == pytest.approx(1 - 2 / 3)
    assert report["folds_from"] == str(tmp_path / "folds.csv")
    assert [entry["fold"] for entry in report["folds"]] == ["0", "1"]

    (tmp_path / "test.json").write_text(json.dumps(TEST))
    test = {name: tmp_path / f"{name}_test.json" for name in MEMBERS}
    for name, path in test.items():
        path.write_text(json.dumps(detections(6, MEMBERS[name], seed=1)))
    words = ["--recipe", tmp_path / "recipe.yaml", "--ann", tmp_path / "test.json", "--pred", *test.values()]
    applied = run_tool("ensemble", *words, "--out", tmp_path / "fused.json")
    assert applied.returncode == 0, applied.stderr
    assert map50(tmp_path / "test.json", tmp_path / "fused.json") == pytest.approx(1)
    assert map50(tmp_path / "test.json", test["left"]) == pytest.approx(2 / 3)


def test_the_single_winner_is_the_recipe_as_it_is(tune, run_tool, tmp_path):
    result = tune("--groups", 3, "--seed", 1, pred=("left_oof.json", "noise_oof.json"))
    assert result.returncode == 0, result.stderr
    assert "THE BEST SINGLE MODEL WINS: left" in result.stdout
    assert "3 groups of images, drawn by chance" in result.stdout
    words = ["--recipe", tmp_path / "recipe.yaml", "--ann", tmp_path / "train.json"]
    out = tmp_path / "fused.json"
    applied = run_tool("ensemble", *words, "--pred", tmp_path / "left_oof.json", "--out", out)
    assert applied.returncode == 0, applied.stderr
    by_box = [sorted(json.loads(path.read_text()), key=str) for path in (out, tmp_path / "left_oof.json")]
    assert by_box[0] == by_box[1]


def test_without_folds_images_are_dealt_out_and_the_reader_is_told(arguments, capsys):
    tuning = tune_tool.main(arguments(folds__csv=None))
    assert tuning.origin == "5 groups of images, drawn by chance"
    assert "groups drawn by chance; better: --folds" in capsys.readouterr().out


def test_the_same_command_writes_the_same_files(arguments, tmp_path):
    texts = []
    for _ in range(2):
        tune_tool.main(arguments("--report", tmp_path / "report.json"))
        texts.append([(tmp_path / name).read_bytes() for name in ("recipe.yaml", "report.json")])
    assert texts[0] == texts[1]


OTHER_IMAGES = [{"image_id": 999, "category_id": 0, "bbox": [1, 1, 5, 5], "score": 0.5}]


@pytest.mark.parametrize(
    ("files", "options", "expected"),
    [
        ({"left_oof__json": detections(6, (0, 1, 2))[:2]}, (), ["left: has no box on any image of fold 1"]),
        ({"left_oof__json": []}, (), ["left: has no box on any image of fold 0, 1", "collect_oof.py"]),
        ({"folds__csv": FOLDS.rsplit("\n", 2)[0]}, (), ["folds.csv", "lacks 2 of", "train/0022.jpg"]),
        ({"folds__csv": FOLDS.replace("train/", "x/")}, (), ["folds.csv", "shares no image"]),
        ({"train__json": {**TRAIN, "annotations": []}}, (), ["--ann: has no boxes to be found"]),
        ({}, ("--groups", 25), ["--groups: is 25 for 24 images"]),
        ({}, ("--folds", "folds.csv", "--groups", 3), ["--groups: and --folds exclude each other"]),
        ({}, ("--folds", "nowhere.csv"), ["nowhere.csv"]),
        ({}, ("--seed", -1, "--budget", 0), ["--seed: is -1", "--budget: is 0"]),
    ],
)
def test_bad_input_is_named_and_nothing_is_written(arguments, tmp_path, files, options, expected):
    with pytest.raises(InputError) as error:
        tune_tool.main(arguments(*options, "--report", tmp_path / "report.json", **files))
    for words in expected:
        assert words in str(error.value)
    assert not (tmp_path / "recipe.yaml").exists()
    assert not (tmp_path / "report.json").exists()


def test_all_bad_files_come_in_one_message(tune, tmp_path):
    message = refusal(tune(left_oof__json=OTHER_IMAGES, right_oof__json=""))
    assert "left_oof.json: 1 row of images that the annotation file does not list" in message
    assert "right_oof.json: is empty" in message
    assert not (tmp_path / "recipe.yaml").exists()


@pytest.mark.parametrize(
    ("pred", "expected"),
    [
        (("left_oof.json",), "lists one member, so there is nothing to choose"),
        (("left_oof.json", "left_oof.json"), "more than once"),
    ],
)
def test_one_member_or_the_same_twice_is_refused(arguments, pred, expected):
    with pytest.raises(InputError, match=expected):
        tune_tool.main(arguments(pred=pred))


def test_inputs_are_never_overwritten(tmp_path):
    words = ["--ann", "train.json", "--pred", "a.json", "b.json", "--out", "a.json", "--report", "train.json"]
    with pytest.raises(InputError, match=r"a\.json would overwrite"):
        tune_tool.main(words)
